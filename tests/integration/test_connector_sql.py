"""The suite of connectors over a database, on SQLite and on PostgreSQL, and what is true of databases alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapter.errors import FaultySettings
from connectors import rest, sql
from tests.database_suite import DatabaseSuite
from tests.suites import ConnectorSuite
from tests.support.house import contracts
from tests.support.postgres import Server
from tests.support.sql_side import SqlSide, petitions, postgres_side, sqlite_side


@pytest.fixture(scope="module")
def postgres_desk(postgres: Server) -> Iterator[SqlSide]:
    with (
        tempfile.TemporaryDirectory(prefix="desk-") as folder,  # a socket's path must be short
        postgres_side(postgres, Path(folder)) as desk,
    ):
        yield desk


@pytest.fixture(params=["sqlite", "postgresql"])
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlSide]:
    if request.param == "sqlite":
        with sqlite_side(tmp_path) as desk:
            yield desk
    else:
        shared: SqlSide = request.getfixturevalue("postgres_desk")
        yield shared
        shared.clear()


class TestSql(ConnectorSuite):
    """Every test of the suite."""


class TestDatabase(DatabaseSuite):
    """What is true of databases alone."""


@pytest.mark.parametrize("address", ["http://127.0.0.1:8080", "nothing", "db2+nobody://desk@host/desk"])
def test_an_address_that_is_no_database_is_a_faulty_setting(address: str) -> None:
    with pytest.raises(FaultySettings, match="address"):
        sql.connect(petitions(), address, clock=lambda: datetime.now(UTC))


def test_a_contract_has_the_bindings_that_its_files_give_it() -> None:
    with pytest.raises(FaultySettings, match=r"revenue/1\.0 has no sql binding; choose rest"):
        sql.connect(contracts()["revenue/1.0"], "sqlite:///desk.db", clock=lambda: datetime.now(UTC))
    with pytest.raises(FaultySettings, match=r"petitions/1\.0 has no rest binding; choose sql"):
        rest.connect(petitions(), "http://127.0.0.1:9")
