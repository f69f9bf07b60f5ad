"""What the urban-planning core computes from measures, and what it says of a certificate. Nothing is written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from ops.sandbox.calls import Call, Record
from ops.sandbox.identifiers import jalali_year
from ops.sandbox.inquiries import Says
from ops.sandbox.lives import CERTIFICATE_ENDINGS, INQUIRY_HOUSES, VALID_CERTIFICATE, chosen
from ops.sandbox.urban_answers import UNIT, house_and_block, taken

_DENSITY_PERCENT = 240
_OCCUPANCY_PERCENT = 60
_PERCENT, _M2 = "درصد", "متر مربع"
_ENDING_LENGTH = 3


class Calculations:
    """Answers Calculate and VerifyCertificate; a busy house is busy once for each reference."""

    def __init__(self, says: Says) -> None:
        self._says = says
        self._were_busy: set[str] = set()

    def calculate(self, call: Call, now: datetime) -> Record:
        """The results of a calculation, or why there are none."""
        record = call.record
        magic = chosen(INQUIRY_HOUSES, house_and_block(record)[0], None)
        code = magic.code
        if magic.busy and record["Reference"] not in self._were_busy:
            self._were_busy.add(record["Reference"])
            code = magic.busy
        results = _COMPUTED.get(record["Kind"], _nothing)(record)
        if code or not results:
            return self._says(call.operation, code or "E370", at=now) or {}
        return taken() | {
            "CalculationNo": "C-" + record["Reference"].replace("-", "")[:12].upper(),
            "Results": results,
            "Unit": UNIT,
            "ValidUntil": f"{jalali_year(now)}1229",
        }

    def verify(self, call: Call, now: datetime) -> Record:
        """Whether a certificate holds; its number's last three digits choose."""
        number = call.record["CertificateNo"]
        state = CERTIFICATE_ENDINGS.get(number[-_ENDING_LENGTH:], VALID_CERTIFICATE)
        if state is None:
            return self._says(call.operation, "E360", at=now) or {}
        return taken() | {"State": state, "CertificateNo": number, "Unit": UNIT}


def _nothing(_record: Record) -> list[Record]:
    return []


def _density(record: Record) -> list[Record]:
    if "LandArea" not in record:
        return []
    land = Decimal(record["LandArea"])
    return [
        _result(1, "تراکم مجاز", str(_DENSITY_PERCENT), _PERCENT),
        _result(2, "زیربنای مجاز", _area(land * _DENSITY_PERCENT / 100), _M2),
        _result(3, "سطح اشغال مجاز", _area(land * _OCCUPANCY_PERCENT / 100), _M2),
    ]


def _floors(record: Record) -> list[Record]:
    areas = [(floor["Level"], Decimal(floor["Area"])) for floor in record.get("Floors", ())]
    told = [_result(4, f"زیربنای طبقهٔ {level}", _area(area), _M2) for level, area in areas]
    return [*told, _result(5, "زیربنای کل", _area(sum(area for _, area in areas) + Decimal()), _M2)] if told else []


_COMPUTED: Mapping[str, Callable[[Record], list[Record]]] = {"1": _density, "2": _floors}
"""By the kind of calculation: 1 density, 2 the area of floors."""


def _result(kind: int, title: str, value: str, unit: str) -> Record:
    return {"Kind": kind, "Title": title, "Value": value, "Unit": unit}


def _area(value: Decimal) -> str:
    return f"{value:.2f}"
