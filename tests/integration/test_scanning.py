"""The virus scanner: nothing passes it unscanned, what it finds is kept nowhere, who cannot ask it tries again."""

from __future__ import annotations

import base64
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.callers import Clamd
from adapter.examining import Examination
from adapter.exchange import Operation, State
from adapter.journal import inspecting
from adapter.refusals import Infected, NotScanned, TypeDiffers
from tests.integration.test_fetching import CONTENT, permit_change, pushed
from tests.support.clamd import NAME, SIGN, FakeClamd, listening
from tests.support.documents import HeldSink
from tests.support.house import TENANT, Town
from tests.support.lives import filed_permit
from tests.support.records import document, permit

pytest_plugins = ["tests.support.fixtures"]

PDF = b"%PDF-1.7 an invented deed"
NOBODY = Clamd("tcp:127.0.0.1:9", timedelta(seconds=1))


class Store:
    """A store whose last sink is looked at afterwards."""

    def __init__(self) -> None:
        self.sink = HeldSink()

    def begin(self, tenant: str) -> HeldSink:
        return self.sink

    def content(self, tenant: str, reference: str, mark: Any) -> Any:
        raise NotImplementedError


async def taken_in(content: bytes, scanner: Clamd | None) -> HeldSink:
    store = Store()
    sink = Examination(store, scanner).begin(TENANT)
    try:
        for start in range(0, len(content), 100_000):
            await sink.write(content[start : start + 100_000])
        await sink.end()
    except BaseException:
        await sink.discard()
        raise
    return store.sink


@pytest.mark.parametrize("place", ["unix", "tcp"])
async def test_a_document_is_scanned_whole_while_it_comes(place: str, tmp_path: Path) -> None:
    clamd = FakeClamd()
    async with listening(clamd, tmp_path if place == "unix" else None) as address:
        sink = await taken_in(CONTENT, Clamd(address))
        with pytest.raises(Infected, match=NAME):
            await taken_in(CONTENT + SIGN, Clamd(address))

    assert (clamd.scanned, sink.content) == ([CONTENT, CONTENT + SIGN], CONTENT)


@pytest.mark.parametrize(
    "clamd",
    [FakeClamd(says=b""), FakeClamd(says=b"UNKNOWN COMMAND\0"), FakeClamd(most=500_000), None],
    ids=["it hangs up", "it says something else", "the document is too long for it", "nobody is there"],
)
async def test_without_a_verdict_nothing_is_taken(clamd: FakeClamd | None) -> None:
    if clamd is None:
        with pytest.raises(NotScanned):
            await taken_in(CONTENT, NOBODY)
        return
    async with listening(clamd) as address:
        with pytest.raises(NotScanned):
            await taken_in(CONTENT, Clamd(address, timedelta(seconds=5)))


async def test_what_is_declared_as_another_type_is_told_at_the_end_as_well(tmp_path: Path) -> None:
    examination = Examination(Store())
    sink = examination.begin(TENANT)
    await sink.write(CONTENT)
    mark = await sink.end()
    head = bytes(sink.head)

    await examination.check(TENANT, mark.text, "application/pdf", head)
    with pytest.raises(TypeDiffers, match=r"declared as image/png.*application/pdf"):
        await examination.check(TENANT, mark.text, "image/png", head)


async def test_what_is_no_base64_is_no_document() -> None:
    with pytest.raises(TypeDiffers, match="not Base64"):
        await Examination(Store()).check(TENANT, "data:application/pdf;base64,JVBERi0=", None)


def attachment(code: str, content: bytes, **more: Any) -> dict[str, Any]:
    return document(code, content=base64.b64encode(content).decode(), **more)


async def test_the_door_refuses_what_is_found_and_what_cannot_be_scanned(town: Town) -> None:
    clamd = FakeClamd()
    async with listening(clamd) as address:
        town.scanner = Clamd(address)
        house = town.open()
        code = await house.submit(permit())
        with pytest.raises(Infected):
            await house.receive(Operation.ATTACH_DOCUMENT, attachment(code, PDF + SIGN))
        await house.receive(Operation.ATTACH_DOCUMENT, attachment(code, PDF))
    town.scanner = NOBODY
    house = town.open()
    with pytest.raises(NotScanned):
        await house.receive(Operation.ATTACH_DOCUMENT, attachment(code, PDF, document_no="D-2"))

    assert clamd.scanned == [PDF + SIGN, PDF]
    assert len(await house.exchanges(Operation.ATTACH_DOCUMENT)) == 1


async def test_the_door_refuses_what_is_not_of_the_type_that_it_is_declared_as(town: Town) -> None:
    house = town.open()
    code = await house.submit(permit())
    with pytest.raises(TypeDiffers, match="declared as application/pdf"):
        await house.receive(Operation.ATTACH_DOCUMENT, attachment(code, b"MZ\x90\0" + bytes(80)))
    assert await house.exchanges(Operation.ATTACH_DOCUMENT) == []


async def test_what_comes_from_inside_waits_for_the_scanner_and_parks_when_something_is_found(town: Town) -> None:
    town.scanner = NOBODY
    house = town.open()
    number = await filed_permit(house)
    house.core.documents.extend([CONTENT, CONTENT + SIGN])
    house.core.tell(permit_change(number))
    await house.take_changes()
    await house.deliver_due()
    assert (await pushed(house)).state is State.READY
    clamd = FakeClamd()
    async with listening(clamd) as address:
        town.scanner = Clamd(address)
        house = town.open()
        await house.settle_all(rounds=4)

    exchange = await pushed(house)
    assert (exchange.state, exchange.code) == (State.PARKED, "document-infected")
    assert NAME in str(exchange.reason)
    assert clamd.scanned == [CONTENT + SIGN]
    assert not [sent for sent in house.gateway.sent if sent.operation == "PushDocument"]
    audit = [inspecting.detail_of(row) for row in await house.journal.read(inspecting.audit_of_case, exchange.case_id)]
    assert "document-infected" in str(audit)


@pytest.mark.skipif(shutil.which("clamd") is None, reason="this machine has no clamd")
async def test_the_real_clamd_finds_the_eicar_file() -> None:
    address = next((one for one in ("/run/clamav/clamd.ctl", "/var/run/clamav/clamd.ctl") if Path(one).exists()), None)
    if address is None:
        pytest.skip("clamd does not listen on its usual socket")
    eicar = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-" + rb"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
    with pytest.raises(Infected, match=r"(?i)eicar"):
        await taken_in(eicar, Clamd(f"unix:{address}"))
    await taken_in(PDF, Clamd(f"unix:{address}"))
