"""Documents of the stand-ins: a real PDF of one page, made here, so that nothing must be shipped for it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Papers:
    """The documents of a stand-in; with `large_bytes` each has so many and is told by its number alone."""

    large_bytes: int = 0

    def content(self, line: str) -> bytes:
        """The document's bytes, the same for the same line."""
        return _paper(line, self.large_bytes)

    def told(self, line: str, *, content: str, sha256: str) -> Mapping[str, str]:
        """What a message carries of it, under these names: digest, and content unless it has to be asked for."""
        digest = {sha256: _digest(line, self.large_bytes)}
        return digest if self.large_bytes else {content: base64.b64encode(self.content(line)).decode("ascii"), **digest}


@lru_cache(maxsize=2)
def _paper(line: str, size: int) -> bytes:
    return one_page_pdf(line).ljust(size, b"%")


@lru_cache(maxsize=1024)
def _digest(line: str, size: int) -> str:
    return hashlib.sha256(_paper(line, size)).hexdigest()


def one_page_pdf(line: str) -> bytes:
    """A valid PDF with one line of ASCII text; the same line gives the same bytes."""
    shown = line.encode("ascii").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    drawing = b"BT /F1 18 Tf 72 760 Td (" + shown + b") Tj ET"
    fonts = b"<< /Font << /F1 5 0 R >> >>"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources %s >>" % fonts,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    content = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(content))
    return content + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + trailer
