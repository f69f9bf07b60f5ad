"""Changed rows of a PostgreSQL database, by cursor into the journal, with a kill in the middle."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.figures import Figure
from tests.support.postgres import running_server
from tests.support.sql_side import postgres_side
from tests.support.taking import taken_with_a_kill

LEAST_PER_SECOND = 3000


def measure(folder: Path, *, rows: int) -> list[Figure]:
    """The rows a second behind the kill, and the rows that are lost or there twice in the end."""
    place = folder / "changes"
    place.mkdir()
    with (
        tempfile.TemporaryDirectory(prefix="desk-") as sockets,
        running_server() as server,
        postgres_side(server, Path(sockets)) as desk,
    ):
        desk.fill(rows)
        told = taken_with_a_kill(desk.address, place, rows=rows)
    return [
        Figure(
            "changes taken from PostgreSQL by cursor", told.per_second, "rows/s", LEAST_PER_SECOND, note=f"{rows} rows"
        ),
        Figure("changes lost around a kill -9", rows - told.different, "rows", 0, at_most=True),
        Figure("changes doubled around a kill -9", told.kept - told.different, "rows", 0, at_most=True),
    ]
