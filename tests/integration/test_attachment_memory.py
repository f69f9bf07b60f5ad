"""What a large attachment costs: a few copies of it in memory, however it comes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024
SIZE = 20 * MIB - 16


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of memory is told by Linux alone")
def test_twenty_mebibytes_are_received_with_a_few_copies_of_them() -> None:
    """Its Base64 is held twice, as made and in the tree or the record: with what malloc keeps, 3.3 times its size."""
    command = [sys.executable, "-m", "tests.support.receiving", str(SIZE)]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120).stdout.split()
    before, peak = int(told[0]), int(told[1])
    assert peak - before < 4 * SIZE
