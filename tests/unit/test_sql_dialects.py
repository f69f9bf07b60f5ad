"""What is said to databases of which no server can be had here: every statement compiled, and how sessions are held."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Dialect, make_url
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError

from adapter.contract.records import Column
from adapter.errors import FaultySettings
from connectors import sql_clauses as clauses
from connectors.database import open_database
from connectors.sql_drivers import DRIVERS, Session, bound
from connectors.sql_errors import Meaning, meaning, told
from connectors.sql_values import Values
from tests.support.sql_side import petitions

TEHRAN = ZoneInfo("Asia/Tehran")
SESSION = Session(TEHRAN, datetime(2026, 11, 22, tzinfo=UTC), timedelta(seconds=3), timedelta(milliseconds=1500))
STATEMENTS = petitions().statements.of  # type: ignore[union-attr]

ODD = replace(
    STATEMENTS["FindByReference"],
    insert="desk.Order",
    view="desk.Order",
    where=("date",),
    parameters=(Column("date", "level", "date"), Column("Applicant.Name", "نام", "string")),
    columns=(Column("size", "Size", "string"), Column("Applicant.Name", "a b", "string")),
)
"""Reserved words, capitals, blanks, Persian letters and points, as table, column and parameter."""

CALLED = replace(ODD, insert=None, call="BEGIN enter(:date, '50%'); END;", parameters=(Column("date", "date", "date"),))

CLAUSES: dict[str, Any] = {
    "alive": clauses.alive(),
    "inserted": clauses.written(STATEMENTS["RegisterPetition"], frozenset({"reference", "urgent"})),
    "found": clauses.found(STATEMENTS["FetchOpinion"]),
    "first": clauses.behind(STATEMENTS["GetChanges"], None, most=4),
    "behind": clauses.behind(STATEMENTS["GetChanges"], (7, "E-7"), most=4),
    "looked back": clauses.behind(STATEMENTS["GetChanges"], (7, None), most=4),
    "ledger": clauses.within(STATEMENTS["GetLedger"], 1, 2, page=3),
    "odd inserted": clauses.written(ODD, frozenset({"date", "Applicant.Name"})),
    "odd found": clauses.found(ODD),
    "called": clauses.written(CALLED, frozenset()),
}
"""Everything that `sql_clauses` makes."""

OPINION = "SELECT opinions.state, opinions.answer FROM opinions WHERE opinion_no = "
ENTRIES = (
    "SELECT petition_ledger.reference, petition_ledger.operation, petition_ledger.entered_at, petition_ledger.state, "
    "petition_ledger.amount_rial FROM petition_ledger WHERE "
)
CHANGES = ", ".join(f"petition_changes.{one.column}" for one in STATEMENTS["GetChanges"].columns)
ROWS = f"{CHANGES} FROM petition_changes WHERE"
ORDER = "ORDER BY change_no, event_id"

SAID: dict[str, dict[str, str]] = {
    "mssql": {
        "alive": "SELECT 1",
        "inserted": "INSERT INTO petition_inbox (reference, is_urgent) VALUES (?, ?)",
        "found": OPINION + "?",
        "first": f"SELECT TOP 4 {ROWS} change_no IS NOT NULL {ORDER}",
        "behind": f"SELECT TOP 4 {ROWS} change_no >= ? AND (change_no > ? OR event_id > ?) {ORDER}",
        "looked back": f"SELECT TOP 4 {ROWS} change_no > ? {ORDER}",
        "ledger": ENTRIES + "entered_at >= ? AND entered_at < ? ORDER BY entered_at, reference "
        "OFFSET ? ROWS FETCH FIRST ? ROWS ONLY",
        "odd inserted": "INSERT INTO desk.[Order] (level, [نام]) VALUES (?, ?)",
        "odd found": "SELECT desk.[Order].[Size], desk.[Order].[a b] FROM desk.[Order] WHERE level = ?",
        "called": "BEGIN enter(?, '50%'); END;",
    },
    "oracle": {
        "alive": "SELECT 1 FROM DUAL",
        "inserted": "INSERT INTO petition_inbox (reference, is_urgent) VALUES (:reference, :urgent)",
        "found": OPINION + ":opinion_no",
        "first": f"SELECT {ROWS} change_no IS NOT NULL {ORDER} FETCH FIRST 4 ROWS ONLY",
        "behind": f"SELECT {ROWS} change_no >= :position AND (change_no > :position OR event_id > :last_key) {ORDER} "
        "FETCH FIRST 4 ROWS ONLY",
        "looked back": f"SELECT {ROWS} change_no > :position {ORDER} FETCH FIRST 4 ROWS ONLY",
        "ledger": ENTRIES + "entered_at >= :since AND entered_at < :until ORDER BY entered_at, reference "
        "OFFSET 4 ROWS FETCH FIRST 3 ROWS ONLY",
        "odd inserted": 'INSERT INTO desk."Order" ("level", "نام") VALUES (:"date", :"Applicant.Name")',
        "odd found": 'SELECT desk."Order"."Size", desk."Order"."a b" FROM desk."Order" WHERE "level" = :"date"',
        "called": "BEGIN enter(:\"date\", '50%'); END;",
    },
    "mysql": {
        "alive": "SELECT 1",
        "inserted": "INSERT INTO petition_inbox (reference, is_urgent) VALUES (%s, %s)",
        "found": OPINION + "%s",
        "first": f"SELECT {ROWS} change_no IS NOT NULL {ORDER} LIMIT %s",
        "behind": f"SELECT {ROWS} change_no >= %s AND (change_no > %s OR event_id > %s) {ORDER} LIMIT %s",
        "looked back": f"SELECT {ROWS} change_no > %s {ORDER} LIMIT %s",
        "ledger": ENTRIES + "entered_at >= %s AND entered_at < %s ORDER BY entered_at, reference LIMIT %s, %s",
        "odd inserted": "INSERT INTO desk.`Order` (level, `نام`) VALUES (%s, %s)",
        "odd found": "SELECT desk.`Order`.`Size`, desk.`Order`.`a b` FROM desk.`Order` WHERE level = %s",
        "called": "BEGIN enter(%s, '50%%'); END;",
    },
}


def dialect(name: str) -> Dialect:
    """As it is once it is connected to a server of today; without a driver it must be told how parameters look."""
    if name == "mssql":
        made: Any = make_url("mssql+pyodbc://").get_dialect()
        mssql = made(paramstyle="qmark")
        mssql._supports_offset_fetch = True
        return mssql  # type: ignore[no-any-return]
    return make_url({"oracle": "oracle+oracledb://", "mysql": "mysql+pymysql://"}[name]).get_dialect()()


@pytest.mark.parametrize("database", SAID)
def test_every_statement_is_said_in_the_words_of_the_database(database: str) -> None:
    compiled = {
        name: clause.compile(dialect=dialect(database), compile_kwargs={"render_postcompile": True})
        for name, clause in CLAUSES.items()
    }

    assert {name: " ".join(str(one).split()) for name, one in compiled.items()} == SAID[database]


@pytest.mark.parametrize(
    ("database", "limits"),
    [
        ("mysql", "SET SESSION max_execution_time = 1500, innodb_lock_wait_timeout = 2"),
        ("mssql", {"timeout": 2}),
        ("oracle", {"call_timeout": 1500}),
    ],
)
def test_a_statement_is_bounded_by_the_means_of_the_database(database: str, limits: Any) -> None:
    said: list[str] = []
    raw = SimpleNamespace()
    connection: Any = SimpleNamespace(
        dialect=SimpleNamespace(name=database),
        connection=SimpleNamespace(driver_connection=raw),
        exec_driver_sql=said.append,
    )

    bound(connection, SESSION.statement_limit)

    assert (said[0] if said else vars(raw)) == limits


@pytest.mark.parametrize(
    ("driver", "seconds"), [("mssql+pyodbc", {"timeout": 3}), ("oracle+oracledb", {"tcp_connect_timeout": 3})]
)
def test_connecting_is_bounded_by_the_drivers_own_argument(driver: str, seconds: dict[str, int]) -> None:
    assert DRIVERS[driver](SESSION) == seconds


@pytest.mark.parametrize("address", ["mysql+mysqlconnector://desk@host/desk", "mssql+pymssql://desk@host/desk"])
def test_a_driver_whose_limits_are_not_known_is_refused_by_name(address: str) -> None:
    with pytest.raises(FaultySettings, match=r"its driver '\w+\+\w+' is not known; choose sqlite\+pysqlite, "):
        open_database(address, None, session=SESSION, connections=1)


class _Told(Exception):
    """With the attributes of no driver: ODBC and PyMySQL have all in their arguments."""


def failed(kind: type[Any], *arguments: Any) -> SQLAlchemyError:
    error: SQLAlchemyError = kind("INSERT", {}, _Told(*arguments))
    return error


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (failed(IntegrityError, "23000", "[23000] Violation of UNIQUE KEY"), Meaning.CONFLICT),
        (failed(DataError, "22001", "[22001] String would be truncated"), Meaning.CONTENT),
        (failed(ProgrammingError, "42S22", "[42S22] Invalid column name"), Meaning.NAMES),
        (failed(OperationalError, "HYT00", "[HYT00] Query timeout expired"), None),
        (failed(DatabaseError, "40001", "[40001] deadlock victim"), None),
        (failed(IntegrityError, SimpleNamespace(full_code="ORA-00001")), Meaning.CONFLICT),
        (failed(DatabaseError, SimpleNamespace(full_code="ORA-12899")), Meaning.CONTENT),
        (failed(DatabaseError, SimpleNamespace(full_code="ORA-00942")), Meaning.NAMES),
        (failed(DatabaseError, SimpleNamespace(full_code="ORA-00060")), None),
        (failed(OperationalError, 3819, "Check constraint 'positive' is violated"), Meaning.CONFLICT),
        (failed(OperationalError, 1213, "Deadlock found"), None),
    ],
    ids=told,
)
def test_an_error_means_what_its_number_or_state_says(error: SQLAlchemyError, means: Meaning | None) -> None:
    assert meaning(error) is means


def test_what_is_told_of_an_error_has_no_word_of_its_text() -> None:
    assert told(failed(IntegrityError, "23000", "[23000] duplicate key (نام شهروند)")) == "_Told 23000"
    assert told(failed(DatabaseError, SimpleNamespace(full_code="ORA-12899"))) == "_Told ORA-12899"


def test_oracle_is_given_numbers_for_booleans_and_the_citys_clock_for_instants() -> None:
    oracle = Values(TEHRAN, has_offsets=False, has_booleans=False, as_text=False)
    given = [("boolean", True), ("integer", 7), ("date-time", "2026-11-22T00:00:00Z"), ("date", "2026-11-22")]

    bound_values = [oracle.bound(Column("x", "x", kind), value) for kind, value in given]

    assert [type(one) for one in bound_values] == [int, int, datetime, date]
    assert bound_values == [1, 7, datetime(2026, 11, 22, 3, 30), date(2026, 11, 22)]  # noqa: DTZ001 - as it keeps them
    assert oracle.told(Column("x", "x", "boolean"), 1) is True
    assert oracle.told(Column("x", "x", "boolean"), b"\x01") is True, "a BIT of MySQL"
