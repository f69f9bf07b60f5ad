"""The closed set of rules, one row each: how it is made, and what clerks are told of it in Persian and English.

A missing rule is added here for all services. `panjereh rules` prints these rows; a test runs every example, and one
test asks every rule what it gives for a source that is absent, empty or nil.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from adapter import identifiers
from adapter.translator.rules import documents, figures, gathering, identifying, moments, words
from adapter.translator.rules.making import Maker


class Gives(StrEnum):
    """What the target gets when the source says nothing."""

    LEFT_OUT = "left_out"
    """The target does not stand there; a required row holds the message up."""
    EMPTY = "empty"
    NIL = "nil"
    REFUSED = "refused"
    """The message is held up, whether or not the row is required."""
    ARGUMENT = "argument"
    """The row has no source."""


class Words(NamedTuple):
    """A sentence in Persian and in English."""

    fa: str
    en: str


class Example(NamedTuple):
    """An argument, a value, and what comes of it."""

    argument: str
    given: Any
    gives: Any


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `most_sources` paths may stand in its source cell; several come as a list, None where one is absent."""

    make: Maker
    does: Words
    argument: Words
    example: Example
    absent: Gives = Gives.LEFT_OUT
    empty: Gives = Gives.LEFT_OUT
    nil: Gives = Gives.LEFT_OUT
    most_sources: int = 1
    any_source_will_do: bool = False
    """With several sources: whether the row applies when only a later one is present."""


_NONE = Words("ندارد", "none")
_UNIT = Words(
    "یکای مبدأ: rial (پیش‌فرض)، thousand_rial یا toman", "the source's unit: rial (default), thousand_rial, toman"
)
_BETWEEN = "space (پیش‌فرض)، comma، persian_comma، slash، hyphen، nothing یا هر متن دیگر"


def _identifier(check: Any, fa: str, en: str, given: Any, gives: str) -> Rule:
    return Rule(identifying.identifier(check), Words(fa, en), _NONE, Example("", given, gives))


