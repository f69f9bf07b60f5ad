"""What differs between the kinds of requests and of tolls: documents, fees and codes, as data.

Numbers are the internal ones of `mappings/*/codes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paper:
    """A document that is issued: its kind, its title, and the line on its page."""

    kind: int
    title: str
    line: str


@dataclass(frozen=True, slots=True)
class Requests:
    """A family of requests at the urban core; `skips` are statuses of the usual life that it has not."""

    paper: Paper
    fees: tuple[tuple[int, str], tuple[int, str]]
    skips: frozenset[int] = frozenset({70, 116, 140})


@dataclass(frozen=True, slots=True)
class Tolls:
    """A kind of assessment at the revenue system; `posted` is its status once the payment is entered."""

    bill: int
    title: str
    billed: int = 30
    posted: int = 60
    paper: Paper | None = None


_EXPERT = (0, "کارشناسی")
PERMITS = Requests(
    Paper(204, "پروانهٔ ساختمانی", "Building permit"),
    ((11, "عوارض زیربنا"), (12, "سهم آموزش‌وپرورش")),
    skips=frozenset(),
)
_BY_TENS: Mapping[int, Requests] = {
    2: Requests(Paper(205, "گواهی پایان‌کار", "Completion certificate"), ((11, "عوارض مازاد بر پروانه"), _EXPERT)),
    3: Requests(Paper(206, "گواهی عدم خلاف", "No-violation certificate"), ((14, "جریمهٔ کمیسیون"), _EXPERT)),
    4: Requests(Paper(207, "گزارش بازدید", "Visit report"), ((15, "نقشه‌برداری"), _EXPERT)),
    5: Requests(Paper(209, "تأیید مرحله", "Stage approval"), ((16, "هزینهٔ رفع توقف"), _EXPERT)),
    6: Requests(Paper(211, "نقشهٔ تفکیکی مصوب", "Approved plan"), ((18, "عوارض تفکیک"), _EXPERT)),
    7: Requests(Paper(213, "پاسخ تعیین کاربری", "Reply on the use"), ((2, "عوارض کسب و پیشه"), _EXPERT)),
}

RENOVATION = "1"
"""The kind of an assessment that names none."""
_TOLLS: Mapping[str, Tolls] = {
    RENOVATION: Tolls(1, "عوارض نوسازی و بهای خدمات پسماند"),
    "3": Tolls(2, "عوارض کسب و پیشه", billed=20),
    "4": Tolls(5, "عوارض خودرو"),
    "6": Tolls(21, "عوارض تراکم", paper=Paper(32, "برگهٔ تراکم", "Density sheet")),
    "9": Tolls(1, "بدهی معوق", posted=99, paper=Paper(31, "مفاصاحساب", "Clearance")),
}


def requests_of(kind: int) -> Requests:
    """The family of a request by the tens of its kind; permits where no other is known."""
    return _BY_TENS.get(kind // 10, PERMITS)


def tolls_of(kind: str) -> Tolls:
    """The kind of an assessment; renovation where it is not known."""
    return _TOLLS.get(kind, _TOLLS[RENOVATION])
