from __future__ import annotations

from pathlib import Path

import pytest

from adapter.tables import Columns, Document, Fault, Key, check_keys, near, read_csv, read_toml

COLUMNS = Columns(required=("code", "title"), optional=("note",), unique=("code",), sorted_by="code")


def faults_of(tmp_path: Path, content: str | bytes, columns: Columns = COLUMNS) -> list[str]:
    path = tmp_path / "codes.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(map(str, read_csv(path, "codes.csv", columns)[1]))


def test_a_sound_table_gives_its_rows_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('code,title,note\n1, یک ,\n\n2,"دو\nسطر, با ویرگول",x\n3,سه,\n', encoding="utf-8")
    rows, faults = read_csv(path, "t.csv", COLUMNS)
    assert faults == []
    assert [(row.line, row["code"]) for row in rows] == [(2, "1"), (4, "2"), (6, "3")]
    assert rows[0]["title"] == "یک"
    assert rows[1]["title"] == "دو\nسطر, با ویرگول"
    assert rows[0]["absent_column"] == ""
    assert rows[2].place == "t.csv:6"


def test_a_fault_prints_where_what_why_and_what_to_do() -> None:
    fault = Fault("bill.csv", 7, "rule", "'dat' is not a rule", "rules are a closed set", "did you mean 'datetime'?")
    assert str(fault) == "bill.csv:7: rule: 'dat' is not a rule, rules are a closed set, did you mean 'datetime'?"
    assert str(Fault("bill.csv", 0, "", "the file is missing")) == "bill.csv: the file is missing"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xef\xbb\xbfcode,title\n", "codes.csv:1: a byte-order mark stands before the text"),
        ("code,title\n1,یک\n2,".encode() + "دو".encode("cp1256"), "codes.csv:3: the text is not UTF-8"),
        ("", "codes.csv:1: the table is empty"),
        ("code;title\n1;یک\n", "codes.csv:1: the cells are separated by semicolons, save it with commas"),
        ("code,note\n", "codes.csv:1: title: the column is missing"),
        ("code,title,nota\n", "codes.csv:1: nota: 'nota' is not a column here, did you mean 'note'?"),
        ("code,title,code\n", "codes.csv:1: code: the column stands twice"),
        ("code,title\n1\n", "codes.csv:2: 1 cells stand under 2 columns"),
        ("code,title\n1,a,b\n", "codes.csv:2: 3 cells stand under 2 columns"),
        ('code,title\n1,"a\n', "codes.csv:2: the row cannot be read"),
        ("code,title\n1,a\n1,b\n", "codes.csv:3: code: '1' stands twice, first in line 2"),
        ("code,title\n2,a\n1,b\n", "codes.csv:3: code: '1' stands after '2', tables are sorted by code"),
    ],
)
def test_each_mistake_in_a_table_names_its_place(tmp_path: Path, content: str | bytes, expected: str) -> None:
    faults = faults_of(tmp_path, content)
    assert len(faults) == 1
    assert faults[0].startswith(expected)


def test_all_faults_of_a_table_come_at_once(tmp_path: Path) -> None:
    assert len(faults_of(tmp_path, "code,title,nota\n3,a,\n2,b\n1,c,\n1,d,\n")) == 4


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    _, faults = read_csv(tmp_path / "absent.csv", "absent.csv", COLUMNS)
    assert str(faults[0]).startswith("absent.csv: the file is missing")


def test_a_table_may_be_sorted_as_spreadsheets_sort(tmp_path: Path) -> None:
    assert faults_of(tmp_path, "code,title\na,1\nB,2\nc,3\n") == []
    assert faults_of(tmp_path, "code,title\nB,2\na,1\nc,3\n") == []
    assert len(faults_of(tmp_path, "code,title\nB,2\nc,3\na,1\nC,4\n")) == 1


def test_a_toml_file_tells_the_line_of_each_key(tmp_path: Path) -> None:
    path = tmp_path / "service.toml"
    path.write_text(
        'a = "1"\n\n[inward.SubmitRequest]\ntable = "submit"  # note\n\n[[steps]]\ntitle = "x"\n', encoding="utf-8"
    )
    document, faults = read_toml(path, "service.toml")
    assert faults == []
    assert document.lines["inward.SubmitRequest.table"] == 4
    assert document.fault("inward.SubmitRequest.operation", "the key is missing").line == 3
    assert document.fault("nowhere.at_all", "x").line == 1


def test_an_unreadable_toml_file_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "service.toml"
    path.write_text('a = "1"\nb = no\n', encoding="utf-8")
    document, faults = read_toml(path, "service.toml")
    assert document.values == {}
    assert str(faults[0]).startswith("service.toml:2: not readable as TOML")


def test_keys_are_checked_for_name_type_choice_and_presence() -> None:
    document = Document(
        "s.toml",
        {"tier": "esential", "titel": "x", "days": True, "part": {"n": "1"}},
        {"tier": 1, "titel": 2, "days": 3},
    )
    keys = {
        "tier": Key(str, choices=("essential", "general")),
        "title": Key(str),
        "responsible": Key(str),
        "days": Key(int),
    }
    keys["part"] = Key(dict)
    texts = [str(fault) for fault in check_keys(document, keys)]
    assert texts == [
        "s.toml:2: titel: 'titel' is not a key here, did you mean 'title'?",
        "s.toml:1: tier: 'esential' is not known, did you mean 'essential'?",
        "s.toml:1: responsible: the key is missing, write responsible = …",
        "s.toml:3: days: the value is not a whole number",
    ]
    assert [fault.column for fault in check_keys(document, {"n": Key(int)}, "part")] == ["part.n"]


def test_a_near_name_is_offered_else_the_choice() -> None:
    assert near("dat", ["datetime", "date", "text"]) == "did you mean 'date'?"
    assert near("qqq", ["b", "a"]) == "there is: a, b"
    assert near("qqq", map(str, range(100, 120))).endswith("…")
    assert near("x", []) == "there is none"
