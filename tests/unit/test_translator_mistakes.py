"""Mistakes in a table: each names its cell, all are told at once, and the contracts are asked, too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adapter.exchange import Direction
from adapter.translator import Tools, compile_table
from adapter.translator.shapes import source_faults, target_faults
from tests.support.tables_written import HEADER, Compile

pytest_plugins = ["tests.support.table_fixtures"]


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
