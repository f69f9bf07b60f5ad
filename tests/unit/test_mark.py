"""Document marks: recognised in fields and in frozen bytes, and never mistaken for content."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest

from adapter.mark import RAW_BYTES, TEXT_PREFIX, Mark, Marked, mark_of, marks_in

MARK = Mark(sha256(b"a plan").digest(), 200 * 1024 * 1024)


def test_a_mark_is_base64_that_reads_back_as_the_same_mark() -> None:
    assert base64.b64decode(MARK.text, validate=True) == MARK.raw
    assert len(MARK.raw) == RAW_BYTES
    assert MARK.text.startswith(TEXT_PREFIX.decode())
    assert mark_of(MARK.text) == MARK


def test_a_mark_broken_over_lines_is_read() -> None:
    assert mark_of(f"\n {MARK.text[:40]}\n {MARK.text[40:]}\n") == MARK


@pytest.mark.parametrize(
    "text",
    [
        "",
        "aGVsbG8=",
        TEXT_PREFIX.decode(),
        MARK.text[:-4],
        f"{MARK.text}AAAA",
        MARK.text[:-4] + "AAAA",
        "سند",
    ],
)
def test_content_of_its_own_is_no_mark(text: str) -> None:
    assert mark_of(text) is None


def test_marks_are_found_in_frozen_bytes_at_their_places() -> None:
    other = Mark(sha256(b"another").digest(), 1)
    frozen = b"<Content>" + MARK.text.encode() + b"</Content>\r\n\r\n" + other.raw + b"\r\n--end"

    first, second = marks_in(frozen)

    assert first == Marked(MARK, 9, 97, is_text=True)
    assert (second.mark, second.is_text) == (other, False)
    assert frozen[second.start : second.end] == other.raw


def test_bytes_that_only_begin_like_a_mark_are_left_alone() -> None:
    assert list(marks_in(TEXT_PREFIX + b"=" * 80 + MARK.raw[:-1])) == []
    assert list(marks_in(MARK.raw[:-1] + bytes([MARK.raw[-1] ^ 1]))) == []
