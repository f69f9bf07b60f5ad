"""Many rows at once are kept as few are, whichever way the database takes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Table, event, select
from sqlalchemy.exc import IntegrityError

from adapter.exchange import Case
from adapter.journal import Journal
from adapter.journal.rows import exchange_row
from adapter.journal.schema import documents, exchanges
from adapter.journal.unit import Unit
from tests.integration.journal_making import (
    Opening,
    Overheard,
    counts,
    in_one_commit,
    inside,
    look,
    new_exchange,
    opening,
    submitted,
)

FEW, MANY = 2, 40
REASON = "گام\tبا جدا، خطِ\nنو، \\ و \\N"


def drafts(case: Case, count: int) -> list[dict[str, Any]]:
    """Rows with text that a copy in text would have to escape, with truth and with nothing."""
    made = (replace(new_exchange(case), reason=REASON, may_have_effect=place % 2 == 0) for place in range(count))
    return [exchange_row(one) for one in made]


async def kept(journal: Journal, table: Table, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What then stands in the database under their ids and in their columns, in the order in which it was written."""

    def keep(unit: Unit) -> list[dict[str, Any]]:
        for row in rows:
            unit.insert(table, row)
        unit.flush()
        of_these = table.c.id.in_([row["id"] for row in rows])
        query = select(*(table.c[name] for name in rows[0])).where(of_these).order_by(*table.primary_key.columns)
        return [dict(row) for row in unit.connection.execute(query).mappings()]

    found: list[dict[str, Any]] = await inside(journal, keep)
    return found


@pytest.mark.parametrize("count", [1, FEW, MANY])
async def test_rows_are_kept_as_they_were_given(journal: Journal, count: int) -> None:
    case, _ = await submitted(journal)
    rows = drafts(case, count)

    assert await kept(journal, exchanges, rows) == rows


async def test_what_may_be_nothing_is_nothing_or_bytes(journal: Journal) -> None:
    nothing = dict.fromkeys(column.name for column in documents.columns)
    rows = [{**nothing, "id": f"{place:02}", "tenant": "town", "kept_at": 2**40} for place in range(MANY)]
    for row in rows[::2]:
        row.update(digest=b"\0\xff" * 16, data_key=b"", size=0)

    assert await kept(journal, documents, rows) == rows


async def test_one_row_that_cannot_stand_beside_another_fails_them_all(journal: Journal) -> None:
    case, _ = await submitted(journal)
    rows = drafts(case, MANY)

    with pytest.raises(IntegrityError) as failed:
        await kept(journal, exchanges, [*rows, {**rows[0], "id": "another"}])

    assert REASON not in str(failed.value)
    assert await kept(journal, exchanges, rows) == rows


async def test_a_text_that_no_database_holds_fails_its_own_call_alone(journal: Journal, journal_url: str) -> None:
    calls = [opening(f"call {number}") for number in range(MANY)]
    calls[7] = replace(calls[7], exchange=replace(calls[7].exchange, event_id="half a letter: \ud800"))

    answers = await in_one_commit(journal, *(journal.accept(call) for call in calls))

    assert [place for place, answer in enumerate(answers) if isinstance(answer, UnicodeEncodeError)] == [7]
    assert counts(journal_url)["exchanges"] == MANY - 1


@pytest.mark.parametrize(("count", "way"), [(FEW, "INSERT INTO exchanges"), (MANY, "COPY exchanges")])
async def test_postgresql_is_given_many_rows_as_a_copy(postgres_journals: Opening, count: int, way: str) -> None:
    journal = postgres_journals()
    case, _ = await submitted(journal)

    with Overheard(journal) as heard:
        await kept(journal, exchanges, drafts(case, count))

    assert [sql.startswith(way) for sql, _ in heard.statements if "exchanges" in sql and "SELECT" not in sql] == [True]


async def test_a_connection_lost_before_a_copy_loses_no_call(postgres_journals: Opening, postgres_url: str) -> None:
    journal = postgres_journals()
    cut: list[int] = []

    def cut_off(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("COPY exchanges") and not cut:
            cut.append(cursor.connection.info.backend_pid)
            look(postgres_url, "SELECT pg_terminate_backend(:pid, 5000)", pid=cut[0])

    event.listen(journal._writer._engine, "before_cursor_execute", cut_off)
    await in_one_commit(journal, *(journal.accept(opening(f"call {number}")) for number in range(MANY)))

    assert len(cut) == 1
    assert counts(postgres_url)["exchanges"] == MANY
