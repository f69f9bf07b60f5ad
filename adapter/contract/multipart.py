"""A multipart body read as it comes: each part into a file of its own, every limit held before more is taken.

Python's own reader of MIME wants the whole message in memory, and forgives what a signature or a gateway before us may
have read otherwise; here whatever can be read in two ways is refused.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from adapter.contract.mime import DECODERS, Decoder, MediaType, PartHead, read_head
from adapter.mark import Mark
from adapter.refusals import TooLarge, Unreadable

BLOCK = 64 * 1024
_LONGEST_PREAMBLE = 1024
_LONGEST_LINE_END = 256


@dataclass(frozen=True, slots=True)
class PartLimits:
    """What the parts of one message may be; `parts` are those beside the first, which is the message itself."""

    parts: int = 10
    part_bytes: int = 20 * 1024 * 1024
    headers: int = 100
    header_bytes: int = 16 * 1024


class Place(Protocol):
    """Where a part's content is written as it comes, and read again from its beginning."""

    def write(self, content: bytes, /) -> object:
        """Take the next bytes."""
        ...

    def seek(self, place: int, /) -> int:
        """Stand at a place."""
        ...

    def read(self, size: int = -1, /) -> bytes:
        """The content from there."""
        ...


@dataclass(slots=True)
class Part:
    """One part; `size` is that of its decoded content, which lies in the file, or in the store under its mark."""

    head: PartHead
    file: Place
    size: int = 0
    is_whole: bool = False
    mark: Mark | None = None

    def content(self) -> bytes:
        """All of it."""
        self.file.seek(0)
        return self.file.read()


class Multipart:
    """The reader. `most` bounds the decoded content of all parts; it may be narrowed while they come.

    `feed` and `close` raise Unreadable or TooLarge; after that nothing of the message is to be used. `open_file` gives
    the file for a part, which is not closed here.
    """

    def __init__(
        self,
        media_type: MediaType,
        *,
        most: int,
        limits: PartLimits = PartLimits(),
        open_file: Callable[[PartHead], Place] = lambda _: io.BytesIO(),
    ) -> None:
        self.parts: list[Part] = []
        self.most = most
        self._limits = limits
        self._open_file = open_file
        self._delimiter = b"\r\n--" + media_type.boundary
        self._buffer = bytearray(b"\r\n")  # so that a boundary at the very beginning stands after a line's end too
        self._step: Callable[[], bool] = self._skip_preamble
        self._decoder: Decoder = DECODERS["binary"]()

    @property
    def size(self) -> int:
        """How many bytes the parts hold, decoded, so far."""
        return sum(part.size for part in self.parts)

    @property
    def held(self) -> int:
        """How many of these are not in the store."""
        return sum(part.size for part in self.parts if part.mark is None)

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the body."""
        self._buffer += piece
        while self._step():
            pass

    def close(self) -> None:
        """The body has ended; raises Unreadable when its last boundary did not come."""
        if self._step != self._skip_epilogue:
            raise Unreadable("The multipart body ends before its closing boundary")

    def _skip_preamble(self) -> bool:
        place = self._buffer.find(self._delimiter)
        if place > _LONGEST_PREAMBLE or (place < 0 and len(self._buffer) > _LONGEST_PREAMBLE + len(self._delimiter)):
            raise Unreadable("The multipart body does not begin with its boundary")
        return self._pass(place)

    def _pass(self, place: int) -> bool:
        """Go on after the delimiter at that place, if there is one."""
        if place < 0:
            return False
        del self._buffer[: place + len(self._delimiter)]
        self._step = self._end_delimiter
        return True

    def _end_delimiter(self) -> bool:
        """After a boundary only `--`, and blanks up to the line's end, may stand."""
        if len(self._buffer) < len(b"--"):
            return False
        if self._buffer.startswith(b"--"):
            del self._buffer[: len(b"--")]
            self._step = self._skip_epilogue
            return True
        end = self._buffer.find(b"\r\n")
        rest = self._buffer[:end] if end >= 0 else self._buffer.removesuffix(b"\r")
        if rest.strip(b" \t") or len(rest) > _LONGEST_LINE_END:
            raise Unreadable("A boundary of the multipart body goes on after its end")
        if end < 0:
            return False
        del self._buffer[:end]  # the line's end stays: a part without headers begins with an empty line
        self._step = self._read_head
        return True

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if max(end, len(self._buffer) if end < 0 else 0) > self._limits.header_bytes:
            raise Unreadable("A part's header is too large, or has no end")
        if end < 0:
            return False
        head = read_head(bytes(self._buffer[2:end]), most=self._limits.headers)
        if len(self.parts) > self._limits.parts:
            raise TooLarge(f"A message may have {self._limits.parts} attachments")
        known = {part.head.content_id for part in self.parts} - {None}
        if head.content_id in known:
            raise Unreadable("Two parts have the same Content-ID")
        del self._buffer[: end + 2]  # the empty line's end stays: an empty part is ended by its boundary at once
        self._decoder = DECODERS[head.encoding]()
        self.parts.append(Part(head, self._open_file(head)))
        self._step = self._begin_content
        return True

    def _begin_content(self) -> bool:
        """An empty content may have left its line's end to the boundary; any other begins after it."""
        needed = len(self._delimiter)
        if len(self._buffer) < needed and self._delimiter.startswith(self._buffer):
            return False
        if not self._buffer.startswith(self._delimiter):
            del self._buffer[:2]
        self._step = self._read_content
        return True

    def _read_content(self) -> bool:
        place = self._buffer.find(self._delimiter)
        end = place if place >= 0 else self._safe_end()
        self._keep(self._decoder.feed(bytes(self._buffer[:end])))
        if place < 0:
            del self._buffer[:end]
            return False
        self._keep(self._decoder.close())
        self.parts[-1].is_whole = True
        return self._pass(place)

    def _safe_end(self) -> int:
        """Up to where no delimiter may have begun."""
        begun = self._buffer.rfind(b"\r", max(0, len(self._buffer) - len(self._delimiter) + 1))
        return begun if begun >= 0 else len(self._buffer)

    def _keep(self, content: bytes) -> None:
        part = self.parts[-1]
        part.size += len(content)
        if part.size > self._limits.part_bytes:
            raise TooLarge(f"A part may have at most {self._limits.part_bytes} bytes")
        if self.size > self.most:
            raise TooLarge(f"The message may have at most {self.most} bytes with its attachments")
        part.file.write(content)

    def _skip_epilogue(self) -> bool:
        if self._buffer.strip():
            raise Unreadable("The multipart body goes on after its closing boundary")
        self._buffer.clear()
        return False
