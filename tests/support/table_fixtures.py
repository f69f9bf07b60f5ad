"""Tables over a book of codes, for tests that name this module in `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adapter.exchange import Direction
from adapter.translator import CodeBook, Table, Tools, read_codes
from tests.support.tables_written import Compile, compiled


@pytest.fixture
def books(tmp_path: Path) -> dict[str, CodeBook]:
    path = tmp_path / "usage.csv"
    path.write_text(
        "gateway,internal,title,valid_from,valid_to,note\n"
        "residential,11,مسکونی,,,\n"
        "commercial,12,تجاری,,1404/12/29,\n"
        "commercial,13,تجاری,1405/01/01,,\n"
        "old,14,قدیمی,,2020-01-01,\n",
        encoding="utf-8",
    )
    book, faults = read_codes(path, "codes/usage.csv")
    assert faults == []
    return {"usage": book}


@pytest.fixture
def faults_of(tmp_path: Path, books: dict[str, CodeBook]) -> Callable[..., list[str]]:
    def told(*rows: str, direction: Direction = Direction.INWARD) -> list[str]:
        tools = Tools(direction, books)
        _, faults = compiled(tmp_path, rows, tools)
        return [str(fault) for fault in [*faults, *tools.faults]]

    return told


@pytest.fixture
def table(tmp_path: Path, books: dict[str, CodeBook]) -> Compile:
    def made(*rows: str, direction: Direction = Direction.INWARD) -> Table:
        tools = Tools(direction, books)
        found, faults = compiled(tmp_path, rows, tools)
        assert [*faults, *tools.faults] == []
        return found

    return made
