"""Service cards to the gateway's catalogue: each once, in order, found again by revision, told in the audit."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from adapter.errors import Refused
from adapter.exchange import Direction, Exchange, Operation, Outcome, Stage, State, Verdict
from adapter.journal import inspecting, reading
from adapter.publishing import Publishing
from adapter.service import Service, publication_of
from tests.support.house import TENANT, House, contracts, services

pytest_plugins = ["tests.support.fixtures"]

ME = "uid:1000"


def toll_service(**card: str) -> Service:
    service = services()["renovation_toll"]
    return replace(service, card={**service.card, **card})


async def publish(house: House, service: Service | None = None) -> tuple[Exchange, bool]:
    publishing = Publishing(house.journal, house.settling.drafting, house.clock, house.delivery.dispatch)
    return await publishing.publish(TENANT, service or toll_service(), actor=ME, why="the card changed")


async def test_a_card_is_given_to_the_gateway_with_its_revision(house: House) -> None:
    kept, is_new = await publish(house)
    await house.settle_all()

    assert (is_new, kept.direction, kept.target) == (True, Direction.OUTWARD, "window/1.0")
    (sent,) = house.gateway.sent_as("PublishService")
    told = sent.says(house.gateway)
    assert told["card_revision"] == publication_of(toll_service())["revision"]
    assert (told["service_id"], told["title"]) == ("13042650207", "استعلام و پرداخت عوارض نوسازی")
    assert (await house.only(Operation.PUBLISH_SERVICE)).state is State.DONE
    assert (await house.journal.read(reading.case, kept.case_id)).stage is Stage.ENDED


async def test_the_card_that_it_was_given_last_is_not_given_again(house: House) -> None:
    first, _ = await publish(house)
    await house.settle_all()
    again, is_new = await publish(house)

    assert (again.id, is_new) == (first.id, False)
    assert len(await house.exchanges()) == 1


async def test_of_two_operators_at_once_one_publishes(house: House) -> None:
    kept = await asyncio.gather(publish(house), publish(house), publish(house))

    assert len({exchange.id for exchange, _ in kept}) == 1
    assert sum(is_new for _, is_new in kept) == 1


async def test_a_card_that_comes_back_after_another_is_published_anew(house: House) -> None:
    for service in (toll_service(), toll_service(fee="گران"), toll_service()):
        await publish(house, service)
        house.clock.advance(1)
    await house.settle_all()

    revisions = [sent.says(house.gateway)["card_revision"] for sent in house.gateway.sent_as("PublishService")]
    assert len(revisions) == 3
    assert revisions[0] == revisions[2] != revisions[1]


async def test_cards_of_one_service_go_in_order_and_hold_up_nothing_else(house: House) -> None:
    house.gateway.say(Outcome(Verdict.PARKED, code="203", reason="no"))
    await publish(house)
    await house.deliver_due()
    await publish(house, toll_service(fee="گران"))
    await publish(house, services()["building_permit"])
    await house.settle_all(rounds=2)

    states = {(one.service, one.state) for one in await house.exchanges(Operation.PUBLISH_SERVICE)}
    waiting = {("renovation_toll", State.PARKED), ("renovation_toll", State.READY)}
    assert states == {*waiting, ("building_permit", State.DONE)}


async def test_a_lost_answer_is_asked_for_by_reference_and_not_sent_again(house: House) -> None:
    house.gateway.say(Outcome(Verdict.IN_DOUBT, reason="lost"))
    await publish(house)
    await house.deliver_due()
    house.clock.advance(timedelta(minutes=5))
    await house.followup.ask_unsettled()

    assert len(house.gateway.sent_as("PublishService")) == 1
    assert len(house.gateway.asked) == 1


async def test_the_audit_tells_who_and_why(house: House) -> None:
    kept, _ = await publish(house)

    accepted = (await house.journal.read(inspecting.audit_of_case, kept.case_id))[0]
    assert (accepted["event"], accepted["actor"]) == ("accepted", ME)
    assert "the card changed" in accepted["detail"]


async def test_a_service_without_the_table_is_refused_with_what_to_do(house: House) -> None:
    service = toll_service()
    tables = {name: table for name, table in service.tables.items() if name != "publication"}
    with pytest.raises(Refused, match=r"publication\.csv"):
        await publish(house, replace(service, tables=tables))


@pytest.mark.parametrize("name", sorted(services()))
@pytest.mark.parametrize("binding", ["rest", "soap"])
async def test_every_shipped_card_fits_the_contract_whole(house: House, name: str, binding: str) -> None:
    await publish(house, services()[name])
    await house.settle_all()

    (sent,) = house.gateway.sent_as("PublishService")
    told = sent.says(house.gateway)
    assert contracts()["window/1.0"].bindings[binding].encode_request("PublishService", told)
    card = services()[name].card
    assert [len(told[part]) for part in ("steps", "laws", "faq")] == [
        len(card[part]) for part in ("steps", "laws", "faq")
    ]


def test_a_revision_is_the_same_for_the_same_card_only() -> None:
    assert publication_of(toll_service())["revision"] == publication_of(toll_service())["revision"]
    assert publication_of(toll_service(fee="گران"))["revision"] != publication_of(toll_service())["revision"]
