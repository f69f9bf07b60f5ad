"""What a command prints: tables that fit a terminal, whole lines through a pipe, values as people read them."""

from __future__ import annotations

import sys

import pytest
from rich.cells import cell_len

from ops.cli.lives import print_exchanges
from ops.cli.printing import clean, moment, print_table, shown

Captured = pytest.CaptureFixture[str]

_LISTED = {
    "accepted_at": "2026-11-21T18:58:47.634Z",
    "tracking_code": "284833863643",
    "state": "parked",
    "service": "building_permit",
    "operation": "SubmitRequest",
    "attempts": 1,
    "code": "untranslatable",
    "reason": "mappings/building_permit/urban_core/submit.csv:46: " + "a long reason " * 20,
}


def test_on_a_terminal_a_list_fits_and_every_reason_stands_whole_below_its_row(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    first, second = "01993a5c7d10" + "7" * 20, "01993a5c7d10" + "8" * 20
    rows = [{**_LISTED, "id": first}, {**_LISTED, "id": second, "code": None, "reason": None}]

    print_exchanges({"exchanges": rows, "beginnings": {one: one[:13] for one in (first, second)}})

    header, row, code, reason, other = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, (header, row, other))) <= 100
    assert (f" {first[:13]} " in row, f" {second[:13]} " in other) == (True, True)
    assert (code.strip(), reason.strip()) == (_LISTED["code"], str(_LISTED["reason"]).strip())


def test_on_a_narrow_terminal_what_does_not_fit_stands_below_its_row_and_no_word_is_cut(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    output = "the tables before go on; run: panjereh check and then panjereh tables reload"

    print_table(
        ("check", "status", "output", "since"), [("tables", "warn", output, "1405/08/30"), ("disk", "pass", "", "")]
    )

    header, row, *below, other = capsys.readouterr().out.splitlines()
    assert (header.split(), row.split(), other.split()) == (["check", "status"], ["tables", "warn"], ["disk", "pass"])
    assert " ".join(" ".join(below).split()) == f"output: {output} since: 1405/08/30"
    assert max(map(cell_len, below)) <= 60


def test_through_a_pipe_ids_are_whole_and_nothing_is_padded_to_the_longest_reason(capsys: Captured) -> None:
    ids = ["0" * 32, "1" * 32]

    rows = [{**_LISTED, "id": ids[0]}, {**_LISTED, "id": ids[1], "reason": "short"}]
    print_exchanges({"exchanges": rows, "beginnings": {one: one[:12] for one in ids}}, has_code=False)
    print_table(("detail", "command"), [("x" * 300, "one"), ("y", "two")])

    lines = capsys.readouterr().out.splitlines()
    assert [one in line for one, line in zip(ids, lines[1:3], strict=True)] == [True, True]
    assert "tracking_code" not in lines[0]
    assert all(line == line.rstrip() for line in lines)
    assert len(lines[-1]) < 60


def test_persian_cells_align_and_ids_stay_ascii(capsys: Captured) -> None:
    print_table(("title", "id"), [("استعلام دفاتر", "284833863643"), ("می\u200cخواهم", "01a1"), ("plain", "01a2")])

    lines = capsys.readouterr().out.splitlines()
    assert {cell_len(line[: line.index("01a")]) for line in lines[2:]} == {cell_len(lines[1][: lines[1].index("284")])}


def test_a_table_in_a_file_is_neither_cut_nor_coloured(capsys: Captured) -> None:
    sentence = "a long reason " * 40
    print_table(("id", "reason"), [("1" * 32, sentence)])

    told = capsys.readouterr().out
    assert sentence.strip() in told
    assert "\x1b" not in told


def test_another_sides_words_can_not_steer_the_terminal_nor_turn_it() -> None:
    assert clean("done\x1b[2J\x07\u202e\u2066 ok\n") == "done [2J    ok "
    assert clean("می\u200cشود") == "می\u200cشود"


def test_brackets_in_a_reason_are_printed_as_they_are(capsys: Captured) -> None:
    print_table(("reason",), [("floors[0].use [red]x[/red]",)])

    assert "floors[0].use [red]x[/red]" in capsys.readouterr().out


def test_values_are_shown_as_people_read_them() -> None:
    assert [shown(value) for value in (None, True, {"a": 1, "b": None}, ["x", 2])] == ["", "yes", "a=1 b=", "x 2"]


def test_moments_are_shown_in_the_jalali_calendar_and_tehran_time() -> None:
    assert moment("2026-11-21T18:58:47.634Z") == "1405/08/30 22:28:47"
    assert moment("2026-11-21T20:30:00+00:00") == "1405/09/01 00:00:00"
    assert moment(None) == ""
