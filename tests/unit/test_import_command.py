"""A service's tables as a workbook and back: what a clerk changed is told, what is wrong stands on its cell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from ops.cli.exits import Exit
from ops.cli.main import run_command
from ops.sheets.phrases import persian_of
from tests.support.few import mappings_with

NAME = "renovation_toll"
Captured = pytest.CaptureFixture[str]
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def mappings(tmp_path: Path) -> Path:
    return mappings_with(tmp_path, NAME)


def taken(mappings: Path, capsys: Captured, edit: Edit) -> tuple[int, dict[str, Any]]:
    """Export the service, edit its sheets by the files that they are of, and import it with --apply."""
    path, where = mappings.parent / "book.xlsx", ["--mappings", str(mappings)]
    assert run_command(["tables", "export", NAME, str(path), *where]) == Exit.OK
    workbook = load_workbook(path)
    edit({sheet["A1"].value: sheet for sheet in workbook.worksheets})
    workbook.save(path)
    capsys.readouterr()
    code = run_command(["tables", "import", str(path), *where, "--apply", "--json"])
    return code, json.loads(capsys.readouterr().out)


def files(mappings: Path) -> dict[str, bytes]:
    return {path.as_posix(): path.read_bytes() for path in mappings.rglob("*") if path.is_file()}


def test_rows_that_were_added_changed_and_removed_are_told(mappings: Path, capsys: Captured) -> None:
    def edit(sheets: dict[str, Any]) -> None:
        sheet = sheets["codes/refusal.csv"]
        sheet["C3"] = "عنوان تازه"
        sheet.delete_rows(sheet.max_row)

    codes = (mappings / NAME / "codes" / "refusal.csv").read_text(encoding="utf-8").splitlines()
    last = " ".join(codes[-1].split(",")[:2])

    code, told = taken(mappings, capsys, edit)

    changes = {one["change"]: one for one in told["differences"]}
    assert (code, told["changed"], told["new"]) == (Exit.OK, ["codes/refusal.csv"], [])
    assert changes.keys() == {"changed", "removed"}
    assert changes["changed"]["columns"]["title"][1] == "عنوان تازه"
    assert changes["removed"]["key"] == last


def test_what_check_would_refuse_is_not_written_and_stands_on_its_cell(mappings: Path, capsys: Captured) -> None:
    def rename(sheets: dict[str, Any]) -> None:
        sheets["codes/bill_type.csv"]["A1"] = "codes/bill_types.csv"

    before = files(mappings)
    code, told = taken(mappings, capsys, rename)

    assert (code, told["new"]) == (Exit.FINDINGS, ["codes/bill_types.csv"])
    assert told["faults"] == [
        "codes bill_type!A1: no row uses this codes file, name it in a row with code, or remove it"
    ]
    assert files(mappings) == before
    note = load_workbook(told["marked"])["codes bill_type"]["A1"].comment.text
    assert "هیچ ردیفی این جدول کد را به کار نمی‌برد" in note
    assert "no row uses this codes file" in note


def test_a_cell_that_cannot_be_read_hides_no_fault_of_another(mappings: Path, capsys: Captured) -> None:
    def edit(sheets: dict[str, Any]) -> None:
        sheets["codes/status.csv"]["C3"] = "=1+1"
        sheets["codes/status.csv"]["D4"] = "recieved"
        sheets["service.toml"]["C5"] = "txt"
        sheets["service.toml"]["C4"] = "txt"

    code, told = taken(mappings, capsys, edit)

    assert code == Exit.FINDINGS
    cells = {fault.partition(":")[0] for fault in told["faults"]}
    assert cells == {"codes status!C3", "codes status!D4", "service.toml!C4", "service.toml!C5"}


def test_a_kind_of_fault_that_nobody_foresaw_is_still_a_persian_sentence() -> None:
    assert persian_of("something else altogether") == "این خانه درست نیست."
    assert persian_of("'x' is not a day, a date is spelt YYYY/MM/DD").startswith("این تاریخ درست نیست")
