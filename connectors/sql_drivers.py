"""What differs from driver to driver: how connecting and statements end in time, and how a session begins."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import URL, Connection, Dialect

SQLITE, POSTGRESQL, MYSQL, MARIADB, MSSQL, ORACLE = "sqlite", "postgresql", "mysql", "mariadb", "mssql", "oracle"

_GRACE = timedelta(seconds=1)
"""How much later the driver gives up than the server, whose own answer tells more."""


@dataclass(frozen=True, slots=True)
class Session:
    """What every session of a connector is held to. `opened_at` is aware: the zone's offset is that of this moment."""

    zone: ZoneInfo
    opened_at: datetime
    connect_limit: timedelta
    statement_limit: timedelta

    @property
    def connect_seconds(self) -> int:
        return max(1, round(self.connect_limit.total_seconds()))


def driver_of(url: URL) -> str:
    """The key of DRIVERS that a URL means, such as `mysql+pymysql`."""
    return f"{url.get_backend_name()}+{url.get_driver_name()}"


def database_of(dialect: Dialect) -> str:
    """The kind of database that answers: a MariaDB behind a URL of MySQL says of itself what it is."""
    return MARIADB if getattr(dialect, "is_mariadb", False) else dialect.name


def _mysql(session: Session) -> dict[str, Any]:
    """TIMESTAMP columns are told in the session's zone; without strictness a text that is too long is cut and kept."""
    silence = (session.statement_limit + _GRACE).total_seconds()
    zone, offset = session.zone.key, session.opened_at.astimezone(session.zone).isoformat()[-6:]
    begin = (
        f"SET time_zone = IF(CONVERT_TZ('2000-01-01', '+00:00', '{zone}') IS NULL, '{offset}', '{zone}'), "
        "sql_mode = TRIM(LEADING ',' FROM CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'))"
    )
    limits = {"connect_timeout": session.connect_seconds, "read_timeout": silence, "write_timeout": silence}
    return {"charset": "utf8mb4", "init_command": begin, **limits}


DRIVERS: Mapping[str, Callable[[Session], dict[str, Any]]] = {
    "sqlite+pysqlite": lambda session: {"timeout": session.connect_seconds},
    "postgresql+psycopg": lambda session: {
        "connect_timeout": session.connect_seconds,
        "options": f"-c timezone={session.zone.key}",
    },
    "mysql+pymysql": _mysql,
    "mariadb+pymysql": _mysql,
    "mssql+pyodbc": lambda session: {"timeout": session.connect_seconds},
    "oracle+oracledb": lambda session: {"tcp_connect_timeout": session.connect_seconds},
}
"""The drivers that are known, and what each is told when it connects."""


def bound(connection: Connection, limit: timedelta) -> threading.Timer | None:
    """Afterwards no statement of this connection takes longer than the limit, until the timer is cancelled."""
    return _LIMITS[database_of(connection.dialect)](connection, limit)


def _interrupted(connection: Connection, limit: timedelta) -> threading.Timer:
    raw: Any = connection.connection.driver_connection
    timer = threading.Timer(limit.total_seconds(), raw.interrupt)
    timer.start()
    return timer


def _said(sql: str) -> Callable[[Connection, timedelta], None]:
    """`whole` seconds are at least one."""

    def say(connection: Connection, limit: timedelta) -> None:
        seconds = limit.total_seconds()
        connection.exec_driver_sql(
            sql.format(milliseconds=round(seconds * 1000), seconds=seconds, whole=max(1, round(seconds)))
        )

    return say


def _set(name: str, unit: timedelta) -> Callable[[Connection, timedelta], None]:
    def put(connection: Connection, limit: timedelta) -> None:
        setattr(connection.connection.driver_connection, name, max(1, round(limit / unit)))

    return put


_LIMITS: Mapping[str, Callable[[Connection, timedelta], threading.Timer | None]] = {
    SQLITE: _interrupted,
    POSTGRESQL: _said("SET LOCAL statement_timeout = {milliseconds}"),
    MYSQL: _said("SET SESSION max_execution_time = {milliseconds}, innodb_lock_wait_timeout = {whole}"),
    MARIADB: _said("SET SESSION max_statement_time = {seconds}"),
    MSSQL: _set("timeout", timedelta(seconds=1)),
    ORACLE: _set("call_timeout", timedelta(milliseconds=1)),
}
"""By the database that answers. MySQL ends only what reads; what writes there ends by locks, and by the driver."""
