"""Codes in tables: in both directions, by the day, and every mistake in a codes file at its cell."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from adapter.errors import Untranslatable
from adapter.exchange import Direction
from adapter.translator import Context, Tools, read_codes
from adapter.translator.shapes import empty_cell_faults
from tests.support.tables_written import CONTEXT, Compile, compiled

pytest_plugins = ["tests.support.table_fixtures"]


def test_codes_go_inward_and_outward_and_to_other_columns(table: Compile) -> None:
    inward = table("Use,use,code,usage,,,", "UseTitle,use,code,usage.title,,,")
    assert inward.translate({"use": "residential"}, CONTEXT) == {"Use": "11", "UseTitle": "مسکونی"}
    outward = table("use,Use,code,usage,,,", direction=Direction.OUTWARD)
    assert outward.translate({"Use": 11}, CONTEXT) == {"use": "residential"}
    assert outward.translate({"Use": "۱۱"}, CONTEXT) == {"use": "residential"}


def test_a_code_means_what_it_means_on_the_day(table: Compile) -> None:
    made = table("Use,use,code,usage,,,")
    last_day, first_day = Context(date(2026, 3, 20)), Context(date(2026, 3, 21))
    assert made.translate({"use": "commercial"}, last_day) == {"Use": "12"}
    assert made.translate({"use": "commercial"}, first_day) == {"Use": "13"}
    with pytest.raises(Untranslatable, match=r"'old' is not in force on 1405/08/30 by codes/usage.csv:5"):
        made.translate({"use": "old"}, CONTEXT)


def test_an_unknown_code_names_the_row_the_code_and_the_codes_file(table: Compile) -> None:
    made = table("A,a,text,,,,", "Use,use,code,usage,,,")
    with pytest.raises(Untranslatable) as caught:
        made.translate({"use": "999"}, CONTEXT)
    assert str(caught.value).startswith("mappings/x/core/submit.csv:3: use: code: '999' is not in codes/usage.csv")
    with pytest.raises(Untranslatable) as caught:
        made.translate({"use": "ن" * 100}, CONTEXT)
    assert "ن" * 10 not in str(caught.value)


def test_a_code_that_would_mean_two_things_is_a_fault_in_that_direction_only(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("gateway,internal\na,1\na,2\nb,3\n", encoding="utf-8")
    book, faults = read_codes(path, "codes/c.csv")
    assert faults == []
    tools = Tools(Direction.OUTWARD, {"c": book})
    assert compiled(tmp_path, ("x,X,code,c,,,",), tools)[1] == []
    assert tools.faults == []
    tools = Tools(Direction.INWARD, {"c": book})
    compiled(tmp_path, ("X,x,code,c,,,",), tools)
    assert [str(fault) for fault in tools.faults] == [
        "codes/c.csv:3: gateway: 'a' has two meanings, see line 2, end one of them by valid_to"
    ]


def test_what_a_code_is_called_is_canonical_however_it_was_typed(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("gateway,internal,title,legal_basis\na,1,مسكوني  ۲,مادهٔ  ۱۰۰\n", encoding="utf-8")
    row = read_codes(path, "codes/c.csv")[0].rows[0].row
    assert (row["title"], row["legal_basis"]) == ("مسکونی ۲", "مادهٔ ۱۰۰")


def test_a_code_written_with_persian_digits_is_the_same_code(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("gateway,internal,title\n۰۱۰,١٠,طبقهٔ ۲\n", encoding="utf-8")
    book, _ = read_codes(path, "codes/c.csv")
    made, _ = compiled(tmp_path, ("code,X,code,c,,,", "title,X,code,c.title,,,"), Tools(Direction.OUTWARD, {"c": book}))
    assert made.translate({"X": 10}, CONTEXT) == {"code": "010", "title": "طبقهٔ ۲"}


def test_an_empty_cell_that_a_required_row_takes_is_told_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("gateway,internal,title\n1,1,یک\n2,2,\n3,,\n4,4,\n", encoding="utf-8")
    book, _ = read_codes(path, "codes/c.csv")
    tools = Tools(Direction.OUTWARD, {"c": book})
    rows = ("a,X,code,c.title,,yes,", "b,X,code,c.title,X = 1,yes,", "c,X,code,c.title,,,")
    made, _ = compiled(tmp_path, rows, tools)
    assert list(dict.fromkeys(map(str, empty_cell_faults(made)))) == [
        "codes/c.csv:3: title: empty, a required row takes it, fill the cell",
        "codes/c.csv:5: title: empty, a required row takes it, fill the cell",
    ]


def test_every_mistake_in_a_codes_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(
        "gateway,internal,stage,awaited,valid_from,valid_to\n"
        "1,1,in_progres,,,\n2,2,,citizens,,\n3,3,,,1404/12/30,\n4,4,,,1405/01/02,1405/01/01\n,,in_progress,,,\n",
        encoding="utf-8",
    )
    texts = [str(fault) for fault in read_codes(path, "codes/c.csv")[1]]
    assert [text.split(",")[0] for text in texts] == [
        "codes/c.csv:2: stage: 'in_progres' is not known",
        "codes/c.csv:3: awaited: 'citizens' is not known",
        "codes/c.csv:4: valid_from: '1404/12/30' is not a day",
        "codes/c.csv:5: valid_to: the period ends before it begins",
        "codes/c.csv:6: gateway: the row has no code",
    ]
