"""A large document passes through a whole daemon, each way, and none of it stays in its memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.documents import MIB, measure


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of memory is told by Linux alone")
def test_forty_mebibytes_pass_inward_and_outward_in_thirty_of_memory(tmp_path: Path) -> None:
    figures = measure(tmp_path, size=40 * MIB)

    assert [figure.line() for figure in figures if not figure.passed] == []
    assert len(figures) == 3
