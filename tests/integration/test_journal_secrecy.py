"""Nobody who holds the database without the master key learns who a citizen is."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from adapter.exchange import Change, Operation, State
from adapter.journal import Journal, Taken
from adapter.journal.engines import journal_url as with_driver
from adapter.journal.unit import Unit
from tests.integration.journal_making import (
    CALLER,
    CORE,
    TENANT,
    Opening,
    addition,
    begun,
    claim_of,
    inside,
    look,
    meddle,
    opening,
    outward,
    settlement,
    submitted,
    told,
)
from tests.support.postgres import Server

NAME, NATIONAL_ID, ADDRESS = "فرنگیس کاویان‌پور", "7319048264", "کوچهٔ شبنم پلاک ۴۱۷"
CANARIES = (NAME, NATIONAL_ID, ADDRESS)
RECORD = {
    "applicant": {"first_name": NAME, "national_id": NATIONAL_ID},
    "owners": [{"last_name": NAME}],
    "property": {"address": ADDRESS},
}


@dataclass(frozen=True)
class Disk:
    """What someone who took the disk, or a dump, can read."""

    url: str
    server: Server | None = field(default=None)

    def content(self) -> bytes:
        if self.server is None:
            path = Path(str(with_driver(self.url).database))
            return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))
        dump = [str(self.server.programs / "pg_dump"), self.url.replace("+psycopg", "")]
        return subprocess.run(dump, capture_output=True, check=True).stdout

    def shown(self) -> set[str]:
        """The canaries that stand there, as text, escaped, in hexadecimal or in another encoding."""
        content = self.content()
        assert len(content) > 4096
        return {canary for canary in CANARIES if any(form in content for form in forms(canary))}


def forms(canary: str) -> tuple[bytes, ...]:
    plain = canary.encode()
    escaped = json.dumps(canary)[1:-1].encode()
    return plain, escaped, plain.hex().encode(), plain.hex().upper().encode(), canary.encode("utf-16-le")


@pytest.fixture
def disk(journal_url: str, request: pytest.FixtureRequest) -> Disk:
    server = None if journal_url.startswith("sqlite") else request.getfixturevalue("postgres")
    return Disk(journal_url, server)


async def lived(journal: Journal) -> None:
    """Every place that holds what citizens wrote, or what was answered about them, has held it."""
    body = {"tracking_code": "1", "answer": {"title": NAME, "debt_of": NATIONAL_ID, "at": ADDRESS}}
    hashed = journal.sealer.hash(TENANT, "national_id", NATIONAL_ID)
    call = replace(opening("key"), record=RECORD, body=body, search={"national_id": hashed}, business_key=hashed)
    case = call.case
    assert case is not None
    accepted = await journal.accept(call)
    await journal.accept(opening("key"))
    sending = await begun(journal, claim_of(accepted), frozen=json.dumps(RECORD, ensure_ascii=False).encode())
    await journal.settle(
        settlement(sending, answer=RECORD, internal_reference="77", following=((outward(case), RECORD),))
    )
    inquiry = opening("inquiry")
    answered = replace(inquiry.exchange, operation=Operation.INQUIRE, state=State.DONE)
    await journal.accept(replace(inquiry, exchange=answered, record=RECORD, answer=RECORD, body=body))
    document = addition(case, record={"content": ADDRESS, "title": NAME, "note": NATIONAL_ID})
    filed = claim_of(await journal.accept(document))
    change = Change("event 1", "status", "78", 1, datetime.now(UTC), record=RECORD)
    drafts = ((outward(case, event_id="event 2"), RECORD),)
    await journal.take(Taken(TENANT, CORE, before=None, cursor="c1", drafts=drafts, strays=(change,)))
    await journal.settle(settlement(await begun(journal, filed), State.PARKED, answer=RECORD, told=told(3)))


async def test_no_canary_stands_outside_the_sealed_payloads_while_the_daemon_works(journal: Journal, disk: Disk):
    await lived(journal)

    assert disk.shown() == set()


async def test_no_canary_stands_there_after_the_daemon_has_ended(opening_journals: Opening, disk: Disk):
    journal = opening_journals()
    await lived(journal)
    journal.close()

    assert disk.shown() == set()


async def test_what_is_rolled_back_leaves_no_canary_either(journal: Journal, disk: Disk):
    await lived(journal)

    def fail(unit: Unit) -> None:
        unit.connection.exec_driver_sql("UPDATE nothing SET here = 1")

    with pytest.raises(DBAPIError):
        await inside(journal, fail)

    assert disk.shown() == set()


async def test_the_scan_finds_a_canary_that_leaked_into_a_plain_column(journal: Journal, disk: Disk):
    """The twin: a leak in an ordinary column, an audit row or a log-like text is found by the same scan."""
    await lived(journal)
    await journal.accept(opening("leak", caller=replace(CALLER, name=NAME)))

    assert disk.shown() == {NAME}


async def test_the_scan_finds_a_canary_kept_unsealed_in_a_payload(journal: Journal, journal_url: str, disk: Disk):
    await lived(journal)
    meddle(journal_url, "UPDATE payloads SET sealed = :sealed WHERE kind = 'frozen'", sealed=ADDRESS.encode())

    assert disk.shown() == {ADDRESS}


async def test_what_is_sealed_is_all_there_for_who_has_the_key(journal: Journal):
    call = replace(opening("key"), record=RECORD)
    accepted = await journal.accept(call)
    await begun(journal, claim_of(accepted), frozen=NAME.encode())

    assert json.loads(await journal.content(call.exchange, "record") or b"") == RECORD
    assert await journal.content(call.exchange, "frozen") == NAME.encode()


async def test_a_payload_moved_to_another_citizens_exchange_does_not_open(journal: Journal, journal_url: str):
    (_, one), (_, two) = await submitted(journal), await submitted(journal)
    ((other,),) = look(journal_url, "SELECT sealed FROM payloads WHERE exchange_id = :id", id=two.exchange.id)

    meddle(
        journal_url, "UPDATE payloads SET sealed = :sealed WHERE exchange_id = :id", sealed=other, id=one.exchange.id
    )

    with pytest.raises(Exception, match="does not open"):
        await journal.content(one.exchange, "record")


async def test_destroying_a_cases_key_makes_its_payloads_unreadable_and_only_its(journal: Journal, journal_url: str):
    (case, gone), (_, other) = await submitted(journal), await submitted(journal)

    meddle(journal_url, "UPDATE cases SET data_key = :nothing WHERE id = :id", nothing=b"", id=case.id)

    with pytest.raises(Exception, match="data key does not open"):
        await journal.content(gone.exchange, "record")
    assert await journal.content(other.exchange, "record") is not None


async def test_an_error_of_the_database_tells_no_citizen(journal: Journal, journal_url: str):
    """Its text goes to the log: it may name columns, never what stood in a record."""
    call = replace(opening("twice"), record=RECORD)
    await journal.accept(call)
    again = replace(call, scope=os.urandom(32))

    with pytest.raises(DBAPIError) as failed:
        await journal.accept(again)

    told_in_logs = f"{failed.value!r} {failed.value}"
    assert not any(form.decode(errors="ignore") in told_in_logs for canary in CANARIES for form in forms(canary)[:2])
