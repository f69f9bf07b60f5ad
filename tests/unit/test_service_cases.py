"""The cases beside a service's tables: what holds passes, what differs is told in a person's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapter.service import run_cases
from tests.support.service_folder import FILES, Write, sound

pytest_plugins = ["tests.support.service_fixtures"]


def test_cases_that_hold_pass(write: Write) -> None:
    folder = write()
    results = run_cases(folder, sound(folder))
    assert [result.name for result in results] == ["edge", "ordinary", "refused"]
    assert all(result.is_passed for result in results)


_KIND = "(mappings/sample/core/submit.csv:2: request_kind by code kind)"
_OWNER = "(mappings/sample/core/submit.csv:4: owners[].national_id by national_id)"


@pytest.mark.parametrize(
    ("given", "expected", "difference"),
    [
        (None, {"Kind": "2", "Reference": "r"}, 'Kind: "2" was expected, "1" came {KIND}'),
        (None, {"Kind": 1, "Reference": "r"}, 'Kind: 1 was expected, "1" came {KIND}'),
        (
            None,
            {"Kind": "1"},
            'Reference: nothing was expected, "r" came (mappings/sample/core/submit.csv:5: exchange.reference by text)',
        ),
        (
            None,
            {"Kind": "1", "Reference": "r", "X": 1},
            "X: 1 was expected, nothing came (mappings/sample/core/submit.csv: no row fills it)",
        ),
        (None, {"untranslatable": "kind"}, "expected to be untranslatable with 'kind', but a payload came"),
        (
            {"request_kind": "x"},
            {"Kind": "1"},
            (
                "a payload was expected, but the record is untranslatable: mappings/sample/core/submit.csv:2: "
                "request_kind: code: 'x' is not in mappings/sample/codes/kind.csv; add a row there, then replay"
            ),
        ),
        (
            {"request_kind": "new", "owners": [{"national_id": "0012345679"}]},
            {"Kind": "1", "Reference": "r", "Owners": [{"NationalCode": "0499370899"}]},
            'Owners[1].NationalCode: "0499370899" was expected, "0012345679" came {OWNER}',
        ),
        (
            {"request_kind": "new", "owners": [{"national_id": "0012345679"}]},
            {"Kind": "1", "Reference": "r", "Owners": []},
            "Owners: a list of 0 was expected, one of 1 came (mappings/sample/core/submit.csv)",
        ),
    ],
)
def test_a_case_that_differs_tells_what_came_and_from_which_row(
    write: Write, given: Any, expected: Any, difference: str
) -> None:
    record = {"table": "submit", "record": given or {"request_kind": "new"}, "exchange": {"reference": "r"}}
    folder = write(
        {
            "cases/ordinary.in.json": json.dumps(record),
            "cases/ordinary.out.json": json.dumps(expected, ensure_ascii=False),
        }
    )
    (_, ordinary, _) = run_cases(folder, sound(folder))
    told = difference.format(KIND=_KIND, OWNER=_OWNER)
    assert list(map(str, ordinary.differences)) == [told]


def test_a_case_that_cannot_be_run_says_why(write: Write) -> None:
    folder = write()
    service = sound(folder)
    for content, expected in [
        ("{", "ordinary.in.json:1: not readable as JSON"),
        ("[]", "ordinary.in.json holds no JSON object"),
        ('{"tabel": "submit"}', "'tabel' is not a part of a case; did you mean 'table'?"),
        ('{"table": "sumbit"}', "'sumbit' is not a table of this service; did you mean 'submit'?"),
        ('{"table": "submit", "today": "1404/12/30"}', "today: the Jalali calendar has no such day"),
    ]:
        (folder / "cases" / "ordinary.in.json").write_text(content, encoding="utf-8")
        assert str(run_cases(folder, service)[1].differences[0]).startswith(expected)


def test_a_case_may_name_its_day(write: Write) -> None:
    folder = write({"codes/kind.csv": "gateway,internal,valid_from,valid_to\nnew,1,,1404/12/29\nnew,2,1405/01/01,\n"})
    service = sound(folder)
    case = json.loads(FILES["cases/ordinary.in.json"])
    for today, passes in [("1404/12/29", True), ("2026-03-21", False)]:
        (folder / "cases" / "ordinary.in.json").write_text(json.dumps({**case, "today": today}), encoding="utf-8")
        assert run_cases(folder, service)[1].is_passed is passes
