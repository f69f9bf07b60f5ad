"""One canonical form for Persian text and digits, so that equal words are equal strings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

ZWNJ = "\u200c"

_DIGITS = {digit: str(value) for row in ("۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩") for value, digit in enumerate(row)}
_FOREIGN_DIGIT = re.compile("[۰-۹٠-٩]")

_LETTERS = str.maketrans(
    {
        "ي": "ی",
        "ى": "ی",
        "ې": "ی",
        "ك": "ک",
        "ڪ": "ک",
        "ة": "ه",
        "ۃ": "ه",
        "ہ": "ه",
        "ھ": "ه",
        "ە": "ه",
        "ۀ": "هٔ",
        "ۂ": "هٔ",
    }
)

_UNSEEN = "\u0640\u200b\u200d-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad"
"""Tatweel, joiners, marks of direction, soft hyphen and byte-order marks: they change looks, never meaning."""

_CONTROLS = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
_REMOVED = re.compile(f"[{_UNSEEN}{_CONTROLS}]+")
_PRESENTATION_FORMS = re.compile("[\ufb50-\ufdff\ufe70-\ufefc]+")
_GAPS = re.compile(rf"[\s{ZWNJ}]+")
_SETTLED = re.compile(
    rf"(?:[!-~آابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهیئأؤء،؛؟«»۰-۹]++(?:(?<=ه)\u0654)?+(?:[ {ZWNJ}](?!$))?+)*+"
)
"""What is canonical already: by far the most values. Possessive, so that no text makes it slow."""


_UNSETTLED = re.compile(f"[^ -~آابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهیئأؤء،؛؟«»{ZWNJ}]")
"""Whatever NFC might compose or what may be a digit of ours; the letters here are composed already."""


def canonical_text(value: str, *, digits: bool = False) -> str:
    """NFC, Persian letters for Arabic ones, no tatweel or invisible marks, single spaces, ZWNJ only between letters.

    With `digits`, Persian and Arabic digits become ASCII. The result is its own canonical form.
    """
    if digits:
        value = canonical_digits(value)
    if _SETTLED.fullmatch(value):
        return value
    value = _REMOVED.sub("", value)
    value = _PRESENTATION_FORMS.sub(_plain_form, value)
    value = unicodedata.normalize("NFC", value).translate(_LETTERS)
    return _GAPS.sub(_single_gap, value).strip(f" {ZWNJ}")


def canonical_texts(value: Any) -> Any:
    """The same value of any depth, every text in it canonical line by line, digits as they stand."""
    if isinstance(value, str):
        return "\n".join(map(canonical_text, value.split("\n")))
    if isinstance(value, Mapping):
        return {name: canonical_texts(inner) for name, inner in value.items()}
    return list(map(canonical_texts, value)) if isinstance(value, list) else value


def canonical_digits(value: str) -> str:
    """Return the same text with Persian and Arabic digits as ASCII; everything else stays as it is."""
    return value if value.isascii() else _FOREIGN_DIGIT.sub(lambda found: _DIGITS[found[0]], value)


def composed(value: str) -> str:
    """The same text in NFC, its digits ASCII; most texts are so already, which one look at their letters tells."""
    return canonical_digits(unicodedata.normalize("NFC", value)) if _UNSETTLED.search(value) else value


def is_digits(value: str) -> bool:
    """Whether the text is ASCII digits only; `str.isdigit` also takes '²' and Persian digits."""
    return value.isascii() and value.isdigit()


def _plain_form(found: re.Match[str]) -> str:
    """Old systems send letters as the shapes that stood on screen (U+FB50 and up); the letters are meant."""
    return _REMOVED.sub("", unicodedata.normalize("NFKC", found.group()))


def _single_gap(found: re.Match[str]) -> str:
    return ZWNJ if set(found.group()) == {ZWNJ} else " "
