"""Documents within what an internal system says: examined before a gateway is told, by whichever way they came in."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from adapter.exchange import Exchange, Operation, Outcome, State, Verdict
from adapter.journal import inspecting
from adapter.refusals import NotScanned
from adapter.strict_json import read_json
from tests.integration.test_fetching import permit_change
from tests.integration.test_papers import attach, brought
from tests.support.clamd import NAME, SIGN
from tests.support.documents import mark_of_content
from tests.support.house import TENANT, House, Logs, Town, contracts
from tests.support.lives import UNSENT, filed_permit
from tests.support.records import ROOT, example

pytest_plugins = ["tests.support.fixtures"]

PDF = b"%PDF-1.7 an invented answer"
PROGRAM = b"MZ\x90\0" + bytes(80)
LARGE = b"%PDF-1.7\n" + bytes(299_991)
DAY = timedelta(days=1)
DEFERRED = Outcome(Verdict.AWAITING, answer={"ErrorResult": {}, "State": 2, "InquiryNo": "Q-1"})


@dataclass
class Eyes:
    """A scanner in this process: what it has seen, whether it answers, and how many seconds it takes."""

    answers: bool = True
    seconds: float = 0
    seen: list[bytes] = field(default_factory=list)

    async def begin(self) -> Eyes:
        if not self.answers:
            raise NotScanned
        self.seen.append(b"")
        return self

    async def write(self, piece: bytes) -> None:
        self.seen[-1] += piece

    async def end(self) -> str | None:
        await asyncio.sleep(self.seconds)
        return NAME if SIGN in self.seen[-1] else None

    def close(self) -> None:
        pass


@pytest.fixture
def eyes(town: Town) -> Eyes:
    town.scanner = Eyes()
    return town.scanner


def based(content: bytes) -> str:
    return base64.b64encode(content).decode()


def answer_with(content: str, media_type: str = "application/pdf") -> Outcome:
    """The answer to an inquiry of an agency, with a document in it."""
    said = read_json((ROOT / "mappings/agency_inquiry/cases/water_may_be_connected.in.json").read_bytes())["record"]
    said["Answer"]["Document"] |= {"Content": content, "MediaType": media_type}
    return Outcome(Verdict.DONE, code="OK", answer=said)


async def asked(house: House) -> Any:
    """An owner asks for an agency; what he is answered at once."""
    record = {**example("Inquire.an_owner_asks_for_an_agency.json"), "service_id": "13042650332"}
    return await house.receive(Operation.INQUIRE, record)


# The ways in


async def changed(house: House, content: str, media_type: str) -> Operation:
    """A change says it, of a system that is never asked for documents."""
    number = await filed_permit(house)
    house.core.tell(permit_change(number, Content=content, MediaType=media_type))
    await house.take_changes()
    return Operation.PUSH_DOCUMENT


async def deferred(house: House, content: str, media_type: str) -> Operation:
    """The answer comes later, when it is asked for."""
    house.core.say(DEFERRED)
    await asked(house)
    house.core.polls.append(answer_with(content, media_type))
    await house.followup.ask_unsettled()
    return Operation.ANSWER_INQUIRY


async def repeated(house: House, content: str, media_type: str) -> Operation:
    """The answer comes to a question that could not be put at once."""
    house.core.say(UNSENT, answer_with(content, media_type))
    await asked(house)
    return Operation.ANSWER_INQUIRY


async def withheld(house: House, content: str, media_type: str) -> Operation:
    """The answer comes at once, and again when it is asked for anew."""
    house.core.always = answer_with(content, media_type)
    reply = await asked(house)
    assert (reply.status, reply.body["answered"]) == (202, False)
    return Operation.ANSWER_INQUIRY


Say = Callable[[House, str, str], Coroutine[Any, Any, Operation]]
PLACES = {
    Operation.PUSH_DOCUMENT: "mappings/building_permit/urban_core/document.csv:2: content: ",
    Operation.ANSWER_INQUIRY: "mappings/agency_inquiry/urban_core/answer.csv:14: answer.document.content: ",
}
ways = pytest.mark.parametrize("say", [changed, deferred, repeated, withheld])


@pytest.fixture
def house(town: Town, eyes: Eyes) -> House:
    """A core that has no way to be asked for documents."""
    core = replace(contracts()["urban_core/1.0"], documents=None)
    town.contracts = {**contracts(), core.title: core}
    return town.open()


async def delivered(house: House, operation: Operation) -> Exchange:
    await house.settle_all(rounds=3)
    return await house.only(operation)


@ways
async def test_what_is_infected_parks_with_its_row_and_is_told_once(say: Say, house: House, logs: Logs) -> None:
    operation = await say(house, based(PDF + SIGN), "application/pdf")
    exchange = await delivered(house, operation)

    assert (exchange.state, exchange.code, exchange.attempts) == (State.PARKED, "document-infected", 0)
    assert exchange.reason == f"{PLACES[operation]}The virus scanner found {NAME} in a document"
    assert house.gateway.sent_as(operation.value) == []
    assert [one["event"] for one in logs].count("document_infected") == 1
    found = await house.journal.read(inspecting.notes, ["document_infected"], since=exchange.accepted_at - DAY)
    assert [one["detail"]["why"] for one in found] == [NAME]
    audit = [inspecting.detail_of(row) for row in await house.journal.read(inspecting.audit_of_case, exchange.case_id)]
    assert str(audit).count("document-infected") == 1


@ways
async def test_what_is_of_another_type_than_the_gateway_is_told_parks_with_its_row(say: Say, house: House) -> None:
    operation = await say(house, based(PROGRAM), "application/pdf")
    exchange = await delivered(house, operation)

    assert (exchange.state, exchange.code, exchange.attempts) == (State.PARKED, "document-type-differs", 0)
    assert str(exchange.reason).startswith(f"{PLACES[operation]}A document is declared as application/pdf")
    assert house.gateway.sent_as(operation.value) == []


@ways
async def test_what_cannot_be_scanned_now_waits_and_is_told_once_it_was(say: Say, house: House, eyes: Eyes) -> None:
    eyes.answers = False
    operation = await say(house, based(PDF), "application/pdf")
    assert (await delivered(house, operation)).state is State.READY
    assert house.gateway.sent_as(operation.value) == []

    eyes.answers = True
    exchange = await delivered(house, operation)

    assert (exchange.state, eyes.seen) == (State.DONE, [PDF])
    assert len(house.gateway.sent_as(operation.value)) == 1


async def test_what_is_never_scanned_parks_when_its_time_has_passed(house: House, eyes: Eyes) -> None:
    eyes.answers = False
    operation = await changed(house, based(PDF), "application/pdf")
    await house.settle_all(rounds=20, step=timedelta(hours=12))

    exchange = await house.only(operation)
    assert (exchange.state, exchange.code) == (State.PARKED, "document-not-fetched")


async def test_what_is_sent_again_is_not_examined_again(house: House, eyes: Eyes) -> None:
    house.gateway.say(*[Outcome(Verdict.RETRY, "busy")] * 3)
    exchange = await delivered(house, await changed(house, based(PDF), "application/pdf"))
    await house.settle_all()

    assert len(house.gateway.sent_as("PushDocument")) == 4
    assert eyes.seen == [PDF]
    assert (await house.only(exchange.operation)).state is State.DONE


async def test_a_clean_document_is_answered_at_once(house: House, eyes: Eyes) -> None:
    house.core.say(answer_with(based(PDF)))

    reply = await asked(house)

    assert (reply.status, reply.body["answer"]["document"]["content"], eyes.seen) == (200, based(PDF), [PDF])


async def test_a_scanner_that_takes_longer_than_the_caller_waits_lets_the_answer_come_later(
    house: House, eyes: Eyes
) -> None:
    known = house.offer.named(TENANT, "agency_inquiry")
    assert known is not None
    hasty = replace(known, answer_within=timedelta(seconds=0.05))
    by_id = {**house.offer.by_id, (TENANT, hasty.service_id): hasty}
    house.offer = replace(house.offer, by_id=by_id, by_name={**house.offer.by_name, (TENANT, hasty.name): hasty})
    house.core.always = answer_with(based(PDF))
    eyes.seconds = 30

    reply = await asked(house)
    eyes.seconds = 0

    assert (reply.status, reply.body["answered"]) == (202, False)
    assert (await delivered(house, Operation.ANSWER_INQUIRY)).state is State.DONE


@ways
async def test_a_mark_that_a_system_writes_is_never_told_as_a_document(say: Say, house: House) -> None:
    operation = await say(house, mark_of_content(LARGE).text, "application/pdf")
    exchange = await delivered(house, operation)

    assert (exchange.state, exchange.code, exchange.attempts) == (State.PARKED, "document-missing", 0)
    assert house.gateway.sent_as(operation.value) == []


async def test_a_document_of_the_case_is_of_the_type_that_it_is_told_as(house: House) -> None:
    number = await filed_permit(house)
    (case,) = {one.case_id for one in await house.exchanges()}
    code = next(iter(house.core.sent)).says(house.core)["TrackingCode"]
    came = await brought(house, LARGE)
    await attach(house, code, content=came.mark.text, brought=[came], media_type="application/pdf")
    told = [
        permit_change(number, 2, Content=came.mark.text, MediaType="image/tiff"),
        permit_change(number, 3, Content=came.mark.text, MediaType="application/pdf"),
    ]
    house.core.tell(*told)
    await house.settle_all(rounds=3)

    wrong, right = await house.exchanges(Operation.PUSH_DOCUMENT)
    assert wrong.case_id == case
    assert (wrong.state, wrong.code) == (State.PARKED, "document-type-differs")
    assert right.state in {State.READY, State.DONE}
