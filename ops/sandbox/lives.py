"""The lives that cases run through here, and the magic numbers that choose them. README.md has the table for people.

Status numbers are the internal ones of `mappings/*/codes`; their meaning is told beside each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ops.sandbox.timeline import Step

UNKNOWN_STATUS = 999
UNKNOWN_BLOCK = 999
"""A block of the renovation code whose cases end in a status that no table knows."""

LATE_REFUSAL_DIGIT = "7"
"""Building permit cases whose number ends so are refused at the end, as one in ten is."""


@dataclass(frozen=True, slots=True)
class Magic:
    """What a house number chooses: a business code at once, a warning beside success, busy at first, or a life."""

    code: str | None = None
    warning: str | None = None
    busy: str | None = None
    life: str = "ordinary"


ORDINARY = Magic()


def _statuses(*codes: int) -> tuple[Step, ...]:
    return tuple(Step("status", code) for code in codes)


def _steps(*kinds: str) -> tuple[Step, ...]:
    return tuple(Step(kind) for kind in kinds)


# 10 filed, 20 documents missing, 30 visit planned, 35 owner absent, 40 visited, 70 planning brief, 110 bills issued,
# 116 objection, 120 paid, 140 awaits signature, 150 permit issued, 160 handed over, 900 refused, 910 withdrawn,
# 920 closed
_TO_VISIT = _statuses(10, 30, 40)
_BILLS = (*_statuses(70, 110), Step("bill", waits_for="payment"))
_TO_PERMIT = (*_statuses(120, 140), Step("document"), *_statuses(150, 160))

PERMIT_LIVES: Mapping[str, tuple[Step, ...]] = {
    "ordinary": (*_TO_VISIT, *_BILLS, *_TO_PERMIT),
    "large": (*_TO_VISIT, *_BILLS, *_TO_PERMIT),
    "incomplete": (
        *_statuses(10),
        Step("status", 20, "تصویر سند مالکیت خوانا نیست", waits_for="correction"),
        *_statuses(30, 40),
        *_BILLS,
        *_TO_PERMIT,
    ),
    "visit_proposed": (*_statuses(10, 30), Step("visit"), *_statuses(40), *_BILLS, *_TO_PERMIT),
    "bills_cancelled": (*_TO_VISIT, *_statuses(70, 110), *_steps("bill", "bill_cancelled"), *_statuses(920)),
    "backwards": (*_statuses(10, 30, 35, 30, 40), *_BILLS, *_TO_PERMIT),
    "late_refusal": (*_TO_VISIT, Step("status", 900, "طرح با ضوابط طرح تفصیلی سازگار نیست")),
    "unknown_status": _statuses(10, 30, UNKNOWN_STATUS),
}
PERMIT_WITHDRAWN = _statuses(910)
PERMIT_OBJECTED = _statuses(116, 920)
"""An objection to a case that had ended: heard by the commission, and closed again."""

PERMIT_HOUSES: Mapping[int, Magic] = {
    20: Magic(life="incomplete"),
    30: Magic(life="visit_proposed"),
    35: Magic(life="backwards"),
    200: Magic("E200"),
    201: Magic(warning="E310"),
    210: Magic("E210"),
    240: Magic("E240"),
    310: Magic("E310"),
    320: Magic("E320"),
    330: Magic("E330"),
    340: Magic("E340"),
    350: Magic("E350"),
    404: Magic("E300"),
    503: Magic(busy="E900"),
    675: Magic(life="bills_cancelled"),
    800: Magic(life="large"),
    900: Magic(life="late_refusal"),
    910: Magic(busy="E910"),
}


@dataclass(frozen=True, slots=True)
class InquiryReply:
    """What an inquiry is told: at once, later, or (`is_silent`) never.

    Codes: 30 debt, 60 no obstacle, 65 conditional, 70 violation, 71 in a plan, 72 plate not valid.
    """

    code: int = 60
    debt_rial: int | None = None
    conditions: str | None = None
    is_deferred: bool = False
    is_silent: bool = False


CLEAR = InquiryReply()
UNKNOWN_REPLY = InquiryReply(UNKNOWN_STATUS)
INQUIRY_REPLIES: Mapping[int, InquiryReply] = {
    202: InquiryReply(is_deferred=True),
    203: InquiryReply(30, 48_500_000, is_deferred=True),
    204: InquiryReply(is_deferred=True, is_silent=True),
    310: InquiryReply(30, 48_500_000),
    365: InquiryReply(65, conditions="پس از پرداخت بدهی نوسازی و ارائهٔ رسید"),
    370: InquiryReply(70),
    371: InquiryReply(71),
    372: InquiryReply(72),
}
INQUIRY_HOUSES: Mapping[int, Magic] = {404: Magic("E300"), 350: Magic("E350"), 503: Magic(busy="E900")}
INQUIRY_TITLES: Mapping[int, str] = {
    30: "اعلام بدهی",
    60: "انتقال بلامانع",
    65: "پاسخ مشروط",
    70: "دارای خلاف",
    71: "واقع در طرح",
    72: "پلاک نامعتبر",
    UNKNOWN_STATUS: "پاسخ ناشناخته",
}
INQUIRY_BEATS = 3
"""So many paces until a deferred inquiry is answered."""

CERTIFICATE_ENDINGS: Mapping[str, int | None] = {"402": 2, "403": 3, "405": 4, "404": None}
"""The last digits of a certificate's number: 2 out of date, 3 void, 4 other than the core has it, None not found."""
VALID_CERTIFICATE = 1

