"""A row of changes or of a ledger that breaks the contract, over REST and SOAP: it alone is set apart, and named."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx
from structlog.testing import capture_logs

from adapter.callers import InCallRetries
from adapter.channels import ChangePage
from adapter.contract.model import Contract
from adapter.errors import GatewayUnreachable
from adapter.exchange import LedgerEntry
from connectors import rest, soap
from tests.support.house import contracts
from tests.support.records import ROOT

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
REVENUE, CORE = contracts()["revenue/1.0"], contracts()["urban_core/1.0"]
EXAMPLES = ROOT / "contracts" / "urban_core" / "1.0" / "examples" / "valid"
BODY = (EXAMPLES / "GetChanges.answer.a_status_two_bills_and_a_document.soap.xml").read_bytes()
REFERENCE = "4f6a4b8e-7a10-5c57-9d0a-1f2b3c4d5e6f"
_CONNECT = {REVENUE.title: rest.connect, CORE.title: soap.connect}


async def asked(contract: Contract, body: bytes, media_type: str, ask: Callable[[Any], Any]) -> tuple[Any, list[Any]]:
    """What a connector tells of an answer, and the rows that it logged as unreadable."""
    with respx.mock, capture_logs() as logs:
        respx.route(host="system.invalid").mock(
            return_value=httpx.Response(200, content=body, headers={"Content-Type": media_type})
        )
        connect = _CONNECT[contract.title]
        system = connect(contract, "http://system.invalid", retries=InCallRetries(attempts=1), clock=lambda: NOW)
        try:
            found = await ask(system)
        finally:
            await system.aclose()
    return found, [one for one in logs if one["event"] == "row_unreadable"]


async def told(rows: list[Any], **beside: Any) -> tuple[ChangePage, list[Any]]:
    answer = httpx.Response(200, json={"changes": rows, "next_cursor": "c-2", **beside})
    return await asked(REVENUE, answer.content, "application/json", lambda system: system.changes("c-1"))


def change(number: int, **more: Any) -> dict[str, Any]:
    row = {
        "event_id": f"e-{number}",
        "sequence": number,
        "assessment_no": "A-1",
        "kind": "status",
        "changed_at": "2026-11-21T11:30:00+03:30",
        "status_code": 30,
    }
    return {name: value for name, value in (row | more).items() if value is not None}


BROKEN: dict[str, tuple[dict[str, Any], str, int]] = {
    "a text for a number": ({"sequence": "2"}, "changes[1].sequence", 2),
    "no code": ({"kind": "nonsense"}, "changes[1].kind", 2),
    "a fraction": ({"status_code": 30.5}, "changes[1].status_code", 2),
    "a control character": ({"note": "\x07"}, "changes[1].note", 2),
    "a misspelt name": ({"status_code": None, "status_cod": 30}, "changes[1].status_cod", 2),
    "a list for a sequence": ({"sequence": [2]}, "changes[1].sequence", 0),
}


@pytest.mark.parametrize("wrong", list(BROKEN))
async def test_a_broken_row_is_told_as_such_at_its_place_and_its_neighbours_as_they_are(wrong: str) -> None:
    fields, place, sequence = BROKEN[wrong]
    page, logged = await told([change(1), change(2, **fields), change(3)])
    assert [(one.event_id, one.kind, one.reference, one.sequence) for one in page.changes] == [
        ("e-1", "status", "A-1", 1),
        ("e-2", "unreadable", "A-1", sequence),
        ("e-3", "status", "A-1", 3),
    ]
    assert page.cursor == "c-2"
    assert page.changes[1].record["why"].startswith(f"GetChanges: {place}: expected ")
    assert [(one["system"], one["operation"], one["row"]) for one in logged] == [("revenue/1.0", "GetChanges", "e-2")]
    assert logged[0]["places"][0].startswith(f"{place}: expected ")


@pytest.mark.parametrize("row", [change(2, event_id=None), change(2, assessment_no=None), "nothing at all", None])
async def test_a_row_whose_case_cannot_be_read_is_logged_and_stops_nobody(row: Any) -> None:
    page, logged = await told([change(1), row, change(3)])
    assert [one.event_id for one in page.changes] == ["e-1", "e-3"]
    assert len(logged) == 1


async def test_what_is_wrong_outside_the_rows_is_wrong_with_the_page() -> None:
    with pytest.raises(GatewayUnreachable):
        await told([change(1), change(2, sequence="2")], next_cursor=7)


async def test_a_page_of_broken_rows_alone_moves_the_cursor() -> None:
    page, _ = await told([change(1, sequence="x")])
    assert ([one.kind for one in page.changes], page.cursor) == (["unreadable"], "c-2")


@pytest.mark.parametrize(
    ("pattern", "instead", "place", "sequence"),
    [
        (rb"<Sequence>2<", b"<Sequence>two<", "Changes[1].Sequence", 0),
        (rb"<Kind>bill<", b"<Kind>bills<", "Changes[1].Kind", 2),
        (rb"<Sequence>2</Sequence>", b"", "Changes[1].CaseNo", 0),
    ],
)
async def test_a_broken_element_is_told_as_such_and_its_neighbours_as_they_are(
    pattern: bytes, instead: bytes, place: str, sequence: int
) -> None:
    body = re.sub(pattern, instead, BODY)
    page, logged = await asked(CORE, body, "text/xml", lambda system: system.changes(None))
    whole, _ = await asked(CORE, BODY, "text/xml", lambda system: system.changes(None))
    told, before = page.changes, whole.changes
    assert (told[1].event_id, told[1].kind, told[1].sequence) == ("1405-100001-2", "unreadable", sequence)
    assert [*told[:1], *told[2:]] == [*before[:1], *before[2:]]
    assert page.cursor == whole.cursor
    assert [one["row"] for one in logged] == ["1405-100001-2"]
    assert logged[0]["places"][0].startswith(place)


async def test_a_broken_entry_of_a_ledger_is_named_and_left_out() -> None:
    entry: dict[str, Any] = {
        "reference": REFERENCE,
        "operation": "RegisterPayment",
        "at": "2026-11-21T08:00:00Z",
        "state": "ENTERED",
    }
    entry |= {"amount_rial": 1000, "assessment_no": "A-1"}
    answer = {"page": 1, "pages": 1, "entries": [entry, entry | {"amount_rial": "1000"}]}

    async def ledger(system: Any) -> list[LedgerEntry]:
        return [one async for one in system.statement(NOW, NOW)]

    found, logged = await asked(REVENUE, httpx.Response(200, json=answer).content, "application/json", ledger)
    assert [one.amount_rial for one in found] == [1000]
    assert [one["row"] for one in logged] == [REFERENCE]
