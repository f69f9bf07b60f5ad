"""A service's tables as a workbook and back: nothing is lost, what a program spoilt is refused by its cell."""

from __future__ import annotations

import csv
import io
import shutil
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from adapter.errors import FaultyTables, Refused
from ops.cli.checking import load_contracts
from ops.cli.main import run_command
from ops.sheets.marking import mark
from ops.sheets.pages import Page, columns_of, page_of, pages_of
from ops.sheets.reading import CellFault, open_workbook, read_sheets, service_of
from ops.sheets.taking import Taken, take, write_sheets
from ops.sheets.trying import apply
from ops.sheets.words import choices_of
from ops.sheets.writing import write_workbook
from tests.figures import HOUSE

_MAPPINGS = HOUSE / "mappings"
_SHIPPED = (
    "building_permit", "citizen_complaint", "density_calculation", "notary_inquiry", "property_affairs",
    "renovation_toll",
)  # fmt: skip
"""One of each pattern and of each internal system."""
_SERVICE = "building_permit"
_CHANGED = ("service.toml", "card.toml", "codes/status.csv", "urban_core/submit.csv", "urban_core/withdraw.csv")
"""The files that tests change in the workbook; a sheet that is not there deletes nothing."""
_HOSTILE = st.one_of(
    st.sampled_from(
        [
            "=1+1", "+98", "-1", "@SUM(A1)", "'010", "010", "10.0", "1e5", "TRUE", "#REF!", "00000000000000000001",
            '"', 'a,"b"', "two\nlines", "two\r\nlines", "two\rlines", "_x000D_", "_x0041_", "a\x00b", "\x1bc", "\ufffe",
            "علي كاظمي", "می‌شود", "۱۴۰۵/۰۱/۰۱", "1405/01/01", "2026-03-21", "ی" * 9000, "\u2028", "\x85z", "😀",
        ]
    ),
    st.text(st.characters(codec="utf-8"), max_size=12),
)  # fmt: skip
_ROWS = st.lists(st.tuples(*[_HOSTILE] * 3), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def contracts():
    return load_contracts(HOUSE / "contracts")[0]


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(_MAPPINGS / _SERVICE, tmp_path / "mappings" / _SERVICE)


@pytest.fixture(scope="module")
def exported(tmp_path_factory, contracts):
    path = tmp_path_factory.mktemp("exported") / f"{_SERVICE}.xlsx"
    source = _MAPPINGS / _SERVICE
    pages = [page for page in pages_of(source) if page.file in _CHANGED]
    write_workbook(path, _SERVICE, pages, choices_of(source, contracts))
    return path


@pytest.fixture
def workbook(exported):
    return load_workbook(exported)


def _files(folder: Path) -> list[str]:
    return ["service.toml", "card.toml", *(path.relative_to(folder).as_posix() for path in folder.glob("*/*.csv"))]


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _sheet(workbook: Any, file: str) -> Any:
    return next(sheet for sheet in workbook.worksheets if sheet["A1"].value == file)


def _cell(workbook: Any, file: str, column: str, row: int) -> Any:
    sheet = _sheet(workbook, file)
    number = next(cell.column for cell in sheet[2] if cell.value == column)
    return sheet.cell(row, number)


def _faults(taken: Taken) -> list[tuple[str, str]]:
    return [(fault.coordinate, fault.what) for fault in taken.faults]


@pytest.mark.parametrize("service", _SHIPPED)
def test_a_shipped_service_comes_back_byte_for_byte(service, tmp_path):
    source = _MAPPINGS / service
    write_workbook(tmp_path / "it.xlsx", service, pages_of(source), {})
    workbook = open_workbook(tmp_path / "it.xlsx")

    assert service_of(workbook) == service
    faults: list[CellFault] = []
    sheets = read_sheets(workbook, faults)
    empty = tmp_path / service
    here, anew = write_sheets(sheets, source, faults), write_sheets(sheets, empty, faults)
    assert faults == []
    assert {file: one.content.encode() for file, one in here.items()} == {
        file: (source / file).read_bytes() for file in _files(source)
    }
    assert {file: one.content for file, one in anew.items() if file.endswith(".csv")} == {
        file: one.content for file, one in here.items() if file.endswith(".csv")
    }
    for document in ("service.toml", "card.toml"):
        assert tomllib.loads(anew[document].content) == tomllib.loads(here[document].content)


@settings(max_examples=25, deadline=None)
@given(rows=_ROWS)
def test_no_text_is_lost_whatever_stands_in_it(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([("gateway", "internal", "note"), *(("x", one, other + third) for one, other, third in rows)])
    (folder / "codes").mkdir()
    (folder / "codes/a.csv").write_text(text.getvalue(), encoding="utf-8", newline="")
    page = page_of(folder, "codes/a.csv")

    write_workbook(folder / "it.xlsx", "it", [page], {})
    faults: list[CellFault] = []
    (sheet,) = read_sheets(open_workbook(folder / "it.xlsx"), faults)

    assert faults == []
    assert [tuple(cells[name] for name in page.header) for cells in sheet.rows.values()] == list(page.rows)
    (folder / "codes/a.csv").write_text(
        write_sheets([sheet], folder, faults)["codes/a.csv"].content, "utf-8", newline=""
    )
    assert page_of(folder, "codes/a.csv") == page
    assert all(
        cell.data_type in {"s", "n"} and not (cell.data_type == "n" and cell.value is not None)
        for row in load_workbook(folder / "it.xlsx")[sheet.title].iter_rows()
        for cell in row
    )


def test_a_text_longer_than_a_cell_is_refused_by_its_place(tmp_path):
    page = Page("codes/a.csv", ("gateway", "internal"), (("1", "ی" * 40_000),))

    with pytest.raises(FaultyTables, match=r"codes/a\.csv: row 1: internal: the text has 40000 characters"):
        write_workbook(tmp_path / "it.xlsx", "it", [page], {})


def test_sheets_run_from_the_right_and_offer_words(workbook):
    sheet = _sheet(workbook, "urban_core/submit.csv")
    offered = {str(one.sqref)[0]: one for one in sheet.data_validations.dataValidation}

    assert sheet.sheet_view.rightToLeft
    assert sheet.freeze_panes == "A3"
    assert sheet["A2"].comment.text.startswith("فیلد مقصد")
    assert {"A", "B", "C", "D", "F"} == set(offered)
    assert offered["C"].showErrorMessage
    assert not offered["B"].showErrorMessage
    words = workbook["lists"][offered["C"].formula1.partition("!")[2].replace("$", "")]
    assert "national_id" in {row[0].value for row in words}
    assert sheet.column_dimensions["A"].number_format == "@"


def test_reordered_columns_renamed_sheets_and_empty_rows_change_nothing(workbook, folder, contracts):
    sheet = _sheet(workbook, "codes/status.csv")
    sheet.title = "نامی دیگر"
    sheet.insert_rows(4, 2)
    sheet.move_range(f"A1:A{sheet.max_row}", cols=20)
    sheet["A1"] = sheet["U1"].value
    sheet["U1"] = None
    workbook.create_sheet("Sheet1")

    workbook.save(folder.parent / "again.xlsx")

    taken = take(open_workbook(folder.parent / "again.xlsx"), folder, contracts)

    assert taken.changes == {}
    assert taken.is_sound


def test_a_whole_number_is_its_digits_where_no_code_begins_with_zero(workbook, folder, contracts):
    _cell(workbook, "codes/status.csv", "internal", 3).value = 10.0
    _cell(workbook, "codes/status.csv", "valid_to", 3).value = datetime(2027, 3, 20)  # noqa: DTZ001 - as a cell has it

    taken = take(workbook, folder, contracts)

    assert taken.is_sound
    assert taken.changes["codes/status.csv"].splitlines()[1].startswith("010,10,")
    assert ",2027-03-20," in taken.changes["codes/status.csv"].splitlines()[1]


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("title", "=HYPERLINK(1)", "a formula is not read"),
        ("gateway", 10, "codes begin with zeros"),
        ("internal", 12345678901234567890, "more than 15 digits"),
        ("internal", True, "truth value"),
        ("internal", datetime(2026, 1, 2), "made a date of this"),  # noqa: DTZ001 - as a cell has it
        ("valid_from", datetime(2026, 1, 2, 3), "the day has a time"),  # noqa: DTZ001 - as above
        ("stage", "recieved", "did you mean 'received'?"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_its_cell(column, value, told, workbook, folder, contracts):
    cell = _cell(workbook, "codes/status.csv", column, 3)
    cell.value = value
    before = _contents(folder)

    taken = take(workbook, folder, contracts)

    assert {place for place, _ in _faults(taken)} == {cell.coordinate}
    assert any(told in what for _, what in _faults(taken))
    assert _contents(folder) == before


def test_merged_cells_and_columns_without_a_name_are_refused(workbook, folder, contracts):
    sheet = _sheet(workbook, "codes/status.csv")
    sheet.merge_cells("C5:C6")
    sheet["Z4"] = "گم‌شده"

    told = dict(_faults(take(workbook, folder, contracts)))

    assert told["C5"] == "the cells C5:C6 are merged; separate them"
    assert told["Z4"].startswith("the column has no name")


def test_a_sheet_that_leads_out_of_the_folder_is_refused(workbook, folder, contracts):
    _sheet(workbook, "codes/status.csv")["A1"] = "../../etc/passwd.csv"

    assert [place for place, _ in _faults(take(workbook, folder, contracts))] == ["A1"]


def test_a_new_row_is_sorted_in_and_lands_in_the_file(workbook, folder, contracts):
    sheet = _sheet(workbook, "urban_core/withdraw.csv")
    row = [cell.value for cell in sheet[3]]
    for number, value in enumerate(row, start=1):
        sheet.cell(3, number).value = None
        sheet.cell(30, number).value = value
    _cell(workbook, "urban_core/withdraw.csv", "note", 30).value = "یادداشت تازه"

    taken = take(workbook, folder, contracts)
    apply(taken.changes, folder)

    assert taken.is_sound
    assert list(taken.changes) == ["urban_core/withdraw.csv"]
    assert (folder / "urban_core/withdraw.csv").read_text(encoding="utf-8").splitlines()[1].endswith(",یادداشت تازه")


def test_a_card_keeps_its_comments_and_every_line_that_was_not_changed(workbook, folder, contracts):
    sheet = _sheet(workbook, "card.toml")
    row = next(cell.row for cell in sheet["A"] if cell.value == "responsible")
    before = (folder / "card.toml").read_text(encoding="utf-8").splitlines()
    sheet.cell(row, 2).value = 'مدیر "شهرسازی"'

    after = take(workbook, folder, contracts).changes["card.toml"].splitlines()

    assert [line for line in after if line not in before] == ['responsible = "مدیر \\"شهرسازی\\""']
    assert len(after) == len(before)


def test_faults_stand_on_their_cells_in_the_copy_and_are_gone_in_the_next(workbook, folder, contracts, tmp_path):
    cell = _cell(workbook, "urban_core/submit.csv", "rule", 4)
    right, cell.value = cell.value, "txet"
    copy = tmp_path / "copy.xlsx"
    mark(workbook, take(workbook, folder, contracts).faults, copy)

    marked = load_workbook(copy)
    noted = _cell(marked, "urban_core/submit.csv", "rule", 4)
    assert noted.coordinate == cell.coordinate
    assert "'txet' is not a rule" in noted.comment.text
    assert noted.fill.start_color.rgb == "FFFF9999"

    noted.value = right
    assert take(marked, folder, contracts).is_sound
    mark(marked, [], copy)
    again = load_workbook(copy)
    assert _cell(again, "urban_core/submit.csv", "rule", 4).comment is None
    assert _sheet(again, "urban_core/submit.csv")["A2"].comment.text.startswith("فیلد مقصد")


def test_the_command_changes_nothing_before_it_is_asked_to_apply(workbook, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    mappings = ["--mappings", str(folder.parent)]
    _cell(workbook, "codes/status.csv", "title", 3).value = "ثبت شد"
    workbook.save(f"{_SERVICE}.xlsx")
    before = _contents(folder)

    assert run_command(["tables", "export", _SERVICE, *mappings]) == 2
    assert "may hold somebody's work" in capsys.readouterr().err
    assert run_command(["tables", "import", f"{_SERVICE}.xlsx", *mappings]) == 0
    assert _contents(folder) == before
    assert run_command(["tables", "import", f"{_SERVICE}.xlsx", *mappings, "--apply"]) == 0
    assert "010,10,ثبت شد,received" in (folder / "codes/status.csv").read_text(encoding="utf-8")

    _cell(workbook, "codes/status.csv", "stage", 3).value = "ended?"
    workbook.save(f"{_SERVICE}.xlsx")
    capsys.readouterr()
    assert run_command(["tables", "import", f"{_SERVICE}.xlsx", *mappings, "--apply"]) == 1
    assert capsys.readouterr().out.startswith("codes status!D3: 'ended?' is not known")
    assert (tmp_path / f"{_SERVICE}.faults.xlsx").is_file()
    assert run_command(["tables", "import", f"{_SERVICE}.xlsx", "building_premit", *mappings]) == 2
    assert "did you mean 'building_permit'?" in capsys.readouterr().err


def test_what_is_no_workbook_is_told(tmp_path):
    (tmp_path / "a.xlsx").write_text("target,source", encoding="utf-8")

    with pytest.raises(Refused, match="not a workbook"):
        open_workbook(tmp_path / "a.xlsx")
    with pytest.raises(Refused, match="there is no such file"):
        open_workbook(tmp_path / "b.xlsx")


def test_a_sheet_without_a_file_is_told_and_not_passed_over(folder, contracts):
    workbook = Workbook()
    workbook.active["B4"] = "something"

    assert [place for place, _ in _faults(take(workbook, folder, contracts))] == ["A1"]


def test_every_column_of_a_code_table_has_a_place():
    shipped = {
        tuple(page_of(path.parent.parent, f"codes/{path.name}").header) for path in _MAPPINGS.glob("*/codes/*.csv")
    }

    assert all(header == tuple(n for n in columns_of("codes/a.csv") if n in header) for header in shipped)


@pytest.fixture
def whole(folder, tmp_path):
    """A workbook of every file, as a new service needs it."""
    path = tmp_path / "well.xlsx"
    write_workbook(path, _SERVICE, pages_of(folder), {})
    return path


def test_a_workbook_makes_the_folder_of_a_new_service_after_telling_what(whole, folder, capsys):
    workbook = load_workbook(whole)
    sheet, name = _sheet(workbook, "service.toml"), "well_permit"
    rows = {cell.value: cell.row for cell in sheet["A"]}
    sheet.cell(rows["service_id"], 2).value = "10012345678"
    sheet.cell(rows["title"], 2).value = "پروانهٔ چاه"
    workbook.save(whole)
    line = ["tables", "import", str(whole), name, "--mappings", str(folder.parent)]

    assert run_command([*line]) == 2
    assert "--new makes its folder of the workbook" in capsys.readouterr().err
    assert run_command([*line, "--new"]) == 0
    dry = capsys.readouterr()
    assert not (folder.parent / name).exists()
    assert run_command([*line, "--new", "--apply"]) == 0
    told = capsys.readouterr().err
    assert run_command([*line, "--new"]) == 2

    assert "10012345678 پروانهٔ چاه: case between window/1.0 and urban_core/1.0, stage live" in dry.out
    assert "codes/status.csv" in dry.out.splitlines()
    assert f"still to be done: mappings/{name}/cases: 0 cases are too few" in dry.err
    assert "would be made; do it with --apply" in dry.err
    assert "files of a new service were made\n" in told
    assert f"panjereh check {name} --mappings {folder.parent}" in told
    assert "is there already" in capsys.readouterr().err
    made = _contents(folder.parent / name)
    assert {path for path in made if path.parts[0] != "service.toml"} == {
        path for path in _contents(folder) if path.parts[0] not in {"service.toml", "cases"}
    }


def test_a_new_service_with_a_fault_or_a_known_id_is_not_made(whole, folder, capsys):
    line = ["tables", "import", str(whole), "--mappings", str(folder.parent), "--new", "--apply"]
    assert run_command([*line[:3], "well_permit", *line[3:]]) == 1
    assert "is also the id of building_permit" in capsys.readouterr().out
    assert run_command([*line[:3], "Well-Permit", *line[3:]]) == 2
    assert "does not name a folder" in capsys.readouterr().err
    assert sorted(path.name for path in folder.parent.iterdir()) == [_SERVICE]
