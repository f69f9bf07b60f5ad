"""Types of documents: what contradicts is refused with both names, what counts as equal passes."""

from __future__ import annotations

import io
import zipfile

import pytest

from adapter.contract.sniffing import HEAD_BYTES, check_type
from adapter.refusals import TypeDiffers, Unreadable

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def docx() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document/>")
    return written.getvalue()


PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01"
CAMERA_JPEG = b"\xff\xd8\xff\xe1\x1a\x2cExif\x00\x00MM"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
TIFF = b"II*\x00\x08\x00\x00\x00"
DWG = b"AC1027\x00\x00\x00\x00\x00\x00"
DXF = b"  0\r\nSECTION\r\n  2\r\nHEADER\r\n"
OLD_WORD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
PROGRAM = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00"
HTML = b"<!DOCTYPE html><html><body>"
PERSIAN = "گزارش بازدید از ملک".encode()


@pytest.mark.parametrize(
    ("declared", "content"),
    [
        ("application/pdf", PDF),
        ("Application/PDF; name=plan.pdf", PDF),
        ("application/pdf", b"\xef\xbb\xbf\r\n" + PDF),
        ("image/jpeg", JPEG),
        ("image/jpg", JPEG),
        ("image/pjpeg", CAMERA_JPEG),
        ("image/png", PNG),
        ("image/tiff", TIFF),
        ("image/bmp", b"BM\x36\x00\x00\x00\x00\x00\x00\x00\x36\x00"),
        ("image/vnd.dwg", DWG),
        ("application/acad", DWG),
        ("image/vnd.dxf", DXF),
        (WORD, docx()),
        ("application/zip", docx()),
        ("application/msword", OLD_WORD),
        ("application/vnd.ms-excel", OLD_WORD),
        ("text/plain", PERSIAN),
        ("text/plain", b"BM is how this text begins"),
        ("text/csv", b"a,b\r\n1,2\r\n"),
        ("text/html", HTML),
        ("application/xml", b'<?xml version="1.0"?><a/>'),
        ("text/xml", b"<a/>"),
        ("application/octet-stream", PROGRAM),
        ("application/vnd.gov.invented", PERSIAN),
    ],
)
def test_what_is_what_it_is_declared_as_passes(declared: str, content: bytes) -> None:
    check_type(declared, content)
    check_type(declared, content.ljust(3 * HEAD_BYTES, b"x"))


@pytest.mark.parametrize(
    ("declared", "content", "told"),
    [
        ("application/pdf", PROGRAM, "declared as application/pdf, and its content is .*executable"),
        ("application/pdf", JPEG, "its content is image/jpeg"),
        ("application/pdf", HTML, "its content is text/html"),
        ("application/pdf", PERSIAN, "no type that is known"),
        ("application/pdf", b"", "no type that is known"),
        ("image/jpeg", PNG, "declared as image/jpeg, and its content is image/png"),
        ("image/jpg", PDF, "declared as image/jpg, and its content is application/pdf"),
        ("image/tiff", docx(), "is declared as image/tiff"),
        ("image/vnd.dwg", DXF, "no type that is known"),
        ("image/vnd.dxf", DWG, "image/vnd.dwg"),
        (WORD, PDF, "application/pdf"),
        (WORD, OLD_WORD, "application/msword"),
        ("application/msword", docx(), "is declared as application/msword"),
        ("text/plain", PDF, "application/pdf"),
        ("text/plain", b"a\x00b", "no type that is known"),
        ("text/csv", PROGRAM, "executable"),
        ("application/vnd.gov.invented", PROGRAM, "executable"),
    ],
)
def test_what_contradicts_is_refused_with_both_types_named(declared: str, content: bytes, told: str) -> None:
    with pytest.raises(TypeDiffers, match=told):
        check_type(declared, content)


def test_what_is_no_media_type_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        check_type("; a pdf", PDF)