# 40 awaits the bank's confirmation, 50 confirmed, 60 entered, 70 bill expired, 75 bill void, 92 under objection,
# 99 cleared
TOLL_LIVES: Mapping[str, tuple[Step, ...]] = {
    "ordinary": (),
    "large": (),
    "no_debt": (),
    "paid": _statuses(60),
    "bank_file": _statuses(40, 50, 60),
    "expired": _statuses(70),
    "void": (*_steps("bill_cancelled"), *_statuses(75)),
    "objection_heard": (*_statuses(92), *_steps("bill_cancelled"), *_statuses(75)),
    "objection_refused": _statuses(92, 99),
    "unknown_status": _statuses(UNKNOWN_STATUS),
}
TOLL_HOUSES: Mapping[int, Magic] = {
    100: Magic(life="no_debt"),
    200: Magic("VALIDATION"),
    404: Magic("NO_PROPERTY"),
    491: Magic("CODE_CHANGED"),
    492: Magic("UNDER_OBJECTION"),
    503: Magic(busy="BUSY"),
    600: Magic(life="bank_file"),
    670: Magic(life="expired"),
    675: Magic(life="void"),
    800: Magic(life="large"),
}
CAR_PLATES: Mapping[int, Magic] = {**TOLL_HOUSES, 404: Magic("NO_VEHICLE"), 491: ORDINARY}
"""A car's own magic, by the three figures of its plate: it has no renovation code that could change."""
ACCOUNTS: Mapping[int, Magic] = {404: Magic("NO_ACCOUNT"), 100: Magic(life="no_debt"), 503: Magic(busy="BUSY")}

# 10 received, 15 incomplete, 20 with its unit, 30 visit planned, 40 in work, 60 done, 70 closed, 80 taken up again,
# 90 refused, 91 withdrawn
REPORT_RECEIVED = 10
_TO_CLOSE = (*_statuses(40, 60), Step("document"), *_statuses(70))
REPORT_LIVES: Mapping[str, tuple[Step, ...]] = {
    "ordinary": (*_statuses(10, 20), *_TO_CLOSE),
    "incomplete": (
        *_statuses(10),
        Step("status", 15, "جای موضوع روشن نیست", waits_for="correction"),
        *_statuses(20),
        *_TO_CLOSE,
    ),
    "visit_proposed": (*_statuses(10, 20, 30), Step("visit"), *_TO_CLOSE),
    "late_refusal": (*_statuses(10, 20), Step("status", 90, "پس از بازدید موردی دیده نشد")),
    "unknown_status": _statuses(10, 20, UNKNOWN_STATUS),
}
REPORT_WITHDRAWN = _statuses(91)
REPORT_OBJECTED = _statuses(80, 40, 60, 70)
"""An objection to a report that had ended: taken up again, and closed anew."""

REPORT_PLACES: Mapping[int, Magic] = {
    20: Magic(life="incomplete"),
    30: Magic(life="visit_proposed"),
    200: Magic("VALIDATION"),
    210: Magic("UNKNOWN_SUBJECT"),
    404: Magic("OUT_OF_CITY"),
    405: Magic("NOT_OURS"),
    409: Magic("KNOWN_ALREADY"),
    410: Magic("NO_PLACE"),
    503: Magic(busy="BUSY"),
    900: Magic(life="late_refusal"),
    999: Magic(life="unknown_status"),
}

# a village's office: 10 entered, 20 lacks something, 30 in work, 40 visited, 50 ready, 60 handed over, 70 refused,
# 80 withdrawn
_TO_VILLAGE_END = _statuses(30, 40, 50, 60)
VILLAGE_LIVES: Mapping[str, tuple[Step, ...]] = {
    "ordinary": (*_statuses(10), *_TO_VILLAGE_END),
    "incomplete": (
        *_statuses(10),
        Step("status", 20, "نشانی یافت نشد", waits_for="correction"),
        *_TO_VILLAGE_END,
    ),
    "late_refusal": (*_statuses(10, 40), Step("status", 70, "در بازدید موردی دیده نشد")),
    "unknown_status": _statuses(10, 30, UNKNOWN_STATUS),
}
VILLAGE_WITHDRAWN = _statuses(80)
VILLAGE_OBJECTED = _statuses(30, 60)
"""An objection to a request that had ended: looked at again, and handed over anew."""
VILLAGE_PLACES: Mapping[int, Magic] = {
    figures: magic for figures, magic in REPORT_PLACES.items() if magic.code is None and magic.life in VILLAGE_LIVES
}

BANK_PAID = 50
PAID_BACK = 80
BILL_VOID = 75
NO_DEBT = 10
BILL_ISSUED = 30


def chosen(houses: Mapping[int, Magic], house: int | None, block: int | None) -> Magic:
    """The magic of a property; the block's comes before the house's."""
    if block == UNKNOWN_BLOCK:
        return Magic(life="unknown_status")
    return houses.get(house or 0, ORDINARY)


def plate_number(plate: str) -> int:
    """The three figures of a plate: those after the letter of `12ب345-67`, the first of `123-45678`."""
    figures = plate.partition("-")[0]
    return int(figures[-3:])


def parts_of(renovation_code: str) -> tuple[int | None, int | None]:
    """House and block of the text `District-Region-Block-House-Building-Apartment-Shop`."""
    parts: Iterable[str] = renovation_code.split("-")
    numbers = [int(part) for part in parts]
    return numbers[3], numbers[2]
