"""A table becomes a function: values go where their rows say, and every mistake names its cell."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import Untranslatable
from adapter.exchange import Direction
from adapter.translator import CodeBook, Context, Table, Tools, compile_table, read_codes
from adapter.translator.shapes import empty_cell_faults, source_faults, target_faults

HEADER = "target,source,rule,argument,when,required,note\n"
CONTEXT = Context(
    date(2026, 11, 21),
    case={"tracking_code": "20000004", "internal_reference": None},
    service={"service_id": "13042652104"},
    exchange={"reference": "r-1", "sequence": 3},
    outcome={"code": "E300"},
)
Compile = Callable[..., Table]


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
    def compiled(*rows: str, direction: Direction = Direction.INWARD) -> list[str]:
        tools = Tools(direction, books)
        _, faults = _compile(tmp_path, rows, tools)
        return [str(fault) for fault in [*faults, *tools.faults]]

    return compiled


@pytest.fixture
def table(tmp_path: Path, books: dict[str, CodeBook]) -> Compile:
    def compiled(*rows: str, direction: Direction = Direction.INWARD) -> Table:
        tools = Tools(direction, books)
        found, faults = _compile(tmp_path, rows, tools)
        assert [*faults, *tools.faults] == []
        return found

    return compiled


def _compile(folder: Path, rows: tuple[str, ...], tools: Tools) -> tuple[Table, list[Any]]:
    path = folder / "submit.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    return compile_table(path, "mappings/x/core/submit.csv", tools)


def test_values_go_where_their_rows_say(table: Compile) -> None:
    made = table(
        "Applicant.Name,applicant.name,text,,,yes,",
        "Kind,,constant,12,,,",
        "Reference,exchange.reference,text,,,yes,",
        "Service,service.service_id,text,,,yes,",
        "TrackingCode,case.tracking_code,text,,,yes,",
        "Why,outcome.code,text,,,,",
    )
    assert made.translate({"applicant": {"name": " علي "}}, CONTEXT) == {
        "Applicant": {"Name": "علی"},
        "Kind": "12",
        "Reference": "r-1",
        "Service": "13042652104",
        "TrackingCode": "20000004",
        "Why": "E300",
    }


def test_what_is_absent_is_left_out_and_zero_and_false_are_not_absent(table: Compile) -> None:
    made = table("A.B,a.b,text,,,,", "C,c,integer,,,,", "D,d,yes_no,,,,", "E,e,text,,,,", "F,f,copy,,,,")
    assert made.translate({"c": 0, "d": False, "e": "  "}, CONTEXT) == {"C": 0, "D": False}
    assert made.translate({"a": None, "e": None}, CONTEXT) == {}
    assert made.translate({"a": "text where a section should be"}, CONTEXT) == {}


def test_a_required_source_that_gives_nothing_names_the_row(table: Compile) -> None:
    made = table("A,a,text,,,,", "B,b.c,text,,,yes,")
    records: list[dict[str, Any]] = [{}, {"b": {}}, {"b": {"c": ""}}, {"b": {"c": " "}}]
    for record in records:
        with pytest.raises(Untranslatable) as caught:
            made.translate(record, CONTEXT)
        assert caught.value.place == "mappings/x/core/submit.csv:3"
        assert str(caught.value).startswith("mappings/x/core/submit.csv:3: source: b.c gives nothing")


def test_a_value_that_breaks_its_rule_names_the_row_and_never_the_value(table: Compile) -> None:
    made = table("NationalCode,applicant.national_id,national_id,,,,")
    with pytest.raises(Untranslatable) as caught:
        made.translate({"applicant": {"national_id": "0012345678"}}, CONTEXT)
    assert str(caught.value).startswith(
        "mappings/x/core/submit.csv:2: applicant.national_id: national_id: the check digit"
    )
    assert str(caught.value).endswith("; the sender must correct it")
    assert "0012345678" not in repr(caught.value)


def test_a_value_that_breaks_its_rule_names_its_field_and_who_must_act(table: Compile) -> None:
    made = table("LetterDate,deal.letter_date,jalali_date,,,,")
    with pytest.raises(Untranslatable) as caught:
        made.translate({"deal": {"letter_date": "1404/12/30"}}, CONTEXT)
    assert str(caught.value) == (
        "mappings/x/core/submit.csv:2: deal.letter_date: jalali_date: the Jalali calendar has no such day: "
        "Esfand of 1404 has 29 days; the sender must correct it"
    )


def test_a_repeated_source_gives_an_item_for_each_of_its_items(table: Compile) -> None:
    made = table(
        "Owners[].Name,owners[].name,text,,,yes,",
        "Owners[].Reference,exchange.reference,text,,,,",
        "Owners[].ShareDang,owners[].share,decimal,,,,",
    )
    record = {"owners": [{"name": "الف", "share": "3"}, {"name": "ب"}]}
    assert made.translate(record, CONTEXT) == {
        "Owners": [{"Name": "الف", "Reference": "r-1", "ShareDang": "3"}, {"Name": "ب", "Reference": "r-1"}]
    }
    assert made.translate({"owners": []}, CONTEXT) == {}
    assert made.translate({}, CONTEXT) == {}


def test_a_failing_item_tells_its_number(table: Compile) -> None:
    made = table("Owners[].Name,a.owners[].name,text,,,yes,")
    with pytest.raises(Untranslatable, match=r"submit.csv:2: source: .* \(a.owners\[\] number 2\)"):
        made.translate({"a": {"owners": [{"name": "الف"}, {}]}}, CONTEXT)
    with pytest.raises(Untranslatable, match="is not a list"):
        made.translate({"a": {"owners": {"name": "الف"}}}, CONTEXT)


def test_repeats_nest_and_lists_of_texts_are_lists(table: Compile) -> None:
    made = table(
        "A[].B[].C,a[].b[].c,integer,,,,",
        "A[].B[].D,a[].d,text,,,,",
        "A[].Names[],a[].names[],text,,,,",
        "Codes[],codes[].code,text,,,,",
        "Notes[],notes[],text,,,,",
    )
    record = {
        "a": [{"b": [{"c": 1}, {"c": 2}], "d": "x", "names": ["n"]}, {"b": []}],
        "codes": [{"code": "1"}, {"code": "2"}],
        "notes": ["ي", "", "ک"],
    }
    assert made.translate(record, CONTEXT) == {
        "A": [{"B": [{"C": 1, "D": "x"}, {"C": 2, "D": "x"}], "Names": ["n"]}],
        "Codes": ["1", "2"],
        "Notes": ["ی", "ک"],
    }


def test_join_takes_several_sources_or_all_of_a_repeated_one(table: Compile) -> None:
    made = table("All,owners[].name,join,persian_comma,,,", "Name,first last,join,,,,")
    record = {"first": "علی", "owners": [{"name": "الف"}, {}, {"name": "ب"}]}
    assert made.translate(record, CONTEXT) == {"All": "الف، ب", "Name": "علی"}
    assert made.translate({}, CONTEXT) == {}


def test_a_payment_id_is_absent_with_its_own_source_only(table: Compile) -> None:
    made = table("P,payment_id bill_id,payment_id,,,,")
    assert made.translate({"bill_id": "7748317800142"}, CONTEXT) == {}
    assert made.translate({"payment_id": "1770160", "bill_id": "7748317800142"}, CONTEXT) == {"P": "1770160"}
    with pytest.raises(Untranslatable, match="does not belong"):
        made.translate({"payment_id": "1770160", "bill_id": "2050327604613"}, CONTEXT)


def test_each_fills_a_list_from_one_text_from_a_list_or_from_a_field_of_every_item(table: Compile) -> None:
    made = table(
        "A[],owners[].id,each,national_id,,,",
        "B[],phones,each,mobile,,,",
        "C[],uses,each,code usage,,,",
    )
    record = {"owners": [{"id": 12345679}, {}, {"id": "0123456789"}], "phones": "09123456789", "uses": ["residential"]}
    assert made.translate(record, CONTEXT) == {
        "A": ["0012345679", "0123456789"],
        "B": ["09123456789"],
        "C": ["11"],
    }
    with pytest.raises(Untranslatable, match=r"submit\.csv:4: uses: each: .*number 1\)$"):
        made.translate({"uses": "mill"}, CONTEXT)


def test_a_nil_or_empty_source_may_lead_to_a_row_of_its_own(table: Compile) -> None:
    made = table(
        "A,a,text,,a present,,",
        "A,,nil,,a nil,,",
        "A,,constant,none,a empty,,",
        "A,,constant,unsaid,a absent,,",
        "S.B,s.b,copy,,,,",
    )
    assert made.translate({"a": "x", "s": {"b": None}}, CONTEXT) == {"A": "x", "S": {"B": None}}
    assert made.translate({"a": None, "s": {"b": ""}}, CONTEXT) == {"A": None, "S": {"B": ""}}
    assert made.translate({"a": "", "s": {}}, CONTEXT) == {"A": "none"}
    assert made.translate({}, CONTEXT) == {"A": "unsaid"}


def test_a_row_applies_only_when_its_condition_holds(table: Compile) -> None:
    made = table(
        "A,a,text,,kind = حقوقي,yes,",
        "B,b,text,,kind present,,",
        "C,c,text,,kind absent,,",
        "D[].X,d[].x,text,,d[].on = true,,",
        "E,e,text,,d[] absent,,",
    )
    everything = {"a": "1", "b": "2", "c": "3", "e": "4"}
    items = [{"x": "1", "on": True}, {"x": "2", "on": False}]
    assert made.translate({**everything, "kind": "حقوقی", "d": items}, CONTEXT) == {
        "A": "1",
        "B": "2",
        "D": [{"X": "1"}],
    }
    assert made.translate({**everything, "kind": "حقیقی", "d": items}, CONTEXT) == {"B": "2", "D": [{"X": "1"}]}
    assert made.translate({**everything, "d": []}, CONTEXT) == {"C": "3", "E": "4"}


def test_alternatives_for_one_target_each_say_when(table: Compile, faults_of: Callable[..., list[str]]) -> None:
    made = table("Id,national_id,national_id,,national_id present,,", "Id,legal_id,legal_id,,national_id absent,yes,")
    assert made.translate({"national_id": "0012345679"}, CONTEXT) == {"Id": "0012345679"}
    assert made.translate({"legal_id": "10380284790"}, CONTEXT) == {"Id": "10380284790"}
    with pytest.raises(Untranslatable, match="csv:3"):
        made.translate({}, CONTEXT)
    assert "not every row says when" in faults_of("Id,a,text,,,,", "Id,b,text,,a absent,,")[0]
    assert "stands twice" in faults_of("Id,a,text,,a absent,,", "Id,b,text,,a absent,,")[0]


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
    assert _compile(tmp_path, ("x,X,code,c,,,",), tools)[1] == []
    assert tools.faults == []
    tools = Tools(Direction.INWARD, {"c": book})
    _compile(tmp_path, ("X,x,code,c,,,",), tools)
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
    made, _ = _compile(tmp_path, ("code,X,code,c,,,", "title,X,code,c.title,,,"), Tools(Direction.OUTWARD, {"c": book}))
    assert made.translate({"X": 10}, CONTEXT) == {"code": "010", "title": "طبقهٔ ۲"}


def test_an_empty_cell_that_a_required_row_takes_is_told_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("gateway,internal,title\n1,1,یک\n2,2,\n3,,\n4,4,\n", encoding="utf-8")
    book, _ = read_codes(path, "codes/c.csv")
    tools = Tools(Direction.OUTWARD, {"c": book})
    rows = ("a,X,code,c.title,,yes,", "b,X,code,c.title,X = 1,yes,", "c,X,code,c.title,,,")
    made, _ = _compile(tmp_path, rows, tools)
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


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (("A,a,txt,,,,",), "submit.csv:2: rule: 'txt' is not a rule, did you mean 'text'?"),
        (("A,a,jalali_date,MM,,,",), "submit.csv:2: argument: 'MM' is not an argument of this rule"),
        (("A,a,code,usages,,,",), "submit.csv:2: argument: there is no codes file 'usages'; did you mean 'usage'?"),
        (("A,a,code,usage.titel,,,",), "submit.csv:2: argument: 'titel' is not a column of codes"),
        (("A,,text,,,,",), "submit.csv:2: source: the source is empty"),
        (("A,a b,text,,,,",), "submit.csv:2: source: text takes 1 sources at most"),
        (("A,a,constant,1,,,",), "submit.csv:2: source: a constant has no source"),
        (("A,a..b,text,,,,",), "submit.csv:2: source: 'a..b' is not a path"),
        (("A,case.citizen,text,,,,",), "submit.csv:2: source: 'case.citizen' is not among the reserved names"),
        ((",a,text,,,,",), "submit.csv:2: target: the target is empty"),
        (("A B,a,text,,,,",), "submit.csv:2: target: 'A B' is not a path"),
        (("A,a,text,,a > 3,,",), "submit.csv:2: when: 'a > 3' is not a condition"),
        (("A,a,text,,a =,,",), "submit.csv:2: when: 'a =' is not a condition"),
        (("A,a,text,,,maybe,",), "submit.csv:2: required: 'maybe' is neither yes nor no"),
        (("A,a,text,,,,", "A,a,text,,,,"), "submit.csv:3: target: 'A' stands twice"),
        (("B,a,text,,,,", "A,a,text,,,,"), "submit.csv:3: target: 'A' stands after 'B'"),
        (("A,a,text,,,,", "A.B,b,text,,,,"), "submit.csv:2: target: 'A' is both a value and a section"),
        (("A,a,text,,,,", "A[],b[],text,,,,"), "submit.csv:3: target: 'A' both repeats and does not"),
        (("A,a[].b,text,,,,",), "submit.csv:2: source: 'a[].b' repeats and its target does not"),
        (("A,a,text,,b[].c = 1,,",), "submit.csv:2: when: 'b[].c' repeats"),
        (("A[].B,a.b,text,,,,",), "submit.csv:2: source: 'A[].B' repeats and no source under it does"),
        (("A[].B,a[].b,text,,,,", "A[].C,c[].b,text,,,,"), "submit.csv:3: source: c[] stands beside a[]"),
    ],
)  # fmt: skip
def test_each_mistake_in_a_row_names_its_cell(
    faults_of: Callable[..., list[str]], rows: tuple[str, ...], expected: str
) -> None:
    faults = faults_of(*rows)
    assert len(faults) == 1
    assert faults[0].startswith(f"mappings/x/core/{expected}")


def test_all_mistakes_of_a_table_are_told_at_once(faults_of: Callable[..., list[str]]) -> None:
    assert len(faults_of("B,a,txt,,a >,maybe,", "A,a[].b,text,x,,,", "C[].D,,text,,,,")) == 7


def test_a_table_without_rows_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(HEADER, encoding="utf-8")
    _, faults = compile_table(tmp_path / "t.csv", "t.csv", Tools(Direction.INWARD))
    assert [str(fault) for fault in faults] == ["t.csv:1: the table has no rows"]


def test_targets_and_sources_are_checked_against_the_contracts(table: Compile) -> None:
    made = table(
        "Adress,address,text,,,,",
        "Owner,owner,text,,,,",
        "Owners[].Name,owners[].nam,text,,owner present,,",
        "Reference,exchange.reference,text,,,,",
    )
    shape = {
        "Address": False,
        "CaseNo": True,
        "Owner": False,
        "Owner.Name": True,
        "Owners[]": False,
        "Owners[].Name": False,
        "Owners[].Share": True,
        "Parts": False,
        "Parts.No": True,
        "Reference": True,
    }
    assert [str(fault).removeprefix("mappings/x/core/") for fault in target_faults(made, shape, "Register")] == [
        "submit.csv:2: target: 'Adress' is not in Register, did you mean 'Address'?",
        "submit.csv:3: target: 'Owner' is a section of Register, fill the fields under it",
        "submit.csv:5: required: the cell is not yes, Register requires 'Reference', write yes",
        "submit.csv:1: target: no row fills 'CaseNo', Register requires it, add a row",
        "submit.csv:1: target: no row fills 'Owners[].Share', Register requires it, add a row",
    ]
    told = {"address", "owners[]", "owners[].name", "owner"}
    assert [str(fault).removeprefix("mappings/x/core/") for fault in source_faults(made, told, "Submit")] == [
        "submit.csv:4: source: 'owners[].nam' is not in Submit, did you mean 'owners[].name'?"
    ]


def test_translating_thirty_fields_takes_microseconds(table: Compile) -> None:
    made = table(
        *(f"A{number:02},part.a{number},text,,,yes," for number in range(20)),
        *(f"B{number:02},b{number},integer,,,," for number in range(5)),
        *(f"C{number:02},c{number},code,usage,,yes," for number in range(5)),
    )
    record: dict[str, Any] = {"part": {f"a{number}": "خیابان شهید" for number in range(20)}}
    record |= {f"b{number}": number for number in range(5)} | {f"c{number}": "residential" for number in range(5)}
    assert len(made.translate(record, CONTEXT)) == 30
    best = min(_seconds_of(lambda: made.translate(record, CONTEXT)) for _ in range(20))
    assert best < 200e-6, "five times what it takes on a quiet machine"


def _seconds_of(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    for _ in range(50):
        act()
    return (time.perf_counter() - started) / 50
