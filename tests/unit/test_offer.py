"""What a tenant offers: found by id and by name, stopped services told apart from unknown ones, near ids named."""

from __future__ import annotations

import pytest

from adapter.offer import Offer, offer_of
from adapter.refusals import ServiceStopped, UnknownService
from tests.support.house import NEIGHBOUR, TENANT, services, shipped_offer

TOLL = "13042650207"


@pytest.fixture
def offer() -> Offer:
    return shipped_offer()


def test_a_service_is_found_by_its_id_and_by_its_name(offer: Offer) -> None:
    assert offer.asked_for(TENANT, TOLL) is services()["renovation_toll"]
    assert offer.named(TENANT, "renovation_toll") is services()["renovation_toll"]


def test_a_service_that_only_another_tenant_offers_is_unknown(offer: Offer) -> None:
    with pytest.raises(UnknownService) as unknown:
        offer.asked_for(NEIGHBOUR.tenant, services()["building_permit"].service_id)
    assert unknown.value.status == 404
    assert offer.named(NEIGHBOUR.tenant, "building_permit") is None


def test_an_unknown_service_names_the_ids_that_are_near(offer: Offer) -> None:
    with pytest.raises(UnknownService, match=f"13042650270 is not offered .*did you mean .*{TOLL}") as unknown:
        offer.asked_for(TENANT, "13042650270")
    assert TOLL in unknown.value.context["near"]


def test_near_ids_are_only_those_of_the_tenant_itself(offer: Offer) -> None:
    with pytest.raises(UnknownService) as unknown:
        offer.asked_for(NEIGHBOUR.tenant, "13042650305")
    assert unknown.value.context["near"] == [TOLL]


def test_an_id_that_is_near_to_nothing_names_nothing(offer: Offer) -> None:
    with pytest.raises(UnknownService) as unknown:
        offer.asked_for(TENANT, "99999999999")
    assert unknown.value.context["near"] == []
    assert "did you mean" not in unknown.value.detail


def test_a_tenant_that_nobody_knows_is_offered_nothing(offer: Offer) -> None:
    with pytest.raises(UnknownService):
        offer.asked_for("no-such-city", TOLL)


def test_a_stopped_service_says_so_and_when_to_come_again() -> None:
    offer = shipped_offer("renovation_toll")
    with pytest.raises(ServiceStopped) as stopped:
        offer.asked_for(TENANT, TOLL)
    assert stopped.value.status == 503
    assert stopped.value.context["retry_after"] > 0
    assert offer.named(TENANT, "renovation_toll") is None


def test_a_faulty_table_stops_that_service_only() -> None:
    offer = shipped_offer("renovation_toll")
    assert offer.asked_for(TENANT, services()["building_permit"].service_id) is services()["building_permit"]


def test_the_first_fault_of_a_stopped_service_is_kept_for_those_who_mend_it() -> None:
    offer = shipped_offer("renovation_toll")
    assert offer.stopped[TENANT, TOLL].startswith("mappings/renovation_toll/")


def test_a_service_that_no_tenant_lists_is_offered_to_nobody() -> None:
    offer = offer_of({TENANT: []}, services(), {})
    assert not offer.by_id
    assert not offer.by_name
    assert not offer.stopped
