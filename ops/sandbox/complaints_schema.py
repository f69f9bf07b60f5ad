"""The complaints database as it is set up: its tables, what they do with a row that comes, and its views."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from ops.sandbox.identifiers import jalali_year
from ops.sandbox.lives import ORDINARY, REPORT_PLACES, REPORT_RECEIVED, UNKNOWN_BLOCK

DONE = "OK"
FIRST_REPORT = 300_000
SQLITE, POSTGRESQL = "sqlite", "postgresql"
_TABLES = Path(__file__).with_name("complaints.sql").read_text(encoding="utf-8")
_SERIAL = {
    SQLITE: "INTEGER PRIMARY KEY AUTOINCREMENT",
    POSTGRESQL: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}
_NOW = {
    SQLITE: "(strftime('%Y-%m-%d %H:%M:%f', 'now', '+210 minutes'))",
    POSTGRESQL: "(clock_timestamp() AT TIME ZONE 'Asia/Tehran')",
}
_TRIGGER = {
    SQLITE: ("CREATE TRIGGER {table}_comes AFTER INSERT ON {table} BEGIN {does} END",),
    POSTGRESQL: (
        "CREATE FUNCTION {table}_comes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {does} RETURN NULL; END $$",
        "CREATE TRIGGER {table}_comes AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_comes()",
    ),
}
_VIEWS = {
    "answer": "SELECT reference, {code}, report_no, status_code FROM message",
    "message_sent": "SELECT reference, operation, {code}, tracking_code, subject, report_no, item_no, sha256, score, "
    "status_code FROM message",
    "report_change": "SELECT change_no, event_id, report_no, kind, sequence_no, changed_at, {status_code}, note, unit, "
    "visit_no, purpose, place, slots, answer_until, document_no, document_kind, title, media_type, content, sha256, "
    "issued_at FROM happening",
    "message_ledger": "SELECT reference, operation, report_no, {entered_at}, "
    f"CASE code WHEN '{DONE}' THEN 'ENTERED' ELSE 'REFUSED' END AS state FROM message",
}
_RENAMED = {"code": "result_code", "status_code": "state_code", "entered_at": "arrived_at"}
"""What a column is called once its vendor has renamed it."""

VIEW_OF = {"FindByReference": "message_sent", "GetChanges": "report_change", "GetLedger": "message_ledger"}
"""By the operation that reads it; every other reads its answer."""
ANSWER = "answer"


def set_up(connection: Connection, *, dedupe: bool, now: datetime) -> None:
    """Afterwards the database is there, as it was if it had been there before."""
    dialect = connection.dialect.name
    if not inspect(connection).has_table("message"):
        for statement in _statements(dialect, dedupe=dedupe, year=jalali_year(now)):
            connection.exec_driver_sql(statement)
        connection.execute(text("INSERT INTO place VALUES (:rank, :pattern, :code, :life)"), list(_places()))
    show_views(connection, missing=(), renamed=())


def show_views(connection: Connection, *, missing: Collection[str], renamed: Collection[str]) -> None:
    """Every view is as the contract knows it, but for those that are missing or have a renamed column."""
    for name, said in _VIEWS.items():
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
        if name not in missing:
            columns = {old: f"{old} AS {new}" if name in renamed else old for old, new in _RENAMED.items()}
            connection.exec_driver_sql(f"CREATE VIEW {name} AS {said.format(**columns)}")


def _statements(dialect: str, *, dedupe: bool, year: int) -> Iterator[str]:
    words = {"serial": _SERIAL[dialect], "now": _NOW[dialect], "unique": "UNIQUE" if dedupe else ""}
    bare = "\n".join(line for line in _TABLES.splitlines() if not line.startswith("--"))
    yield from (one.format(**words) for one in bare.split(";") if one.strip())
    for table, does in _does(year).items():
        yield from (one.format(table=table, does=does) for one in _TRIGGER[dialect])


def _does(year: int) -> Mapping[str, str]:
    """What each table does with a row that comes: it is answered in the same transaction."""
    return {
        "report_in": _registered(year) + _OPENED,
        "note_in": _amended("AddNote", item="NEW.note_no"),
        "document_in": _amended("AddDocument", item="NEW.document_no", sha256="NEW.sha256"),
        "correction_in": _amended("CorrectReport", item="NEW.correction_no"),
        "cancellation_in": _amended("CancelReport"),
        "objection_in": _heard("RegisterObjection", item="NEW.objection_no"),
        "survey_in": _heard("RegisterSurvey", score="NEW.score"),
    }


def _registered(year: int) -> str:
    """A number, or why not: by its place."""
    return f"""
    INSERT INTO message (reference, operation, tracking_code, subject, report_no, code, status_code, life)
    SELECT NEW.reference, 'RegisterReport', NEW.tracking_code, NEW.subject,
        CASE WHEN place.code IS NULL THEN 'K-{year}-' || ({FIRST_REPORT} + NEW.serial) END,
        COALESCE(place.code, '{DONE}'), CASE WHEN place.code IS NULL THEN {REPORT_RECEIVED} END, place.life
    FROM place WHERE COALESCE(NEW.renovation_code, NEW.postal_code, '') LIKE place.pattern
    ORDER BY place.rank LIMIT 1;"""


_OPENED = """
    INSERT INTO report (report_no) SELECT message.report_no FROM message
    WHERE message.reference = NEW.reference AND message.report_no IS NOT NULL ON CONFLICT DO NOTHING;"""


def _amended(operation: str, *, item: str = "NULL", sha256: str = "NULL") -> str:
    """What is added to a report, unless it is closed or nobody knows it."""
    return f"""
    INSERT INTO message (reference, operation, report_no, item_no, sha256, code)
    SELECT NEW.reference, '{operation}', NEW.report_no, {item}, {sha256},
        CASE WHEN MAX(report.report_no) IS NULL THEN 'UNKNOWN_REPORT' WHEN MAX(report.is_closed) = 1 THEN 'CLOSED'
        ELSE '{DONE}' END
    FROM report WHERE report.report_no = NEW.report_no;"""


def _heard(operation: str, *, item: str = "NULL", score: str = "NULL") -> str:
    """An objection or a survey: of a report, or of one that was refused before it had a number."""
    return f"""
    INSERT INTO message (reference, operation, tracking_code, report_no, item_no, score, code)
    SELECT NEW.reference, '{operation}', NEW.tracking_code, NEW.report_no, {item}, {score},
        CASE WHEN NEW.report_no IS NOT NULL AND MAX(report.report_no) IS NULL THEN 'UNKNOWN_REPORT' ELSE '{DONE}' END
    FROM report WHERE report.report_no = NEW.report_no;"""


def _places() -> Iterator[dict[str, str | int | None]]:
    """Which pattern of a property (district-region-block-house-…) or of a postal code chooses what."""
    unknown = f"%-%-{UNKNOWN_BLOCK}-%-%-%-%"
    yield {"rank": 0, "pattern": unknown, "code": None, "life": "unknown_status"}
    for figures, magic in REPORT_PLACES.items():
        for pattern in (f"%-%-%-{figures}-%-%-%", f"_______{figures:03}"):
            yield {"rank": 1, "pattern": pattern, "code": magic.code, "life": magic.life}
    yield {"rank": 2, "pattern": "%", "code": None, "life": ORDINARY.life}
