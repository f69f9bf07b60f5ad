"""Document marks: what stands in a record and in frozen bytes where a large document's content would stand.

A mark names the content by its SHA-256 and size, and is itself valid Base64: it passes every schema, table and codec as
content would. Records that say the same have the same marks. The content lies sealed in the store of documents
(`adapter/channels.py`, `Documents`) and takes the mark's place while the message is sent.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

_MAGIC = b"panjereh:document-mark:1"
_SIZE_BYTES, _CHECK_BYTES = 8, 2
RAW_BYTES = len(_MAGIC) + sha256().digest_size + _SIZE_BYTES + _CHECK_BYTES
"""66: a whole number of triples, and so is the magic, so that the Base64 of a mark begins alike and has no padding."""

TEXT_PREFIX = b64encode(_MAGIC)
_TEXT_BYTES = RAW_BYTES // 3 * 4
_RAW = re.compile(re.escape(_MAGIC) + b".{%d}" % (RAW_BYTES - len(_MAGIC)), re.DOTALL)
_TEXT = re.compile(re.escape(TEXT_PREFIX) + b"[A-Za-z0-9+/]{%d}" % (_TEXT_BYTES - len(TEXT_PREFIX)))
_AROUND_TEXT = frozenset({b"><", b'""'})
"""What stands before and after a field of XML or JSON; blanks would let one field of text hold many."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The SHA-256 of a document's content and its size in bytes."""

    digest: bytes
    size: int

    @property
    def raw(self) -> bytes:
        """The mark as it stands in a binary part."""
        told = self.digest + self.size.to_bytes(_SIZE_BYTES, "big")
        return _MAGIC + told + sha256(told).digest()[:_CHECK_BYTES]

    @property
    def text(self) -> str:
        """The mark as it stands in a field of Base64."""
        return b64encode(self.raw).decode("ascii")


@dataclass(frozen=True, slots=True)
class Brought:
    """A large document that came whole with a request: the id under which it waits, its mark, and how it begins."""

    id: str
    mark: Mark
    head: bytes


@dataclass(frozen=True, slots=True)
class Marked:
    """A mark at its place in frozen bytes: between `start` and `end`, as Base64 or as it is."""

    mark: Mark
    start: int
    end: int
    is_text: bool


def mark_of(text: str) -> Mark | None:
    """The mark that this field's content is, or None when it is content of its own."""
    whole = _TEXT.fullmatch("".join(text.split()).encode("ascii", "replace"))
    return _read(b64decode(whole[0])) if whole else None


def marks_in(frozen: bytes) -> Iterator[Marked]:
    """Every mark in these bytes, in the order of their places; one amid other content is part of that content."""
    found = [(match, True) for match in _TEXT.finditer(frozen)] + [(match, False) for match in _RAW.finditer(frozen)]
    for match, is_text in sorted(found, key=lambda one: one[0].start()):
        mark = _read(b64decode(match[0]) if is_text else match[0]) if _stands_alone(match, is_text=is_text) else None
        if mark is not None:
            yield Marked(mark, match.start(), match.end(), is_text)


def holds_stray_marks(content: bytes) -> bool:
    """Whether a part that is not one mark and nothing else has anything in it that could be taken for one."""
    return _MAGIC in content and (len(content) != RAW_BYTES or _read(content) is None)


def whole_size(frozen: bytes) -> int:
    """How many bytes these are once every document has taken its mark's place."""
    sizes = [(one.end - one.start, _sent(one)) for one in marks_in(frozen)]
    return len(frozen) + sum(sent - mark for mark, sent in sizes)


def _sent(marked: Marked) -> int:
    return -(-marked.mark.size // 3) * 4 if marked.is_text else marked.mark.size


def _stands_alone(match: re.Match[bytes], *, is_text: bool) -> bool:
    """A field holds nothing but its mark, a part neither: content that some caller wrote may hold one anywhere."""
    before, after = match.string[max(match.start() - 4, 0) : match.start()], match.string[match.end() : match.end() + 4]
    if is_text:
        return before[-1:] + after[:1] in _AROUND_TEXT
    return before in {b"", b"\r\n\r\n"} and after in {b"", b"\r\n--"}


def _read(raw: bytes) -> Mark | None:
    told = raw[len(_MAGIC) : -_CHECK_BYTES]
    mark = Mark(told[:-_SIZE_BYTES], int.from_bytes(told[-_SIZE_BYTES:], "big"))
    return mark if mark.raw == raw else None
