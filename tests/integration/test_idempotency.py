"""Over a real journal: environments apart, gateways without keys, one withdrawal for a case, and keys long used."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.doors.problems import problem_of
from adapter.exchange import Operation, Outcome, Record, Reply, Stage, State, Verdict
from adapter.journal import Retention
from adapter.refusals import AlreadyFiled, KeyConflict, KeyMissing, KeyRetired, RequestRefused
from tests.integration.journal_making import look
from tests.support.house import COUNTER, MOBILE, WINDOW, House, Town, found_town
from tests.support.records import document, payment, permit, question, toll, withdrawal

pytest_plugins = ["tests.support.fixtures"]

KEY = "key-of-the-caller-0001"
REFUSED = Outcome(Verdict.REFUSED, "E300", "not now", answer={"ErrorResult": {"BizErrors": []}})


async def without_key(house: House, operation: Operation, record: Record, **named: Any) -> Reply:
    return await house.intake.receive(named.get("caller", COUNTER), operation, record, None)


async def refusal(call: Any) -> RequestRefused:
    with pytest.raises(RequestRefused) as refused:
        await call
    return refused.value


# environments


async def test_the_same_key_in_another_environment_is_another_call(tmp_path: Path, logs: Any) -> None:
    """The same master key, tenant, caller, operation and key: nothing else would tell them apart."""
    scopes = set()
    for environment in ("production", "test"):
        folder = tmp_path / environment
        folder.mkdir()
        town = found_town(folder)
        town.environment = environment
        await town.open().receive(Operation.SUBMIT_REQUEST, toll(), KEY)
        town.close()
        ((scope,),) = look(f"sqlite:///{folder / 'journal.db'}", "SELECT scope FROM idempotency_keys")
        scopes.add(bytes(scope))
    assert len(scopes) == 2


# gateways that have no keys


@pytest.fixture
def keyless(town: Town) -> House:
    """A house whose gateway sends no keys."""
    town.mint(WINDOW[1])
    return town.open()


async def test_a_call_without_a_key_is_kept_once_and_answered_as_the_first_time(keyless: House) -> None:
    first = await without_key(keyless, Operation.SUBMIT_REQUEST, toll())
    later = toll(submitted_at="2026-11-22T09:31:00+03:30")
    again = await without_key(keyless, Operation.SUBMIT_REQUEST, later)
    assert (first.status, first.replayed, again.replayed) == (202, False, True)
    assert again.body == first.body
    assert len(await keyless.exchanges()) == 1


async def test_a_repeated_call_is_known_after_its_case_has_ended_too(keyless: House) -> None:
    reply = await without_key(keyless, Operation.INQUIRE, question())
    assert (reply.status, reply.body["answered"]) == (200, True)
    again = await without_key(keyless, Operation.INQUIRE, question())
    assert (again.body, again.replayed) == (reply.body, True)
    assert len(keyless.core.sent) == 1


async def test_the_same_subject_with_other_content_is_told_the_first_tracking_code(keyless: House) -> None:
    """Not that a key conflicts: the caller has none."""
    first = await without_key(keyless, Operation.SUBMIT_REQUEST, toll())
    refused = await refusal(without_key(keyless, Operation.SUBMIT_REQUEST, toll(note="دیگر")))
    assert isinstance(refused, AlreadyFiled)
    assert refused.context["tracking_code"] == first.body["tracking_code"]


async def test_what_is_filed_anew_after_a_refusal_is_another_request(keyless: House) -> None:
    keyless.revenue.say(Outcome(Verdict.DONE, answer={"code": "OK", "status_code": 10, "bills": []}))
    first = await without_key(keyless, Operation.SUBMIT_REQUEST, toll())
    await keyless.deliver_due()
    assert (await keyless.case(first.body["tracking_code"])).stage is Stage.ENDED
    anew = await without_key(keyless, Operation.SUBMIT_REQUEST, toll(note="دیگر"))
    assert not anew.replayed
    assert anew.body["tracking_code"] != first.body["tracking_code"]


async def test_what_belongs_to_a_case_is_kept_once_without_a_key(keyless: House) -> None:
    code = (await without_key(keyless, Operation.SUBMIT_REQUEST, permit())).body["tracking_code"]
    for operation, record in (
        (Operation.ATTACH_DOCUMENT, document(code)),
        (Operation.CONFIRM_PAYMENT, payment(code)),
        (Operation.WITHDRAW_REQUEST, withdrawal(code)),
    ):
        first = await without_key(keyless, operation, record)
        again = await without_key(keyless, operation, record)
        assert (first.replayed, again.replayed, again.body) == (False, True, first.body)
        assert len(await keyless.exchanges(operation)) == 1


async def test_a_key_that_is_carried_all_the_same_is_heeded(keyless: House) -> None:
    first = await keyless.receive(Operation.SUBMIT_REQUEST, toll(), KEY)
    assert (await keyless.receive(Operation.SUBMIT_REQUEST, toll(), KEY)).body == first.body
    refused = await refusal(keyless.receive(Operation.SUBMIT_REQUEST, toll(49), KEY))
    assert isinstance(refused, KeyConflict)


async def test_where_keys_are_carried_none_is_minted(house: House) -> None:
    refused = await refusal(without_key(house, Operation.SUBMIT_REQUEST, toll()))
    assert isinstance(refused, KeyMissing)
    assert await house.exchanges() == []


# one withdrawal for a case


async def test_a_case_is_withdrawn_once_however_many_channels_ask_for_it(house: House) -> None:
    code = await house.submit(permit())
    first = await house.receive(Operation.WITHDRAW_REQUEST, withdrawal(code))
    again = await house.receive(Operation.WITHDRAW_REQUEST, withdrawal(code), caller=MOBILE)
    assert (again.body, again.replayed) == (first.body, True)
    refused = await refusal(house.receive(Operation.WITHDRAW_REQUEST, withdrawal(code, reason="دلیل دیگر")))
    assert isinstance(refused, AlreadyFiled)
    assert refused.context["tracking_code"] == code
    await house.deliver_due()
    assert len(house.core.sent_as("CancelRequest")) == 1


async def test_the_withdrawal_of_one_case_is_nothing_to_another(house: House) -> None:
    for code in (await house.submit(permit(48)), await house.submit(permit(49))):
        assert not (await house.receive(Operation.WITHDRAW_REQUEST, withdrawal(code))).replayed


async def test_a_withdrawal_that_was_refused_inside_may_be_asked_for_again(house: House) -> None:
    """Otherwise its citizen would be told `accepted` for ever, and nothing would be done."""
    code = await house.submit(permit())
    await house.deliver_due()
    house.core.say(REFUSED)
    await house.receive(Operation.WITHDRAW_REQUEST, withdrawal(code), KEY)
    await house.deliver_due()
    assert (await house.only(Operation.WITHDRAW_REQUEST)).state is State.REFUSED
    assert (await house.receive(Operation.WITHDRAW_REQUEST, withdrawal(code), KEY)).replayed
    anew = await house.receive(Operation.WITHDRAW_REQUEST, withdrawal(code))
    once_more = await house.receive(Operation.WITHDRAW_REQUEST, withdrawal(code))
    assert (anew.replayed, once_more.replayed) == (False, True)
    await house.deliver_due()
    assert len(house.core.sent_as("CancelRequest")) == 2


# keys long used


async def test_a_key_used_long_ago_is_refused_by_name_and_nothing_is_done_again(house: House) -> None:
    reply = await house.receive(Operation.INQUIRE, question(), KEY)
    house.clock.advance(timedelta(days=91))
    await house.journal.retire_keys(Retention(keys=house.profile.keys_kept, tombstones=house.profile.tombstones_kept))

    refused = await refusal(house.receive(Operation.INQUIRE, question(), KEY))

    assert isinstance(refused, KeyRetired)
    told = problem_of(refused)
    assert (told.status, told.kind, told.tracking_code) == (
        409,
        "idempotency-key-retired",
        reply.body["tracking_code"],
    )
    assert told.title_fa
    assert told.title_en
    assert len(house.core.sent) == 1
