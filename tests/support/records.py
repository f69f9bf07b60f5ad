"""Records of the three shipped services, from the contract's own examples, each about another property."""

from __future__ import annotations

import copy
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from adapter.exchange import Change, Record
from adapter.strict_json import read_json
from tests.support.clock import MORNING

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "contracts" / "window" / "1.0" / "examples" / "valid"


@cache
def _example(name: str) -> Any:
    return read_json((EXAMPLES / name).read_bytes())


def example(name: str) -> Record:
    """A copy of one valid example of the window contract."""
    record: Record = copy.deepcopy(_example(name))
    return record


def toll(house: int = 48, **more: Any) -> Record:
    """A request for the renovation toll of one property."""
    record = example("SubmitRequest.a_renovation_toll_of_two_years.json")
    record["service_id"] = "13042650207"
    record["property"]["renovation_code"] = f"3-2-117-{house}-0-0-0"
    return {**record, **more}


def permit(house: int = 48, **more: Any) -> Record:
    """A request for a building permit."""
    record = example("SubmitRequest.a_new_building_of_two_owners_and_three_floors.json")
    record["service_id"] = "13042650101"
    record["property"]["renovation_code"] = f"3-2-117-{house}-0-0-0"
    return {**record, **more}


def question(letter: str = "1405/9/123", **more: Any) -> Record:
    """A notary's inquiry."""
    record = example("Inquire.a_notary_before_a_sale.json")
    record["service_id"] = "13042650304"
    record["deal"]["letter_no"] = letter
    return {**record, **more}


def payment(tracking_code: str, **more: Any) -> Record:
    return {**example("ConfirmPayment.paid_by_an_app.json"), "tracking_code": tracking_code, **more}


def withdrawal(tracking_code: str, **more: Any) -> Record:
    return {**example("WithdrawRequest.the_applicant_gives_up.json"), "tracking_code": tracking_code, **more}


def reversal(tracking_code: str, **more: Any) -> Record:
    return {**example("ReversePayment.the_bank_gave_it_back.json"), "tracking_code": tracking_code, **more}


def objection(tracking_code: str, **more: Any) -> Record:
    return {**example("FileObjection.to_a_refusal.json"), "tracking_code": tracking_code, **more}


def survey(tracking_code: str, **more: Any) -> Record:
    return {**example("SubmitSurvey.four_of_five_with_a_word.json"), "tracking_code": tracking_code, **more}


def document(tracking_code: str, **more: Any) -> Record:
    return {**example("AttachDocument.a_title_deed.json"), "tracking_code": tracking_code, **more}


def correction(tracking_code: str, **more: Any) -> Record:
    return {**example("CorrectRequest.another_postal_code_and_two_floors.json"), "tracking_code": tracking_code, **more}


def core_status(number: str, sequence: int, code: int, *, at: datetime = MORNING, event: str | None = None) -> Change:
    """A status of a case as the urban core tells it."""
    event = event or f"{number}-{sequence}"
    item = {
        "EventId": event,
        "Sequence": sequence,
        "CaseNo": number,
        "Kind": "status",
        "ChangedAt": at.isoformat(),
        "StatusCode": str(code),
    }
    return Change(event, "status", number, sequence, at, item)


def toll_status(number: str, sequence: int, code: int, *, at: datetime = MORNING) -> Change:
    """A status of an assessment as the revenue system tells it."""
    event = f"{number}-{sequence}"
    item = {
        "event_id": event,
        "sequence": sequence,
        "assessment_no": number,
        "kind": "status",
        "changed_at": at.isoformat(),
        "status_code": code,
    }
    return Change(event, "status", number, sequence, at, item)


def core_change(number: str, sequence: int, kind: str, **content: Any) -> Change:
    """A change of another kind than a status, as the urban core tells it."""
    event = f"{number}-{sequence}"
    item = {"EventId": event, "Sequence": sequence, "CaseNo": number, "Kind": kind, "ChangedAt": MORNING.isoformat()}
    return Change(event, kind, number, sequence, MORNING, {**item, **content})
