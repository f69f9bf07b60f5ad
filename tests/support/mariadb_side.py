"""The petitions desk behind MariaDB, with a proxy before its socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine

from tests.support.sql_side import SqlSide, running
from tests.support.unix_proxy import UnixProxy

SLEEPING = "CREATE TRIGGER sleeping BEFORE INSERT ON petition_inbox FOR EACH ROW DO SLEEP(5)"
AWAKE = "DROP TRIGGER IF EXISTS sleeping"
_COMMIT = b"\x03COMMIT"
"""As a command of its protocol: each session begins with SET AUTOCOMMIT."""

_CITYS = "SET time_zone = '+03:30', sql_mode = CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')"
"""The desk's own sessions: by the city's clock, and views in the words of the other databases."""


@contextmanager
def mariadb_side(server: Path) -> Iterator[SqlSide]:
    """A desk on the server in this folder, whose connector goes through the proxy."""
    socket, behind = server / "mysqld.sock", server / "proxied.sock"
    proxy = UnixProxy(behind, socket, _COMMIT)

    def lose(is_losing: bool) -> None:  # noqa: FBT001 - the fault is on or off
        proxy.loses_commits = is_losing

    def slow_down(is_slow: bool) -> None:  # noqa: FBT001 - as above
        side.run(AWAKE, *([SLEEPING] if is_slow else []))

    made = create_engine(_url("root", "", socket))
    with made.begin() as connection:
        connection.exec_driver_sql("CREATE DATABASE desk CHARACTER SET utf8mb4")
    made.dispose()
    owner = create_engine(_url("root", "desk", socket), connect_args={"init_command": _CITYS})
    side = SqlSide(_url("root", "desk", behind), owner, proxy.fall, proxy.rise, lose, slow_down)
    with running(side):
        yield side
    proxy.fall()


def few_rights(side: SqlSide) -> SqlSide:
    """The same desk to a user who has no right but to insert into its tables and to select from its views."""
    side.run(
        "CREATE USER IF NOT EXISTS clerk@localhost",
        *(f"GRANT INSERT ON desk.{table} TO clerk@localhost" for table in ("petition_inbox", "document_inbox")),
        *(f"GRANT SELECT ON desk.{view} TO clerk@localhost" for view in ("petition_by_reference", "petition_changes")),
    )
    return replace(side, address=side.address.replace("root@", "clerk@"))


def _url(user: str, database: str, socket: Path) -> str:
    return f"mysql+pymysql://{user}@/{database}?unix_socket={quote(str(socket))}"
