"""A table becomes a function: values go where their rows say, and a value that does not fit names its row."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from adapter.errors import Untranslatable
from tests.support.tables_written import CONTEXT, Compile

pytest_plugins = ["tests.support.table_fixtures"]


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
