"""Numbers that pass every check and belong to nobody, and draws that a seed repeats."""

from __future__ import annotations

import hashlib

_WEIGHTS = range(10, 1, -1)


def national_id(number: int) -> str:
    """A national id (کد ملی) with its check digit; no place of issue has the digits 000."""
    digits = f"000{number:06d}"
    rest = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True)) % 11
    return digits + str(rest if rest < 2 else 11 - rest)  # noqa: PLR2004 - the rule's own number


def mobile(number: int) -> str:
    """A mobile number of a range that no operator has."""
    return f"09000{number:06d}"


def postal_code(number: int) -> str:
    """A postal code; ten digits, no check rule is public."""
    return f"20202{number:05d}"


def draw(seed: int, *words: object) -> float:
    """A number in [0, 1) that depends on the seed and the words alone."""
    text = "/".join(str(word) for word in (seed, *words))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big") / (1 << 56)
