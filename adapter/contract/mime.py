"""Headers of MIME as far as messages with attachments need them: media types with parameters, transfer encodings."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from adapter.refusals import Unreadable

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a grammar's token, no secret
_TYPE = re.compile(rf"\s*({_TOKEN}(?:/{_TOKEN})?)\s*")
_PARAMETER = re.compile(rf';\s*(?:({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;",]+))\s*)?')
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class MediaType:
    """A Content-Type or Content-Disposition: its name in small letters, its parameters by names in small letters."""

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_multipart(self) -> bool:
        """Whether the body consists of parts."""
        return self.name.startswith("multipart/")

    @property
    def boundary(self) -> bytes:
        """What stands between the parts (RFC 2046 §5.1.1); raises Unreadable."""
        found = self.parameters.get("boundary", "")
        if not _BOUNDARY.fullmatch(found):
            raise Unreadable("The multipart body has no usable boundary")
        return found.encode()


@lru_cache(maxsize=64)
def media_type_of(text: str) -> MediaType:
    """A header's value, read whole; raises Unreadable for one that is no media type or says a parameter twice."""
    begun = _TYPE.match(text)
    if begun is None:
        raise Unreadable("A media type cannot be read")
    found: dict[str, str] = {}
    place = begun.end()
    while place < len(text):
        one = _PARAMETER.match(text, place)
        if one is None or not one[0]:
            raise Unreadable("The parameters of a media type cannot be read")
        place = one.end()
        if one[1] is None:
            continue
        name = one[1].lower()
        if name in found:
            raise Unreadable("A media type has a parameter twice")
        found[name] = re.sub(r"\\(.)", r"\1", one[2]) if one[2] is not None else one[3]
    return MediaType(begun[1].lower(), found)


@dataclass(frozen=True, slots=True)
class PartHead:
    """What the header of a part says. `name` and `filename` are data: no path is ever made of them."""

    media_type: MediaType
    content_id: str | None = None
    encoding: str = "binary"
    name: str | None = None
    filename: str | None = None


def read_head(block: bytes, *, most: int) -> PartHead:
    """The header of a part, without the empty line at its end; raises Unreadable."""
    found: dict[str, str] = {}
    for line in _lines(block, most):
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch(_TOKEN, name):
            raise Unreadable("A part's header cannot be read")
        if name.lower() in found:
            raise Unreadable(f"A part's header has {name[:64]} twice")
        found[name.lower()] = value.strip()
    encoding = found.get("content-transfer-encoding", "binary").lower()
    if encoding not in DECODERS:
        raise Unreadable("A part's Content-Transfer-Encoding is unknown here")
    media_type = media_type_of(found.get("content-type", "application/octet-stream"))
    if media_type.name.startswith(("multipart/", "message/")):
        raise Unreadable("A part that holds parts itself is not accepted")
    disposition = media_type_of(found.get("content-disposition", "attachment")).parameters
    return PartHead(
        media_type=media_type,
        content_id=_content_id(found.get("content-id")),
        encoding=encoding,
        name=disposition.get("name"),
        filename=disposition.get("filename"),
    )


def _lines(block: bytes, most: int) -> list[str]:
    """The lines of a header, folded ones joined again (RFC 5322 §2.2.3)."""
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable("A part's header is not UTF-8 text") from error
    lines = re.sub(r"\r\n[ \t]+", " ", text).split("\r\n") if text else []
    if len(lines) > most:
        raise Unreadable(f"A part has more than {most} headers")
    if any(_CONTROL.search(line) for line in lines):
        raise Unreadable("A part's header has a control character, or a line that does not end with CR and LF")
    return lines


def _content_id(text: str | None) -> str | None:
    if text is None:
        return None
    if not (text.startswith("<") and text.endswith(">")) or not text[1:-1]:
        raise Unreadable("A Content-ID must stand between < and >")
    return text[1:-1]


class Decoder(Protocol):
    """Undoes a transfer encoding piece by piece; raises Unreadable."""

    def feed(self, piece: bytes) -> bytes:
        """What the piece, and what was held back, decode to."""
        ...

    def close(self) -> bytes:
        """What was still held back."""
        ...


class _Plain:
    def feed(self, piece: bytes) -> bytes:
        return piece

    def close(self) -> bytes:
        return b""


class _Base64:
    def __init__(self) -> None:
        self._held = b""
        self._is_ended = False

    def feed(self, piece: bytes) -> bytes:
        whole = self._held + piece.translate(None, b" \t\r\n")
        usable = len(whole) - len(whole) % 4
        self._held = whole[usable:]
        if whole and self._is_ended:
            raise _not_base64()
        self._is_ended = whole[:usable].endswith(b"=")
        try:
            return binascii.a2b_base64(whole[:usable], strict_mode=True)
        except binascii.Error as error:
            raise _not_base64() from error

    def close(self) -> bytes:
        if self._held:
            raise _not_base64()
        return b""


class _QuotedPrintable:
    """Line by line, as spaces before a line's end count only if more follows (RFC 2045 §6.7)."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        whole = self._held + piece
        usable = whole.rfind(b"\n") + 1
        self._held = whole[usable:]
        if len(self._held) > _LONGEST_LINE:
            raise Unreadable("A line of a quoted-printable part is too long")
        return self._decoded(whole[:usable])

    def close(self) -> bytes:
        return self._decoded(self._held)

    def _decoded(self, text: bytes) -> bytes:
        if _NOT_QUOTED.search(text):
            raise Unreadable("A part is not quoted-printable as its header says")
        return binascii.a2b_qp(text)


_LONGEST_LINE = 4096
_NOT_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n|[ \t]*\Z)")


def _not_base64() -> Unreadable:
    return Unreadable("A part is not Base64 as its header says")


DECODERS: Mapping[str, Callable[[], Decoder]] = {
    "binary": _Plain,
    "8bit": _Plain,
    "7bit": _Plain,
    "base64": _Base64,
    "quoted-printable": _QuotedPrintable,
}
"""By Content-Transfer-Encoding; what another one would hide is not accepted."""
