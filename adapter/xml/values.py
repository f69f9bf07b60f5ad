"""XSD's built-in types as Python values, and back (XML Schema 1.0 part 2)."""

from __future__ import annotations

import base64
import binascii
import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal

_MINUTES_AN_HOUR = 60


@dataclass(frozen=True, slots=True)
class Duration:
    """xs:duration: months and seconds do not convert into each other; both have the same sign."""

    months: int
    seconds: Decimal


@dataclass(frozen=True, slots=True)
class ZonedDate:
    """xs:date with a zone, which Python's date cannot hold."""

    day: date
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Partial:
    """xs:gYear, gYearMonth, gMonth, gMonthDay, gDay: what is not said is None."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    zone: tzinfo | None = None


_ZONE = r"(Z|[+-]\d\d:\d\d)?"
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)" + _ZONE)
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})0*)?" + _ZONE)
_DATETIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d.*)")
_DURATION = re.compile(
    r"(-?)P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?",
)
_PARTIALS = {
    "gYear": re.compile(r"(?P<year>-?\d{4,})" + _ZONE),
    "gYearMonth": re.compile(r"(?P<year>-?\d{4,})-(?P<month>\d\d)" + _ZONE),
    "gMonth": re.compile(r"--(?P<month>\d\d)" + _ZONE),
    "gMonthDay": re.compile(r"--(?P<month>\d\d)-(?P<day>\d\d)" + _ZONE),
    "gDay": re.compile(r"---(?P<day>\d\d)" + _ZONE),
}


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return found


def zone_of(text: str | None) -> tzinfo | None:
    """The zone that stands at the end of a date or time; Python has none of exactly 14 hours' more than ±24."""
    if not text:
        return None
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * _MINUTES_AN_HOUR + int(text[4:6])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def zone_text(zone: tzinfo | None) -> str:
    """A zone as XSD writes it."""
    if zone is None:
        return ""
    offset = zone.utcoffset(None) or timedelta()
    minutes = abs(offset) // timedelta(minutes=1)
    sign = "-" if offset < timedelta() else "+"
    return f"{sign}{minutes // _MINUTES_AN_HOUR:02}:{minutes % _MINUTES_AN_HOUR:02}" if minutes else "Z"


def read_date(text: str) -> date | ZonedDate:
    """A date; with a zone a ZonedDate."""
    year, month, day, zone = _matched(_DATE, text).groups()
    found = date(int(year), int(month), int(day))
    return ZonedDate(found, zone_of(zone) or UTC) if zone else found


def write_date(value: date | ZonedDate) -> str:
    """A date, with its zone if it has one."""
    return value.day.isoformat() + zone_text(value.zone) if isinstance(value, ZonedDate) else value.isoformat()


def read_time(text: str) -> time:
    """A time of day, aware where the text has a zone."""
    hour, minute, second, fraction, zone = _matched(_TIME, text).groups()
    return time(int(hour), int(minute), int(second), int((fraction or "0").ljust(6, "0")), zone_of(zone))


def write_time(value: time) -> str:
    """A time of day, with its zone if it has one."""
    return value.replace(tzinfo=None).isoformat() + zone_text(value.tzinfo)


def read_datetime(text: str) -> datetime:
    """A moment, aware where the text has a zone."""
    day, clock = _matched(_DATETIME, text).groups()
    return datetime.combine(date.fromisoformat(day), read_time(clock))


def write_datetime(value: datetime) -> str:
    """A moment, with its zone if it has one."""
    return value.replace(tzinfo=None).isoformat() + zone_text(value.tzinfo)


def read_duration(text: str) -> Duration:
    """Months and seconds of a duration."""
    sign, *parts = _matched(_DURATION, text).groups()
    years, months, days, hours, minutes, seconds = (Decimal(one or 0) for one in parts)
    factor = -1 if sign else 1
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return Duration(factor * int(years * 12 + months), factor * total)


def write_duration(value: Duration) -> str:
    """A duration in months and seconds."""
    sign = "-" if value.months < 0 or value.seconds < 0 else ""
    return f"{sign}P{abs(value.months)}MT{write_decimal(abs(value.seconds))}S"


def read_partial(kind: str, text: str) -> Partial:
    """A year, month or day on its own."""
    found = _matched(_PARTIALS[kind], text)
    return Partial(**{name: int(one) for name, one in found.groupdict().items()}, zone=zone_of(found[found.re.groups]))


def write_partial(kind: str, value: Partial) -> str:
    """A year, month or day on its own, as its type writes it."""
    year = "" if value.year is None else f"{'-' if value.year < 0 else ''}{abs(value.year):04}"
    month = "" if value.month is None else f"{value.month:02}"
    day = "" if value.day is None else f"{value.day:02}"
    forms = {
        "gYear": year,
        "gYearMonth": f"{year}-{month}",
        "gMonth": f"--{month}",
        "gMonthDay": f"--{month}-{day}",
        "gDay": f"---{day}",
    }
    return forms[kind] + zone_text(value.zone)


def read_decimal(text: str) -> Decimal:
    """A number without exponent."""
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", text, re.ASCII):
        raise ValueError(text)
    return Decimal(text)


def write_decimal(value: Decimal) -> str:
    """A number without exponent."""
    if not value.is_finite():
        raise ValueError("infinite")
    return f"{value:f}"


def read_float(text: str) -> float:
    """A float; INF, -INF and NaN are XSD's spellings of them."""
    return {"INF": math.inf, "-INF": -math.inf, "NaN": math.nan}[text] if text[-1:] in "FN" else float(text)


def write_float(value: float) -> str:
    """A float in XSD's spelling."""
    return {"inf": "INF", "-inf": "-INF", "nan": "NaN"}.get(repr(value), repr(value))


def read_boolean(text: str) -> bool:
    """True for `true` and `1`."""
    return {"true": True, "1": True, "false": False, "0": False}[text]


def write_boolean(value: bool) -> str:  # noqa: FBT001 - it is the value
    """`true` or `false`."""
    return "true" if value else "false"


def read_base64(text: str) -> bytes:
    """The bytes; XSD lets spaces stand between the letters."""
    return base64.b64decode("".join(text.split()), validate=True)


def write_base64(value: bytes) -> str:
    """The bytes in base64."""
    return base64.b64encode(value).decode()


def read_hex(text: str) -> bytes:
    """The bytes."""
    return binascii.unhexlify(text)


def write_hex(value: bytes) -> str:
    """The bytes in capital hexadecimal digits, XSD's canonical form."""
    return value.hex().upper()
