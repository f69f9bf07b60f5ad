"""Document marks: recognised in fields and in frozen bytes, and never mistaken for content."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest

from adapter.mark import RAW_BYTES, TEXT_PREFIX, Mark, Marked, mark_of, marks_in, whole_size

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


def test_a_mark_amid_other_content_is_part_of_that_content() -> None:
    assert list(marks_in(b'{"content":"abcd' + MARK.text.encode() + b'"}')) == []
    assert list(marks_in(b"\r\n\r\n%PDF" + MARK.raw + b"\r\n--end")) == []


def test_marks_between_blanks_are_part_of_a_text() -> None:
    text = MARK.text.encode()

    for around in (b"<T>%b</T>", b'{"t":"%b"}'):
        assert len(list(marks_in(around % text))) == 1
        assert list(marks_in(around % (text + b" " + text))) == []
        assert list(marks_in(around % (b" " + text + b" "))) == []


@pytest.mark.parametrize(("size", "inline"), [(0, 0), (1, 4), (3, 4), (300_001, 400_004)])
def test_the_whole_size_is_that_with_every_document_in_its_place(size: int, inline: int) -> None:
    mark = Mark(sha256(b"a plan").digest(), size)

    assert whole_size(b"<C>" + mark.text.encode() + b"</C>") == 7 + inline
    assert whole_size(b"C: d\r\n\r\n" + mark.raw + b"\r\n--b--") == 8 + size + 7
    assert whole_size(b"nothing but itself") == 18
