"""A request that stands under another: its parent is known at intake, and its internal number reaches the tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapter.exchange import Operation, Record, State
from adapter.offer import offer_of
from adapter.refusals import UnknownCase
from adapter.service import Service
from adapter.translator import Context
from tests.support.house import NEIGHBOUR, TENANT, House, services
from tests.support.records import permit

pytest_plugins = ["tests.support.fixtures"]

KEY = "key-of-the-caller-0001"


class _UnderAnother:
    """The permit's own table, with the parent's number beside what it gives."""

    def __init__(self, service: Service) -> None:
        self._table = service.tables["submit"]

    def translate(self, record: Record, context: Context) -> Record:
        number = context.parent.get("internal_reference")
        return {**self._table.translate(record, context), **({"ParentCaseNo": number} if number else {})}

    def missing(self, record: Record) -> list[str]:
        return self._table.missing(record)


def parents_told(house: House) -> list[str | None]:
    return [one.says(house.core).get("ParentCaseNo") for one in house.core.sent]


@pytest.fixture
def stacked(house: House) -> House:
    """A house whose permits may stand under another case."""
    permits = services()["building_permit"]
    permits = replace(permits, tables={**permits.tables, "submit": _UnderAnother(permits)})  # type: ignore[dict-item]
    house.offer = offer_of(
        {TENANT: ["building_permit"], NEIGHBOUR.tenant: ["building_permit"]}, {"building_permit": permits}, {}
    )
    return house


async def test_the_parent_s_internal_number_is_sent_with_the_request(stacked: House) -> None:
    parent = await stacked.submit(permit(48))
    await stacked.deliver_due()
    await stacked.submit(permit(49, parent_case=parent))
    await stacked.deliver_due()
    assert parents_told(stacked) == [None, "1405-1-1"]


async def test_what_stands_under_a_case_waits_until_that_has_its_number(stacked: House) -> None:
    parent = await stacked.submit(permit(48))
    child = await stacked.submit(permit(49, parent_case=parent))
    claims = {claim.case.tracking_code: claim for claim in await stacked._due()}
    await stacked.delivery.deliver(claims[child])
    assert stacked.core.sent == []
    assert {one.state for one in await stacked.exchanges(Operation.SUBMIT_REQUEST)} == {State.READY}
    await stacked.delivery.deliver(claims[parent])
    await stacked.settle_all(rounds=3)
    assert parents_told(stacked) == [None, "1405-1-1"]


@pytest.mark.parametrize("code", ["405271839600", "99999999"])
async def test_an_unknown_parent_is_refused_by_name_and_nothing_is_kept(stacked: House, code: str) -> None:
    with pytest.raises(UnknownCase, match=f"parent_case: no case with tracking code {code}") as refused:
        await stacked.receive(Operation.SUBMIT_REQUEST, permit(parent_case=code))
    assert refused.value.status == 404
    assert await stacked.exchanges() == []


async def test_another_tenant_s_case_is_as_unknown_as_one_that_never_was(stacked: House) -> None:
    theirs = await stacked.submit(permit(48), caller=NEIGHBOUR)
    with pytest.raises(UnknownCase):
        await stacked.receive(Operation.SUBMIT_REQUEST, permit(49, parent_case=theirs))


async def test_persian_digits_name_the_same_parent(stacked: House) -> None:
    parent = await stacked.submit(permit(48))
    persian = parent.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    assert await stacked.submit(permit(49, parent_case=persian))


async def test_a_repeated_call_gets_its_first_answer(stacked: House) -> None:
    parent = await stacked.submit(permit(48))
    first = await stacked.receive(Operation.SUBMIT_REQUEST, permit(49, parent_case=parent), KEY)
    again = await stacked.receive(Operation.SUBMIT_REQUEST, permit(49, parent_case=parent), KEY)
    assert (again.body, again.replayed) == (first.body, True)
