"""One record through a table of thirty fields: the compiled table, a function written by hand, and JSONata."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

from adapter import calendar, identifiers
from adapter.exchange import Direction
from adapter.text import canonical_text
from adapter.translator import Context, Table, Tools, compile_table, read_codes
from adapter.translator.values import read_number, read_whole_number
from ops.daemon import tune_process
from tests.figures import Figure

FIELDS = 30
ROUNDS = 100
CALLS = 50
FOLDER = Path(__file__).parent / "thirty_fields"
_NODE = Path(__file__).resolve().parents[1] / "interop" / "node"
CONTEXT = Context(date(2026, 11, 21), case={"tracking_code": "20000004"})
_LONGEST = {"name": 50, "number": 20, "sentence": 300}


def measure() -> list[Figure]:
    """Microseconds a record, each way; all give the same payload."""
    tune_process()
    record = json.loads((FOLDER / "record.json").read_text(encoding="utf-8"))
    table = compiled()
    payload = table.translate(record, CONTEXT)
    assert fields_of(payload) == FIELDS
    assert by_hand(record, CONTEXT) == payload
    ours, theirs = _best((lambda: table.translate(record, CONTEXT), lambda: by_hand(record, CONTEXT)))
    return [
        Figure("translating: compiled table, 30 fields", ours, "µs", 40, at_most=True),
        Figure("translating: written by hand", theirs, "µs", None),
        *_jsonata(record, payload),
    ]


def compiled() -> Table:
    """The table of thirty fields with its codes."""
    books = {path.stem: read_codes(path, path.name)[0] for path in sorted((FOLDER / "codes").iterdir())}
    tools = Tools(Direction.INWARD, books)
    table, faults = compile_table(FOLDER / "submit.csv", "submit.csv", tools)
    assert [*faults, *tools.faults] == []
    return table


def by_hand(record: Any, context: Context) -> Any:
    """What a programmer would write for this one record, with the same checks and no table."""
    applicant, land, deed, building = (record[name] for name in ("applicant", "land", "deed", "building"))
    first_name, last_name = _text(applicant["first_name"], "name"), _text(applicant["last_name"], "name")
    return {
        "Applicant": {
            "BirthDate": _day(applicant["birth_date"]),
            "Capacity": _CAPACITY[record["capacity"]],
            "FatherName": _text(applicant["father_name"], "name"),
            "FirstName": first_name,
            "FullName": f"{first_name} {last_name}",
            "LastName": last_name,
            "Mobile": identifiers.mobile(applicant["mobile"]),
            "NationalId": identifiers.national_id(applicant["national_id"]),
        },
        "Building": {
            "GrossArea": f"{read_number(building['gross_area_m2']):.2f}",
            "Occupancy": read_whole_number(building["occupancy_percent"]),
            "Parking": read_whole_number(building["parking_count"]),
            "Structure": _STRUCTURE[building["structure_kind"]],
            "Units": read_whole_number(building["units"]),
            "Use": _USAGE[building["use_requested"]],
        },
        "Deed": {
            "Area": f"{read_number(deed['area_m2']):.2f}",
            "Date": _day(deed["date"]),
            "Number": _text(deed["number"], "number"),
        },
        "Fee": {"Rial": int(read_number(record["fee_thousand_rial"]) * 1000)},
        "FiledAt": calendar.spell_instant(calendar.parse_instant(record["filed_at"])),
        "Kind": _KIND[record["request_kind"]],
        "Land": {
            "Address": _text(land["address"], "sentence"),
            "Current": _USAGE[land["use_current"]],
            "PostalCode": identifiers.postal_code(land["postal_code"]),
            "Renovation": str(identifiers.renovation_code(land["renovation_code"])),
            "UtmX": f"{read_number(land['utm_x']):f}",
            "UtmY": f"{read_number(land['utm_y']):f}",
        },
        "Note": _text(record["note"], "sentence"),
        "Source": "window",
        "TrackingCode": context.case["tracking_code"],
        "WantsSms": "1" if record["wants_sms"] else "0",
    }


_CAPACITY = {"owner": "1", "attorney": "2", "heir": "3", "guardian": "5"}
_STRUCTURE = {"steel": "1", "concrete": "2", "masonry": "3"}
_USAGE = {"residential": "11", "commercial": "12", "office": "13", "barren": "90"}
_KIND = {"new": "1", "rebuild": "2", "extra_floor": "3"}


def _text(value: str, kind: str) -> str:
    found = canonical_text(value)
    if len(found) > _LONGEST[kind]:
        raise ValueError(kind)
    return found


def _day(value: str) -> Any:
    return calendar.spell_day(calendar.parse_day(value), "YYYYMMDD")


def _jsonata(record: Any, payload: Any) -> list[Figure]:
    """JSONata in Node for the same table; a line says so where it is not installed."""
    name = "translating: JSONata in Node"
    node = shutil.which("node")
    if node is None or not (_NODE / "node_modules" / "jsonata").is_dir():
        return [Figure(name, 0, "µs", None, note="skipped: `make peers` installs node and jsonata where it can")]
    given = json.dumps({**record, "tracking_code": CONTEXT.case["tracking_code"]})
    command = [node, str(_NODE / "translate.js"), str(FOLDER / "submit.jsonata"), given, str(CALLS)]
    told = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=120).stdout)
    assert told["payload"] == payload
    return [Figure(name, told["microseconds"], "µs", None)]


def fields_of(payload: Any) -> int:
    return sum(fields_of(one) if isinstance(one, dict) else 1 for one in payload.values())


def _best(calls: Sequence[Callable[[], object]]) -> list[float]:
    """The best of many short rounds, measured in turns so that a slow moment meets all of them."""
    took = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for place, call in enumerate(calls):
            started = perf_counter()
            for _ in range(CALLS):
                call()
            took[place] = min(took[place], (perf_counter() - started) / CALLS * 1e6)
    return took
