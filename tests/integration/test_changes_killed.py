"""A daemon that is killed while it takes changes has lost none of them and doubled none."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.support.postgres import Server
from tests.support.sql_side import postgres_side
from tests.support.taking import PAGE_SIZE, taken_with_a_kill


def test_a_kill_in_the_middle_of_the_changes_loses_and_doubles_none(postgres: Server, tmp_path: Path) -> None:
    rows = 6 * PAGE_SIZE + 7
    with tempfile.TemporaryDirectory(prefix="desk-") as sockets, postgres_side(postgres, Path(sockets)) as desk:
        desk.fill(rows)
        told = taken_with_a_kill(desk.address, tmp_path, rows=rows)

    assert (told.kept, told.different) == (rows, rows)
