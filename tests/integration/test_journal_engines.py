"""What is kept in an embedded journal is what was given, and what is read from it is what stands there."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
from pysqlite3 import dbapi2 as sqlite
from sqlalchemy import Engine, text

from adapter.journal.engines import ClosingConnection, journal_url, make_engine

EVERY_NUMBER = "SELECT number FROM numbers WHERE number >= ? ORDER BY number"
NUMBERS = [(one,) for one in range(6)]


def numbers_after_a_lost_reading(connection: Any, *, end: str = "rollback") -> list[tuple[int]]:
    """All numbers, read while the cursor of a transaction that ended in its middle is collected."""
    connection.execute("CREATE TABLE numbers (number INTEGER)")
    connection.executemany("INSERT INTO numbers VALUES (?)", NUMBERS)
    connection.execute("BEGIN")
    lost = connection.execute(EVERY_NUMBER, (0,))
    lost.fetchone()
    getattr(connection, end)()
    connection.execute("BEGIN")
    reading = connection.execute(EVERY_NUMBER, (0,))
    first = reading.fetchone()
    del lost
    return [first, *reading.fetchall()]


@pytest.mark.parametrize("end", ["rollback", "commit"])
def test_a_cursor_that_is_collected_late_disturbs_no_other(end: str) -> None:
    connection = sqlite.connect(":memory:", isolation_level=None, factory=ClosingConnection)
    assert numbers_after_a_lost_reading(connection, end=end) == NUMBERS


def test_the_driver_alone_gives_rows_twice() -> None:
    connection = sqlite.connect(":memory:", isolation_level=None)
    assert len(numbers_after_a_lost_reading(connection)) > len(NUMBERS), "it is mended: ClosingConnection can go"


def test_an_error_in_the_middle_of_a_reading_disturbs_no_later_one(tmp_path: Path) -> None:
    """As it comes about: the error's traceback holds the result, and is let go while the next one reads."""
    engine = make_engine(journal_url(f"sqlite:///{tmp_path}/journal.db"), writes=True, connections=1)
    every = text("SELECT number FROM numbers ORDER BY number")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE numbers (number INTEGER)"))
        connection.execute(text("INSERT INTO numbers VALUES (:number)"), [{"number": one} for (one,) in NUMBERS])

    with pytest.raises(ZeroDivisionError) as caught:
        shares_of(engine, every)
    with engine.connect() as connection:
        rows = iter(connection.execute(every))
        read = [tuple(next(rows))]
        del caught
        gc.collect()
        read += [tuple(row) for row in rows]
    assert read == NUMBERS
    engine.dispose()


def shares_of(engine: Engine, clause: Any) -> list[int]:
    with engine.connect() as connection:
        rows = connection.execute(clause)
        return [1 // row.number for row in rows]


@pytest.mark.parametrize(
    ("given", "kept", "kind"),
    [
        (None, None, "null"),
        (True, 1, "integer"),
        (False, 0, "integer"),
        (b"", b"", "blob"),
        (b"\0sealed", b"\0sealed", "blob"),
        (7, 7, "integer"),
        ("نشانی", "نشانی", "text"),
    ],
)
def test_a_value_is_kept_as_it_was_given(given: object, kept: object, kind: str) -> None:
    connection = sqlite.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE one (value)")
    connection.executemany("INSERT INTO one VALUES (?)", [(given,)])
    assert connection.execute("SELECT value, typeof(value) FROM one").fetchone() == (kept, kind)
