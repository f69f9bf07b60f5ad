"""The suites of connectors over a database on MariaDB, and what is true of it alone."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.database_suite import DatabaseSuite
from tests.suites import ConnectorSuite
from tests.support.mariadb import running_server
from tests.support.mariadb_side import mariadb_side
from tests.support.sql_side import SqlSide

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
"""PyMySQL leaves a socket to be collected when nobody listens there."""


@pytest.fixture(scope="module")
def desk() -> Iterator[SqlSide]:
    with running_server() as server, mariadb_side(server) as desk:
        yield desk
    gc.collect()  # here, where what PyMySQL left is no error


@pytest.fixture
def side(desk: SqlSide) -> Iterator[SqlSide]:
    yield desk
    desk.clear()


class TestMariadb(ConnectorSuite):
    """Every test of the suite."""


class TestDatabase(DatabaseSuite):
    """What is true of databases alone."""
