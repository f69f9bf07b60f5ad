"""Changes of the internal systems over a real journal: told to the gateway once and in the source's order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from adapter.channels import ChangePage, Sight, Sighting
from adapter.exchange import Operation, State
from adapter.journal import reading
from tests.support.house import CORE, House, Town, Weakened, shipped_offer
from tests.support.lives import LOST, filed_permit, told_codes
from tests.support.records import core_status, payment, permit, toll, toll_status
from tests.support.scripted import ScriptedSystem

pytest_plugins = ["tests.support.fixtures"]


async def test_the_changes_of_a_case_reach_the_gateway_in_the_source_s_order(house: House) -> None:
    number = await filed_permit(house)
    house.core.tell(*(core_status(number, sequence, code) for sequence, code in ((3, 40), (1, 10), (2, 30))))
    await house.settle_all()
    says = [sent.says(house.gateway) for sent in house.gateway.sent]
    assert [(told["sequence"], told["status_code"]) for told in says] == [(1, "010"), (2, "030"), (3, "040")]


async def test_the_order_is_the_sequence_and_never_the_code_s_number(house: House) -> None:
    number = await filed_permit(house)
    house.core.tell(*(core_status(number, sequence, code) for sequence, code in ((1, 30), (2, 35), (3, 30), (4, 40))))
    await house.settle_all()
    assert told_codes(house) == ["030", "035", "030", "040"]


async def test_a_change_told_twice_is_told_to_the_gateway_once(house: House) -> None:
    number = await filed_permit(house)
    change = core_status(number, 1, 10)
    house.core.tell(change, change)
    await house.settle_all()
    house.core.tell(change, core_status(number, 2, 30), change)
    await house.settle_all()
    assert told_codes(house) == ["010", "030"]


async def test_a_restart_takes_nothing_twice_and_misses_nothing(town: Town) -> None:
    house = town.open()
    number = await filed_permit(house)
    house.core.tell(core_status(number, 1, 10))
    await house.take_changes()
    house = town.open()
    house.core.tell(core_status(number, 2, 30))
    await house.settle_all()
    assert told_codes(house) == ["010", "030"]


async def test_pages_are_taken_one_after_the_other_until_there_is_no_more(house: House) -> None:
    number = await filed_permit(house)
    house.core.page_size = 2
    house.core.tell(*(core_status(number, sequence, 30) for sequence in range(1, 6)))
    await house.take_changes()
    assert len(await house.exchanges(Operation.PUSH_STATUS)) == 5
    assert await house.journal.read(reading.cursor, *CORE) == "5"


async def test_a_change_of_a_stranger_s_case_is_ignored(house: House) -> None:
    house.core.tell(core_status("1300-1", 1, 10))
    await house.settle_all()
    assert await house.exchanges() == []
    assert await house.journal.strays(*CORE) == []
    assert await house.journal.read(reading.cursor, *CORE) == "1"


async def test_changes_before_the_submission_is_settled_are_kept_and_told_later_in_order(house: House) -> None:
    house.core.say(LOST)
    await house.submit(permit())
    await house.deliver_due()
    house.core.tell(core_status("1405-7", 2, 30), core_status("1405-7", 1, 10))
    await house.take_changes()
    house.core.tell(core_status("1405-7", 3, 40))
    await house.take_changes()
    assert house.gateway.sent == []
    house.core.sights.append(Sight(Sighting.FOUND, {"ErrorResult": {}, "CaseNo": "1405-7"}))
    await house.settle_all()
    assert told_codes(house) == ["010", "030", "040"]
    assert await house.journal.strays(*CORE) == []


class Meanwhile(ScriptedSystem):
    """A system during whose answer something else happens in the house."""

    happens: Any = None

    async def changes(self, cursor: str | None) -> ChangePage:
        page = await super().changes(cursor)
        if self.happens is not None:
            await self.happens()
        return page


async def test_a_case_that_learns_its_number_while_a_page_is_read_does_not_overtake_what_was_kept(town: Town) -> None:
    town.core = core = Meanwhile(town.core.contract, town.core.binding, town.core.usual)
    house = town.open()
    core.say(LOST)
    await house.submit(permit())
    await house.deliver_due()
    core.tell(core_status("1405-7", 1, 10))
    await house.take_changes()
    core.sights.append(Sight(Sighting.FOUND, {"ErrorResult": {}, "CaseNo": "1405-7"}))
    house.clock.advance(60)
    core.tell(core_status("1405-7", 2, 30))
    core.happens = house.followup.ask_unsettled
    await house.take_changes()
    core.happens = None
    await house.settle_all()
    assert told_codes(house) == ["010", "030"]


async def test_kept_changes_survive_a_restart(town: Town) -> None:
    house = town.open()
    house.core.say(LOST)
    await house.submit(permit())
    await house.deliver_due()
    house.core.tell(core_status("1405-7", 1, 10))
    await house.take_changes()
    house = town.open()
    house.core.sights.append(Sight(Sighting.FOUND, {"ErrorResult": {}, "CaseNo": "1405-7"}))
    await house.settle_all()
    assert told_codes(house) == ["010"]


async def test_kept_changes_of_strangers_go_once_no_submission_can_still_claim_them(house: House) -> None:
    house.core.say(LOST)
    await house.submit(permit())
    await house.deliver_due()
    house.core.tell(core_status("1300-1", 1, 10), core_status("1405-7", 1, 10))
    await house.take_changes()
    assert len(await house.journal.strays(*CORE)) == 2
    house.core.sights.append(Sight(Sighting.FOUND, {"ErrorResult": {}, "CaseNo": "1405-7"}))
    await house.settle_all()
    await house.take_changes()
    assert told_codes(house) == ["010"]
    assert await house.journal.strays(*CORE) == []


async def test_a_change_waits_for_the_outcome_of_what_was_sent_there_whose_consequence_it_may_be(house: House) -> None:
    code = await house.submit(toll())
    await house.deliver_due()
    number = (await house.case(code)).internal_reference
    assert number is not None
    house.revenue.say(LOST)
    await house.receive(Operation.CONFIRM_PAYMENT, payment(code))
    await house.deliver_due()
    house.revenue.tell(toll_status(number, 9, 60))
    await house.take_changes()
    assert house.gateway.sent_as("PushStatus") == []
    receipt = {"code": "OK", "receipt_no": "R-1", "status_code": 50}
    house.revenue.sights.append(Sight(Sighting.FOUND, receipt))
    await house.settle_all()
    assert told_codes(house) == ["50", "60"]


async def test_another_system_s_case_of_the_same_number_is_not_touched(house: House) -> None:
    number = await filed_permit(house)
    await house.submit(toll())
    await house.deliver_due()
    house.revenue.tell(toll_status(number, 1, 60))
    await house.settle_all()
    assert await house.exchanges(Operation.PUSH_STATUS) == []


async def test_changes_while_their_service_is_stopped_are_told_in_order_when_it_is_mended(house: House) -> None:
    number = await filed_permit(house)
    house.offer = shipped_offer("building_permit")
    house.core.tell(core_status(number, 2, 30), core_status(number, 1, 10))
    await house.take_changes()
    house.core.tell(core_status(number, 3, 40))
    await house.take_changes()
    house.offer = shipped_offer()
    await house.settle_all()
    assert told_codes(house) == ["010", "030", "040"]


async def test_a_kept_change_whose_service_stops_while_it_is_taken_up_is_not_lost(town: Town) -> None:
    class Reloaded(Weakened):
        """A journal in the middle of whose reading the tables are reloaded."""

        async def read(self, function: Any, *arguments: Any, **named: Any) -> Any:
            if function is reading.awaiting_of_cases:
                house.offer = shipped_offer("building_permit")
            return await self.kept.read(function, *arguments, **named)

    house = town.open()
    number = await filed_permit(house)
    house.offer = shipped_offer("building_permit")
    house.core.tell(core_status(number, 1, 10))
    await house.take_changes()
    house = town.open(journal=Reloaded)
    await house.take_changes()
    house = town.open()
    await house.settle_all()
    assert told_codes(house) == ["010"]


async def test_an_unknown_status_is_parked_with_table_and_file_and_the_next_ones_wait_behind_it(house: House) -> None:
    number, other = await filed_permit(house), await filed_permit(house, 49)
    house.core.tell(core_status(number, 1, 10), core_status(number, 2, 999), core_status(number, 3, 30))
    house.core.tell(core_status(other, 1, 10))
    await house.take_changes()
    await house.deliver_due()
    first, parked, waiting, of_the_other = await house.exchanges(Operation.PUSH_STATUS)
    assert (first.state, parked.state, waiting.state) == (State.DONE, State.PARKED, State.READY)
    assert (parked.code, parked.may_have_effect) == ("untranslatable", False)
    assert (parked.reason or "").startswith("mappings/building_permit/urban_core/status.csv:")
    assert "codes/status.csv" in (parked.reason or "")
    assert of_the_other.state is State.DONE
    assert told_codes(house) == ["010", "010"]


async def test_a_kind_that_no_table_knows_is_parked_by_name_and_not_forgotten(house: House) -> None:
    number = await filed_permit(house)
    house.core.tell(replace(core_status(number, 1, 10), kind="plan"))
    await house.take_changes()
    await house.deliver_due()
    (exchange,) = await house.exchanges(Operation.PUSH_STATUS)
    assert (exchange.state, exchange.code) == (State.PARKED, "untranslatable")
    assert "mappings/building_permit" in (exchange.reason or "")
    assert "'plan'" in (exchange.reason or "")
    assert house.gateway.sent == []


async def test_a_status_after_the_end_of_a_case_is_told_all_the_same(house: House) -> None:
    number = await filed_permit(house)
    house.core.tell(core_status(number, 1, 160), core_status(number, 2, 930))
    await house.settle_all()
    assert told_codes(house) == ["160", "930"]


async def test_a_page_that_another_node_has_taken_is_dropped_whole(house: House) -> None:
    number = await filed_permit(house)
    house.core.tell(core_status(number, 1, 10))
    taken = asyncio.gather(*(house.followup.take_changes(CORE, house.core) for _ in range(2)), return_exceptions=True)
    await taken
    await house.settle_all()
    assert told_codes(house) == ["010"]
