"""Connectors that are asked: changes after a cursor, and answers that come later."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx
from structlog.testing import capture_logs

from adapter.errors import FaultySettings, GatewayUnreachable
from adapter.exchange import Verdict
from connectors import rest, soap
from tests.support.calling import CONTRACTS, CORE, NOW, ONCE, QUICK, REVENUE, refused_address


async def test_a_connector_asks_for_changes_after_its_cursor() -> None:
    change = {
        "event_id": "e-1",
        "sequence": 3,
        "assessment_no": "A-1",
        "kind": "status",
        "changed_at": "2026-11-21T11:30:00+03:30",
        "status_code": 30,
    }
    with respx.mock:
        route = respx.get("http://revenue.invalid/v1/changes", params={"cursor": "c-1", "count": "100"})
        route.mock(return_value=httpx.Response(200, json={"changes": [change], "next_cursor": "c-2"}))
        system = rest.connect(REVENUE, "http://revenue.invalid", timeouts=QUICK, retries=ONCE)
        page = await system.changes("c-1")
        await system.aclose()
    assert (page.cursor, page.more) == ("c-2", False)
    (found,) = page.changes
    assert (found.event_id, found.kind, found.reference, found.sequence) == ("e-1", "status", "A-1", 3)
    assert found.changed_at == NOW
    assert found.record == change


def changed(number: int, at: str = "2026-11-21T11:30:00+03:30") -> dict[str, Any]:
    return {
        "event_id": f"e-{number}",
        "sequence": number,
        "assessment_no": "A-1",
        "kind": "status",
        "changed_at": at,
        "status_code": 30,
    }


async def test_a_change_at_the_end_of_a_day_is_taken_as_of_the_next_ones_beginning() -> None:
    folder = CONTRACTS / "urban_core" / "1.0" / "examples" / "valid"
    path = folder / "GetChanges.answer.a_status_two_bills_and_a_document.soap.xml"
    body = re.sub(rb"(<ChangedAt>)[^<]*", rb"\g<1>2026-11-21T24:00:00Z", path.read_bytes())
    with respx.mock:
        route = respx.post("http://core.invalid/CaseService.svc")
        route.mock(return_value=httpx.Response(200, content=body, headers={"Content-Type": "text/xml"}))
        system = soap.connect(CORE, "http://core.invalid", timeouts=QUICK, retries=ONCE)
        page = await system.changes(None)
        await system.aclose()
    assert {one.changed_at for one in page.changes} == {datetime(2026, 11, 22, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("at", "taken_at", "warned"),
    [
        ("2026-11-21T23:59:60Z", datetime(2026, 11, 21, 23, 59, 59, 999999, tzinfo=UTC), []),
        ("0000-01-01T00:00:00Z", NOW, [{"system": "revenue/1.0", "event_id": "e-1"}]),
    ],
)
async def test_a_change_is_taken_whatever_its_instant(at: str, taken_at: datetime, warned: list[Any]) -> None:
    answer = {"changes": [changed(1, at), changed(2)], "next_cursor": "c-2"}
    with respx.mock, capture_logs() as logs:
        respx.get("http://revenue.invalid/v1/changes").mock(return_value=httpx.Response(200, json=answer))
        system = rest.connect(REVENUE, "http://revenue.invalid", timeouts=QUICK, retries=ONCE, clock=lambda: NOW)
        page = await system.changes("c-1")
        await system.aclose()
    assert [one.changed_at for one in page.changes] == [taken_at, NOW]
    assert page.cursor == "c-2"
    told = [one for one in logs if one["event"] == "change_without_an_instant"]
    assert [{name: one[name] for name in ("system", "event_id")} for one in told] == warned
    assert "A-1" not in str(logs)


async def test_more_is_asked_for_at_once_only_when_the_cursor_moved_and_a_stuck_one_is_told_once() -> None:
    full = [changed(number) for number in range(100)]
    with respx.mock, capture_logs() as logs:
        route = respx.get("http://revenue.invalid/v1/changes")
        system = rest.connect(REVENUE, "http://revenue.invalid", timeouts=QUICK, retries=ONCE)
        more = []
        for before, after in (("a", "b"), ("b", "b"), ("b", "b"), ("b", "c"), ("c", "c")):
            route.mock(return_value=httpx.Response(200, json={"changes": full, "next_cursor": after}))
            more.append((await system.changes(before)).more)
        await system.aclose()
    assert more == [True, False, False, True, False]
    assert [(one["event"], one["cursor"]) for one in logs] == [("cursor_stuck", "b"), ("cursor_stuck", "c")]


async def test_changes_that_cannot_be_asked_for_keep_the_cursor_where_it_was() -> None:
    system = rest.connect(REVENUE, await refused_address(), timeouts=QUICK, retries=ONCE)
    with pytest.raises(GatewayUnreachable):
        await system.changes("c-1")
    await system.aclose()


async def test_a_deferred_answer_is_awaited_until_it_is_there() -> None:
    codec = CORE.bindings["soap"]
    waiting = {"ErrorResult": {}, "State": 2, "InquiryNo": "77"}
    ready = {**waiting, "State": 1, "Answer": {"Code": "1", "Title": "بلامانع"}}
    verdicts = []
    with respx.mock:
        route = respx.post("http://core.invalid/CaseService.svc")
        for answer in (waiting, ready):
            body = codec.encode_answer("GetAnswer", answer)
            route.mock(return_value=httpx.Response(200, content=body, headers={"Content-Type": "text/xml"}))
            system = soap.connect(CORE, "http://core.invalid", timeouts=QUICK, retries=ONCE)
            verdicts.append((await system.poll("AskProperty", "77")).verdict)
            await system.aclose()
        asked = codec.thaw("GetAnswer", route.calls.last.request.content)
    assert verdicts == [Verdict.AWAITING, Verdict.DONE]
    assert asked == {"InquiryNo": "77"}


def test_a_connector_of_a_binding_that_the_contract_lacks_says_so() -> None:
    with pytest.raises(FaultySettings, match="choose rest"):
        soap.connect(REVENUE, "http://revenue.invalid")