_OF_ONE_VALUE: Mapping[str, Rule] = {
    "text": Rule(
        words.text,
        Words("متن فارسی یکدست: حرف‌های فارسی، نیم‌فاصلهٔ درست، بی‌کشیده", "canonical Persian text: letters, ZWNJ, spaces"),
        Words("بیشترین شمار نویسه‌ها؛ بلندتر رد می‌شود", "the most characters; a longer text is refused, not cut"),
        Example("20", " خيابان  كاشاني ", "خیابان کاشانی"),
    ),
    "code": Rule(
        words.code,
        Words("کد برابر در سامانهٔ مقابل، از جدول کد", "the other side's code, from a codes table"),
        Words("نام جدول کد، یا نام‌جدول.ستون", "the codes file, or file.column"),
        Example("usage", "residential", "11"),
    ),
    "national_id": _identifier(
        identifiers.national_id,
        "کد ملی با رقم کنترل؛ صفرهای افتادهٔ آغاز بازمی‌گردند",
        "national id, check digit; lost leading zeros come back",
        12345679,
        "0012345679",
    ),
    "legal_id": _identifier(
        identifiers.legal_id,
        "شناسهٔ ملی شخص حقوقی با رقم کنترل",
        "legal-entity id, check digit",
        "۱۰۳۸۰۲۸۴۷۹۰",
        "10380284790",
    ),
    "foreign_id": _identifier(
        identifiers.foreigner_code,
        "شناسهٔ فراگیر اتباع خارجی (فیدا)، ۱۲ رقم",
        "foreigner code (FIDA), 12 digits",
        "123 456 789 012",
        "123456789012",
    ),
    "postal_code": _identifier(
        identifiers.postal_code, "کد پستی، ۱۰ رقم", "postal code, 10 digits", "12345-67890", "1234567890"
    ),
    "mobile": _identifier(
        identifiers.mobile,
        "شمارهٔ همراه که با ۰۹ آغاز می‌شود",
        "mobile number, beginning with 09",
        "+98 912 345 6789",
        "09123456789",
    ),
    "landline": _identifier(
        identifiers.landline, "تلفن ثابت با کد استان", "landline with its province", "۰۳۴-۳۲۱۱۱۱۱۱", "03432111111"
    ),
    "iban": _identifier(
        identifiers.iban,
        "شبا با رقم کنترل",
        "IBAN, check digits",
        "IR06 2960 0000 0010 0324 2000 01",
        "IR062960000000100324200001",
    ),
    "card_number": _identifier(
        identifiers.card_number,
        "شمارهٔ کارت بانکی با رقم کنترل",
        "bank card number, check digit",
        "6037 9900 0000 0006",
        "6037990000000006",
    ),
    "bill_id": _identifier(
        identifiers.bill_id, "شناسهٔ قبض با رقم کنترل", "bill id, check digit", "۷۷۴۸۳۱۷۸۰۰۱۴۲", "7748317800142"
    ),
    "payment_id": Rule(
        identifying.payment_id,
        Words(
            "شناسهٔ پرداخت؛ با شناسهٔ قبض در مبدأ دوم، هر دو رقم کنترل",
            "payment id; with the bill id as second source both check digits",
        ),
        _NONE,
        Example("", ["0000001770160", "7748317800142"], "1770160"),
        most_sources=2,
    ),
    "service_id": _identifier(
        identifiers.service_id, "شناسهٔ خدمت، ۱۱ رقم", "service id, 11 digits", "۱۳۰۴۲۶۵۲۱۰۴", "13042652104"
    ),
    "renovation_code": Rule(
        identifying.renovation_code,
        Words("کد نوسازی: هفت عدد با خط تیره؛ آنچه نباشد صفر", "renovation code: seven numbers, a missing one is 0"),
        Words("یکی از هفت بخش: district region block house building apartment shop", "one of its seven parts, by name"),
        Example("", "۳/۱۲/۷", "3-12-7-0-0-0-0"),
    ),
    "plate": Rule(
        identifying.plate,
        Words("پلاک خودرو، موتورسیکلت یا پلاک ثبتی", "plate of a car or motorcycle, or registry plate of land"),
        Words(
            "car (پیش‌فرض)، motorcycle، vehicle (هر یک که باشد)، registry، main، sub، section",
            "car (default), motorcycle, vehicle (whichever it is), registry, main, sub, section",
        ),
        Example("", "۱۲ ب ۳۴۵ ایران ۶۷", "12ب345-67"),
    ),
    "vin": _identifier(
        identifiers.vin,
        "شمارهٔ شناسایی خودرو، ۱۷ نویسه",
        "vehicle identification number, 17 characters",
        "naap03ed5hj123456",
        "NAAP03ED5HJ123456",
    ),
    "jalali_date": Rule(
        moments.jalali_date,
        Words(
            "روز با املای سامانهٔ مقابل؛ دو مبدأ یعنی یک روز که دو بار نوشته شده است",
            "a day as the partner spells it; two sources are twin fields that must agree",
        ),
        Words("YYYY/MM/DD (پیش‌فرض)، YYYYMMDD یا iso (میلادی)", "YYYY/MM/DD (default), YYYYMMDD, iso (Gregorian)"),
        Example("YYYYMMDD", "2025-03-20", 14031230),
        most_sources=2,
        any_source_will_do=True,
    ),
    "datetime": Rule(
        moments.datetime,
        Words(
            "زمان؛ دو مبدأ یعنی روز و ساعت، بی‌منطقه یعنی ساعت تهران",
            "an instant; two sources are day and time, without a zone it is Tehran's",
        ),
        Words(
            "خالی (ISO با همان منطقه)، tehran، utc، local (بی‌منطقه) یا jalali",
            "empty (ISO, the zone as given), tehran, utc, local (no offset), jalali",
        ),
        Example("tehran", ["1404/01/01", "08:30"], "2025-03-21T08:30:00+03:30"),
        most_sources=2,
    ),
    "rial": Rule(
        figures.money("rial"),
        Words("مبلغ به ریال درست؛ گرد نمی‌شود", "amount in whole rials; never rounded"),
        _UNIT,
        Example("toman", "۱۲۵٬۰۰۰", 1_250_000),
    ),
    "thousand_rial": Rule(
        figures.money("thousand_rial"),
        Words("مبلغ به هزار ریال درست؛ گرد نمی‌شود", "amount in whole thousands of rial; never rounded"),
        _UNIT,
        Example("", 1_250_000, 1_250),
    ),
    "decimal": Rule(
        figures.decimal,
        Words("عدد اعشاری؛ گرد نمی‌شود", "decimal number as text; never rounded"),
        Words("شمار رقم‌های اعشار، ۰ تا ۸", "the number of places, 0 to 8"),
        Example("2", "۱۲٫۵", "12.50"),
    ),
    "integer": Rule(figures.integer, Words("عدد درست", "whole number"), _NONE, Example("", "۰۱۲", 12)),
    "yes_no": Rule(
        words.yes_no,
        Words("بله یا خیر، با هر املایی", "yes or no, however it is spelt"),
        Words("خالی (true/false) یا دو واژه، مانند 1/0", "empty (true or false), or two words as in 1/0"),
        Example("1/0", "بلی", "1"),
    ),
    "split": Rule(
        words.split,
        Words("یک بخش از متن", "one part of a text"),
        Words(
            f"جداکننده و شمارهٔ بخش، مانند slash 2؛ جداکننده: {_BETWEEN}",
            "a separator as in join, and the part's number: slash 2",
        ),
        Example("slash 2", "12/345/6", "345"),
    ),
    "document": Rule(
        documents.document,
        Words("محتوای سند (Base64)؛ سند خالی رد می‌شود", "a document's content (Base64); an empty one is refused"),
        Words("خالی (خود محتوا) یا sha256", "empty (the content) or sha256"),
        Example("", "2YHYp9\nix", "2YHYp9ix"),
        empty=Gives.REFUSED,
    ),
}

