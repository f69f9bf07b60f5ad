"""Whether a document is what it is declared as, by how its content begins.

Signatures are puremagic's (MIT, looked after, one file of data; `filetype` has had no release since 2022 and tells one
type only, where a zip may be a dozen). Nothing is guessed for what has no signature: plain text, a DXF drawing, CSV.
"""

from __future__ import annotations

import puremagic

from adapter.contract.mime import media_type_of
from adapter.refusals import TypeDiffers

HEAD_BYTES = 4096
"""So much of a document's beginning tells its type."""

_OFFICE = "application/vnd.openxmlformats-officedocument"
_ALIKE = (
    ("application/pdf", "application/x-pdf"),
    ("image/jpeg", "image/jpg", "image/pjpeg"),
    ("image/png", "image/x-png"),
    ("image/tiff", "image/tif", "image/x-tiff"),
    ("image/bmp", "image/x-bmp", "image/x-ms-bmp"),
    ("image/gif",),
    ("image/webp",),
    ("image/heif", "image/heic", "image/heif-sequence", "image/heic-sequence"),
    ("image/vnd.dwg", "image/x-dwg", "application/acad", "application/x-acad", "application/dwg", "application/x-dwg"),
    (
        "application/zip",
        "application/x-zip-compressed",
        f"{_OFFICE}.wordprocessingml.document",
        f"{_OFFICE}.spreadsheetml.sheet",
        f"{_OFFICE}.presentationml.presentation",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.google-earth.kmz",
    ),
    ("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint", "application/vnd.ms-outlook"),
    ("application/vnd.rar", "application/x-rar-compressed"),
    ("application/x-7z-compressed",),
)
"""Names that count as equal: each row has one signature, which every content of its types begins with."""

_FAMILY = {name: row[0] for row in _ALIKE for name in row}
_SAYS_NOTHING = "application/octet-stream"
_TEXTS = ("text/", "application/xml", "application/json", "image/svg+xml")
_SURE = 0.4
"""Below this a signature is of two letters, which a text may begin with as well."""

_BEFORE_PDF = b"\xef\xbb\xbf\0\t\r\n "


def check_type(declared: str, head: bytes) -> None:
    """Raise TypeDiffers, which names both types, when a content that begins so cannot be of the declared type."""
    name = media_type_of(declared).name
    family = _FAMILY.get(name, name)
    if family == _SAYS_NOTHING:
        return
    likely = _likely(head[:HEAD_BYTES])
    if family in likely or (family not in _FAMILY and _may_be(family, head, likely)):
        return
    found = next(iter(likely), "no type that is known by its beginning")
    raise TypeDiffers(f"A document is declared as {name}, and its content is {found}")


def _may_be(family: str, head: bytes, likely: dict[str, bool]) -> bool:
    """A type without a signature: anything that is surely no other's, and for a text nothing but text."""
    others = [one for one, is_sure in likely.items() if is_sure and not one.startswith(_TEXTS)]
    is_binary = family.startswith(_TEXTS) and b"\0" in head
    return not others and not is_binary


def _likely(head: bytes) -> dict[str, bool]:
    """The types that begin so, the surest first, and whether that is sure; those that count as equal under one name."""
    start = head.lstrip(_BEFORE_PDF)
    try:
        found = puremagic.magic_string(start if start.startswith(b"%PDF-") else head)
    except (puremagic.PureError, ValueError):
        return {}
    likely: dict[str, bool] = {}
    for one in sorted(found, key=lambda one: -one.confidence):
        if one.mime_type:
            likely.setdefault(_FAMILY.get(one.mime_type, one.mime_type), one.confidence >= _SURE)
    return likely
