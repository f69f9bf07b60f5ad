"""What a large attachment costs: nothing that grows with it in the store, without one a few copies in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024
SIZE = 20 * MIB - 16


told_by_linux = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="the peak of memory is told by Linux alone"
)


def growth(*arguments: str) -> int:
    """By how many bytes a door's memory grew over one request."""
    command = [sys.executable, "-m", "tests.support.receiving", *arguments]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120).stdout.split()
    return int(told[1]) - int(told[0])


@told_by_linux
def test_twenty_mebibytes_are_received_with_a_few_copies_of_them() -> None:
    """Its Base64 is held twice, as made and in the tree or the record: with what malloc keeps, 3.3 times its size."""
    assert growth(str(SIZE)) < 4 * SIZE


@told_by_linux
def test_sixty_mebibytes_are_received_stored_and_read_again_in_thirty(journal_url: str) -> None:
    """Two hundred are no more: nothing but a chunk or two is ever held."""
    assert growth(str(60 * MIB), journal_url) < 30 * MIB
