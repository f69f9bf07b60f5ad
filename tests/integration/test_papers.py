"""Documents beside what their service takes: told in its card, checked in its folder, held at the door by its case."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapter.contract.sniffing import HEAD_BYTES
from adapter.exchange import Operation, Outcome, State, Verdict
from adapter.mark import Brought, Mark
from adapter.refusals import (
    DocumentNotSent,
    MediaTypeNotTaken,
    RequestRefused,
    TooLarge,
    TooManyDocuments,
    TypeDiffers,
    UnknownCase,
    UnknownService,
)
from adapter.service import DocumentLimits, publication_of
from adapter.service.checks import Between
from adapter.service.papers import read_documents
from adapter.tables import read_toml
from tests.support.house import COUNTER, NEIGHBOUR, TENANT, House, contracts, services
from tests.support.records import document, permit

pytest_plugins = ["tests.support.fixtures"]

PERMIT = services()["building_permit"]
LARGE = b"%PDF-1.7\n" + bytes(299_991)


async def permit_of(house: House, **limits: Any) -> str:
    """A case of a service with these limits."""
    limited = replace(PERMIT, documents=DocumentLimits(**limits))
    offer = house.offer
    by_id = {**offer.by_id, (TENANT, PERMIT.service_id): limited}
    house.offer = replace(offer, by_id=by_id, by_name={**offer.by_name, (TENANT, PERMIT.name): limited})
    return await house.submit(permit())


async def attach(
    house: House, code: str, number: int = 1, key: str | None = None, brought: Sequence[Brought] = (), **more: Any
) -> Any:
    paper = document(code, document_no=f"D-{number}", **more)
    return await house.receive(Operation.ATTACH_DOCUMENT, paper, key, brought=brought)


async def brought(house: House, content: bytes) -> Brought:
    """A large document as a door has taken it in."""
    coming = house.journal.documents.begin(TENANT)
    await coming.write(content)
    return Brought(coming.id, await coming.end(), content[:HEAD_BYTES])


async def refusal(house: House, code: str, **more: Any) -> RequestRefused:
    with pytest.raises(RequestRefused) as refused:
        await attach(house, code, **more)
    return refused.value


def inline(size: int) -> str:
    return base64.b64encode(b"%PDF-1.7".ljust(size, b"\0")).decode()


@pytest.mark.parametrize("size", [1000, 999, 998])
async def test_content_in_the_message_may_be_as_large_as_the_service_says_and_no_larger(house: House, size: int):
    code = await permit_of(house, most_bytes=size)
    refused = await refusal(house, code, content=inline(size + 1))

    assert isinstance(refused, TooLarge)
    assert (refused.status, f"{size} bytes; this one has {size + 1}" in refused.detail) == (413, True)
    assert (await attach(house, code, content=inline(size))).status == 202


async def test_a_document_in_the_store_is_as_large_as_its_mark_says(house: House):
    code = await permit_of(house, most_bytes=299_999)
    came = await brought(house, LARGE)
    mark = came.mark

    assert isinstance(await refusal(house, code, content=mark.text, brought=[came]), TooLarge)

    house.offer = replace(house.offer, by_name={**house.offer.by_name, (TENANT, PERMIT.name): PERMIT})
    assert (await attach(house, code, content=mark.text, brought=[came])).status == 202


async def test_two_who_bring_the_same_file_at_once_each_bind_their_own(house: House):
    first, second = await permit_of(house), await house.submit(permit(49))
    coming = house.journal.documents.begin(TENANT)
    await coming.write(LARGE)
    came = Brought(coming.id, await coming.end(), LARGE[:HEAD_BYTES])
    also = await brought(house, LARGE)

    assert (await attach(house, first, content=came.mark.text, brought=[came])).status == 202
    await coming.discard()
    assert (await attach(house, second, content=also.mark.text, brought=[also])).status == 202


async def test_a_document_that_another_request_brought_is_not_to_be_had_for_its_mark(house: House):
    code = await permit_of(house)
    theirs = await brought(house, LARGE)

    assert isinstance(await refusal(house, code, content=theirs.mark.text), DocumentNotSent)


async def test_a_large_document_is_of_the_type_that_it_is_declared_as_however_many_come_beside_it(house: House):
    code = await permit_of(house)
    program = await brought(house, b"MZ\x90\0" + bytes(300_000))

    refused = await refusal(house, code, content=program.mark.text, brought=[program], media_type="application/pdf")

    assert isinstance(refused, TypeDiffers)


async def test_a_mark_that_a_caller_writes_itself_is_refused_by_name(house: House):
    code = await permit_of(house)

    refused = await refusal(house, code, content=Mark(bytes(32), 300_000).text)

    assert isinstance(refused, DocumentNotSent)
    assert len(await house.exchanges()) == 1


async def test_a_type_that_the_service_does_not_take_is_refused_with_those_that_it_takes(house: House):
    code = await permit_of(house, media_types=("image/jpeg", "image/png"))

    refused = await refusal(house, code, media_type="application/pdf")

    assert isinstance(refused, MediaTypeNotTaken)
    assert (refused.status, refused.detail.endswith("image/jpeg, image/png")) == (415, True)
    drawing = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").decode()
    assert (await attach(house, code, media_type="image/png", content=drawing)).status == 202


async def test_a_case_has_no_more_documents_than_its_service_says_and_a_repeated_one_is_none_more(house: House):
    code = await permit_of(house, count=2)
    await attach(house, code, 1, "key-of-the-first-0001")
    await attach(house, code, 2)

    refused = await refusal(house, code, number=3)

    assert isinstance(refused, TooManyDocuments)
    assert (refused.status, "2 documents" in refused.detail) == (409, True)
    assert (await attach(house, code, 1, "key-of-the-first-0001")).replayed


async def test_a_document_that_came_to_nothing_is_not_counted(house: House):
    code = await permit_of(house, count=1)
    await house.deliver_due()
    error = {"ErrorResult": {"BizErrors": [{"ErrorTitel": "closed", "ErrorKey": "E210", "ErrorAction": 0}]}}
    house.core.say(Outcome(Verdict.REFUSED, code="E210", answer=error))
    await attach(house, code, 1)
    await house.deliver_due()
    assert (await house.only(Operation.ATTACH_DOCUMENT)).state is State.REFUSED

    assert (await attach(house, code, 2)).status == 202


async def test_the_door_is_told_the_limit_of_the_cases_service_before_the_document_has_come(house: House):
    code = await permit_of(house, most_bytes=4_000_000)
    most = house.intake.most_document_bytes

    assert await most(COUNTER, Operation.ATTACH_DOCUMENT, {"tracking_code": code}) == 4_000_000
    opening = {"service_id": PERMIT.service_id}
    assert await most(COUNTER, Operation.SUBMIT_REQUEST, opening) == 4_000_000
    for caller, fields, told in (
        (COUNTER, {}, UnknownCase),
        (NEIGHBOUR, {"tracking_code": code}, UnknownCase),
    ):
        with pytest.raises(told):
            await most(caller, Operation.ATTACH_DOCUMENT, fields)
    with pytest.raises(UnknownService):
        await most(COUNTER, Operation.SUBMIT_REQUEST, {})


def test_a_card_tells_what_documents_are_taken_before_anybody_uploads():
    limits = DocumentLimits(most_bytes=5, media_types=("image/png",), count=3)

    told = publication_of(replace(PERMIT, documents=limits))

    assert told["documents"] == {"most_bytes": 5, "media_types": ["image/png"], "count": 3}
    assert publication_of(replace(PERMIT, documents=DocumentLimits()))["revision"] != told["revision"]
    assert "documents" not in publication_of(services()["renovation_toll"])


FAULTS = {
    "most_byte = 5000": "documents.most_byte: 'most_byte' is not a key here, did you mean 'most_bytes'?",
    "most_bytes = '20 MB'": "documents.most_bytes: the value is not a whole number",
    "most_bytes = 0": "documents.most_bytes: 0 is not above 0",
    "count = -1": "documents.count: -1 is not above 0",
    "most_bytes = 209715201": "documents.most_bytes: 209715201 is more than window/1.0 takes, write 209715200 or less",
    "media_types = 'image/png'": "documents.media_types: the value is not a list",
    "media_types = []": "documents.media_types: the list is empty, drop it, or name a type",
    "media_types = ['image/gif']": "documents.media_types: 'image/gif' is not a type that window/1.0 takes",
}


def read(tmp_path: Path, section: str, *operations: Operation) -> tuple[DocumentLimits, list[str]]:
    """What a service that takes these operations says of documents, and the faults of it."""
    path = tmp_path / "service.toml"
    path.write_text(section, encoding="utf-8")
    document, faults = read_toml(path, "permit/service.toml")
    inward = {one: PERMIT.inward[one] for one in operations}
    between = Between(contracts()["window/1.0"], contracts()["urban_core/1.0"])
    limits = read_documents(document, inward, between, faults)
    return limits, [str(fault) for fault in faults]


def test_what_a_folder_says_is_what_the_service_takes(tmp_path: Path):
    section = "[documents]\nmost_bytes = 5000\nmedia_types = ['image/png']\ncount = 3\n"

    assert read(tmp_path, section, Operation.ATTACH_DOCUMENT) == (DocumentLimits(5000, ("image/png",), 3), [])


def test_a_folder_that_says_nothing_takes_what_both_contracts_take_and_twenty_mebibytes_at_most(tmp_path: Path):
    inside = contracts()["urban_core/1.0"].operations["AddDocument"].most_document_bytes

    limits, faults = read(tmp_path, "", Operation.ATTACH_DOCUMENT)

    assert (limits, faults) == (DocumentLimits(most_bytes=min(inside, 20 * 1024 * 1024)), [])


@pytest.mark.parametrize(("line", "told"), FAULTS.items(), ids=FAULTS)
def test_what_cannot_hold_is_a_fault_of_its_line(tmp_path: Path, line: str, told: str):
    _, faults = read(tmp_path, f"[documents]\n{line}\n", Operation.ATTACH_DOCUMENT)

    assert faults[0].startswith(f"permit/service.toml:2: {told}")


def test_a_limit_of_documents_where_none_are_taken_is_a_fault(tmp_path: Path):
    _, (fault,) = read(tmp_path, "[documents]\ncount = 3\n", Operation.SUBMIT_REQUEST)

    assert fault == (
        "permit/service.toml:1: documents: no operation here takes documents, "
        "add [inward.AttachDocument], or drop the section"
    )
