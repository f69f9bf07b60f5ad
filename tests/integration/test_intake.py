"""Intake over a real journal: kept once, answered as the first time, one fingerprint for one content."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from datetime import timedelta

import pytest

from adapter.exchange import Direction, Operation, Record, Stage, State
from adapter.idempotency import canonical
from adapter.refusals import KeyConflict, KeyMissing, KeyUnusable, StillInFlight
from adapter.settlement.drafting import is_tracking_code
from adapter.strict_json import read_json
from tests.support.cancelling import cancelled_at
from tests.support.house import COUNTER, MOBILE, NEIGHBOUR, House, Town, contracts
from tests.support.lives import KEY, refusal_of
from tests.support.records import EXAMPLES, question, toll, withdrawal

pytest_plugins = ["tests.support.fixtures"]


# the key


@pytest.mark.parametrize("key", [None, ""])
async def test_a_call_without_a_key_is_refused(house: House, key: str | None) -> None:
    with pytest.raises(KeyMissing) as missing:
        await house.intake.receive(COUNTER, Operation.SUBMIT_REQUEST, toll(), key)
    assert missing.value.status == 400
    assert await house.exchanges() == []


@pytest.mark.parametrize(
    "key",
    [
        "x" * 15,
        "x" * 256,
        "has a space in it",
        "کلید-یکتای-درخواست-ما",
        "x" * 20 + "\n",
        "slash/slash/slash",
        "x" * 16 + "²",
    ],
)
async def test_an_unusable_key_is_refused(house: House, key: str) -> None:
    refused = await refusal_of(house, Operation.SUBMIT_REQUEST, toll(), key)
    assert isinstance(refused, KeyUnusable)
    assert refused.status == 400
    assert await house.exchanges() == []


@pytest.mark.parametrize("key", ["x" * 16, "x" * 255, "Az09._:-Az09._:-"])
async def test_a_usable_key_is_taken(house: House, key: str) -> None:
    assert (await house.receive(Operation.SUBMIT_REQUEST, toll(), key)).status == 202


# the first answer


async def test_a_request_is_acknowledged_with_a_tracking_code_after_it_is_kept(house: House) -> None:
    reply = await house.receive(Operation.SUBMIT_REQUEST, toll())
    assert (reply.status, reply.body["state"], reply.replayed) == (202, "accepted", False)
    code = reply.body["tracking_code"]
    assert is_tracking_code(code)
    assert reply.location == f"requests/{code}"
    exchange = await house.only(Operation.SUBMIT_REQUEST)
    assert (exchange.state, exchange.direction) == (State.READY, Direction.INWARD)
    assert (await house.case(code)).stage is Stage.RECEIVED


async def test_the_acknowledgement_fits_the_contract_in_both_bindings(house: House) -> None:
    reply = await house.receive(Operation.SUBMIT_REQUEST, toll())
    for codec in contracts()["window/1.0"].bindings.values():
        assert codec.encode_answer("SubmitRequest", reply.body)


async def test_what_was_kept_is_delivered_at_once_without_waiting_for_a_search(house: House) -> None:
    await house.submit(toll())
    assert house.delivery._queue.qsize() == 1
    assert await house.journal.claim_ready(10) == []


async def test_the_same_call_gets_the_first_answer_word_for_word_however_the_case_stands_now(house: House) -> None:
    first = await house.receive(Operation.SUBMIT_REQUEST, toll(), KEY)
    await house.deliver_due()
    house.clock.advance(timedelta(days=1))
    again = await house.receive(Operation.SUBMIT_REQUEST, toll(), KEY)
    assert (again.status, again.body, again.location) == (first.status, first.body, first.location)
    assert again.replayed
    assert len(await house.exchanges(Operation.SUBMIT_REQUEST)) == 1
    await house.deliver_due()
    assert len(house.revenue.sent) == 1


async def test_the_first_answer_survives_a_restart(town: Town) -> None:
    first = await town.open().receive(Operation.SUBMIT_REQUEST, toll(), KEY)
    again = await town.open().receive(Operation.SUBMIT_REQUEST, toll(), KEY)
    assert again.replayed
    assert again.body == first.body


async def test_a_later_time_of_sending_is_no_other_content(house: House) -> None:
    first = await house.receive(Operation.SUBMIT_REQUEST, toll(), KEY)
    later = toll(submitted_at="2026-11-21T09:31:00+03:30")
    assert (await house.receive(Operation.SUBMIT_REQUEST, later, KEY)).body == first.body


async def test_the_same_key_with_another_payload_is_a_conflict_and_keeps_nothing(house: House) -> None:
    await house.submit(toll(), KEY)
    refused = await refusal_of(house, Operation.SUBMIT_REQUEST, toll(49), KEY)
    assert isinstance(refused, KeyConflict)
    assert refused.status == 422
    assert len(await house.exchanges()) == 1


async def test_a_key_belongs_to_its_caller_and_operation(house: House) -> None:
    code = await house.submit(toll(48), KEY)
    await house.deliver_due()
    other = await house.submit(toll(49), KEY, MOBILE)
    neighbour = await house.submit(toll(50), KEY, NEIGHBOUR)
    assert len({code, other, neighbour}) == 3
    assert (await house.receive(Operation.WITHDRAW_REQUEST, withdrawal(code), KEY)).status == 202


async def test_a_refused_call_is_not_stored_and_its_key_is_still_free(house: House) -> None:
    await refusal_of(house, Operation.SUBMIT_REQUEST, toll(service_id="13042650270"), KEY)
    assert (await house.receive(Operation.SUBMIT_REQUEST, toll(), KEY)).status == 202


async def test_two_calls_at_once_with_one_key_keep_one_and_the_other_is_in_flight(house: House) -> None:
    answers = await asyncio.gather(
        *(house.receive(Operation.SUBMIT_REQUEST, toll(), KEY) for _ in range(5)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, StillInFlight)]
    assert len(refused) == 4
    assert refused[0].status == 409
    assert refused[0].context["retry_after"] >= 1
    assert len(await house.exchanges()) == 1
    assert (await house.receive(Operation.SUBMIT_REQUEST, toll(), KEY)).replayed


async def test_two_callers_at_once_about_one_subject_open_one_case(house: House) -> None:
    answers = await asyncio.gather(
        *(house.receive(Operation.SUBMIT_REQUEST, toll(), caller=caller) for caller in (COUNTER, MOBILE) * 3),
        return_exceptions=True,
    )
    codes = {answer.body["tracking_code"] for answer in answers if not isinstance(answer, BaseException)}
    assert len(codes) == 1
    assert all(isinstance(answer, StillInFlight) for answer in answers if isinstance(answer, BaseException))
    assert len(await house.exchanges()) == 1


# one fingerprint for one content

_PAIRS = sorted(
    path.name.removesuffix(".json")
    for path in EXAMPLES.glob("*.json")
    if ".answer." not in path.name
    and path.name.partition(".")[0]
    in {
        "SubmitRequest",
        "AttachDocument",
        "CorrectRequest",
        "WithdrawRequest",
        "ConfirmPayment",
        "ReversePayment",
        "FileObjection",
        "SubmitSurvey",
        "Inquire",
    }
)


@pytest.mark.parametrize("name", _PAIRS)
def test_the_same_content_over_soap_and_rest_has_one_fingerprint(name: str) -> None:
    operation = name.partition(".")[0]
    window = contracts()["window/1.0"]
    by_soap = window.bindings["soap"].decode_request((EXAMPLES / f"{name}.soap.xml").read_bytes())
    by_rest = read_json((EXAMPLES / f"{name}.json").read_bytes())
    assert by_soap.operation == operation
    assert canonical(by_soap.content) == canonical(by_rest)


def test_there_are_pairs_to_compare() -> None:
    assert len(_PAIRS) >= 10


@pytest.mark.parametrize(
    "spelling",
    [
        lambda record: dict(reversed(list(record.items()))),
        lambda record: {**record, "note": unicodedata.normalize("NFD", record["note"])},
        lambda record: {**record, "note": record["note"].replace("1405", "۱۴۰۵")},
        lambda record: {**record, "note": record["note"].replace("1405", "١٤٠٥")},
        lambda record: {**record, "submitted_at": "2030-01-01T00:00:00Z"},
    ],
    ids=["order of fields", "decomposed letters", "Persian digits", "Arabic digits", "time of sending"],
)
async def test_another_spelling_of_the_same_content_is_the_same_call(
    house: House, spelling: Callable[[Record], Record]
) -> None:
    record = toll(note="آیا عوارض سال 1405 هم هست؟ مؤدّی در سفر است.")
    first = await house.receive(Operation.SUBMIT_REQUEST, record, KEY)
    again = await house.receive(Operation.SUBMIT_REQUEST, spelling(record), KEY)
    assert again.replayed
    assert again.body == first.body


@pytest.mark.parametrize(
    "change",
    [
        {"note": "آیا عوارض سال 1406 هم هست؟"},
        {"toll": {"year_from": 1404, "year_to": 1406}},
        {"channel": {"code": "counter"}},
    ],
    ids=["a word", "a figure", "a channel"],
)
async def test_other_content_is_another_call(house: House, change: Record) -> None:
    await house.submit(toll(), KEY)
    assert isinstance(await refusal_of(house, Operation.SUBMIT_REQUEST, toll(**change), KEY), KeyConflict)


# cancellation


@pytest.mark.parametrize("lands", [True, False])
@pytest.mark.parametrize("operation", [Operation.SUBMIT_REQUEST, Operation.INQUIRE])
async def test_a_call_cancelled_at_any_await_is_kept_once_when_it_comes_again(
    town: Town, operation: Operation, *, lands: bool
) -> None:
    record = toll if operation is Operation.SUBMIT_REQUEST else question
    for point in range(1, 20):
        town.close()
        town.folder.joinpath("journal.db").unlink(missing_ok=True)
        house = town.open()
        came_so_far = await cancelled_at(house.receive(operation, record(), KEY), point, lands=lands)
        await asyncio.sleep(0.01)
        assert house.intake.in_flight == set(), "the key is free again"
        reply = await house.receive(operation, record(), KEY)
        again = await house.receive(operation, record(), KEY)
        assert again.body == reply.body
        house = town.open()
        await house.settle_all()
        (exchange,) = await house.exchanges(operation)
        assert exchange.state is State.DONE
        if not came_so_far:
            assert point > 1
            return
    pytest.fail("there are more awaits than this test thought")