_OF_MORE_OR_NONE: Mapping[str, Rule] = {
    "constant": Rule(
        gathering.constant,
        Words("همان که در argument نوشته شده است", "what stands in the argument"),
        Words("خود مقدار", "the value itself"),
        Example("12", None, "12"),
        absent=Gives.ARGUMENT,
        empty=Gives.ARGUMENT,
        nil=Gives.ARGUMENT,
        most_sources=0,
    ),
    "nil": Rule(
        gathering.nil,
        Words("مقصد می‌آید و می‌گوید «ندارد»", "the target stands there and says that there is none (xsi:nil, null)"),
        _NONE,
        Example("", None, None),
        absent=Gives.NIL,
        empty=Gives.NIL,
        nil=Gives.NIL,
        most_sources=0,
    ),
    "join": Rule(
        gathering.join,
        Words("چند مقدار در یک متن؛ آنچه نباشد کنار می‌رود", "several values in one text; absent ones are left out"),
        Words(
            f"جداکننده: {_BETWEEN}",
            "what stands between: space (default), comma, persian_comma, slash, hyphen, nothing, any text",
        ),
        Example("persian_comma", ["زمین", None, "بنا"], "زمین، بنا"),
        most_sources=20,
        any_source_will_do=True,
    ),
    "each": Rule(
        gathering.each_of({name: rule.make for name, rule in _OF_ONE_VALUE.items()}),
        Words(
            "قاعده‌ای دیگر روی هر عضو فهرست یا هر بخش متن؛ مقصد [] دارد",
            "another rule on each item of a list or part of a text; the target ends in []",
        ),
        Words("نام آن قاعده و argument آن", "that rule and its argument"),
        Example("national_id", "12345679، ۰۱۲۳۴۵۶۷۸۹", ["0012345679", "0123456789"]),
        empty=Gives.LEFT_OUT,
    ),
    "copy": Rule(
        gathering.copy,
        Words("همان که هست، به هر شکلی", "the value as it is, whatever its shape"),
        _NONE,
        Example("", {"a": [1]}, {"a": [1]}),
        empty=Gives.EMPTY,
        nil=Gives.NIL,
    ),
}

RULES: Mapping[str, Rule] = {**_OF_ONE_VALUE, **_OF_MORE_OR_NONE}
"""Every rule by name."""
