"""What no case of a service touches: its rows, codes and rules, told by `panjereh test --coverage`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from adapter.translator import RULES
from ops.cli.exits import Exit
from ops.cli.main import run_command
from tests.support.few import mappings_with

Captured = pytest.CaptureFixture[str]
Tell = Callable[..., tuple[int, dict[str, Any]]]

SERVICE = "notary_inquiry"


@pytest.fixture
def mappings(tmp_path: Path) -> Path:
    return mappings_with(tmp_path, SERVICE)


@pytest.fixture
def tell(mappings: Path, capsys: Captured) -> Tell:
    def told(*options: str) -> tuple[int, dict[str, Any]]:
        code = run_command(["test", SERVICE, "--mappings", str(mappings), "--coverage", "--json", *options])
        return code, json.loads(capsys.readouterr().out)

    return told


def write_case(mappings: Path, name: str, given: Any, expected: Any) -> None:
    for end, content in (("in", given), ("out", expected)):
        path = mappings / SERVICE / "cases" / f"{name}.{end}.json"
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def places(share: dict[str, Any]) -> set[str]:
    return {one["place"] for one in share["untouched"]}


def row_of(mappings: Path, file: str, starts: str) -> str:
    lines: Iterable[str] = (mappings / SERVICE / file).read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, start=1) if text.startswith(starts))
    return f"mappings/{SERVICE}/{file}:{line}"


def test_a_row_that_is_added_is_untouched_until_a_case_needs_it(mappings: Path, tell: Tell) -> None:
    _, before = tell()
    path = mappings / SERVICE / "codes" / "refusal.csv"
    with path.open("a", encoding="utf-8") as file:
        file.write("72,E999,پلاک نامعتبر,refused,,,مادهٔ ۲۲ قانون ثبت,assumption\n")
    place = row_of(mappings, "codes/refusal.csv", "72,E999")

    _, after = tell()
    codes, codes_before = after["coverage"][SERVICE]["codes"], before["coverage"][SERVICE]["codes"]

    assert codes["count"] == codes_before["count"] + 1
    assert places(codes) - places(codes_before) == {place}
    assert codes["percent"] < 100


def test_what_a_failing_case_touches_does_not_count(mappings: Path, tell: Tell) -> None:
    code, before = tell()
    assert code == Exit.OK
    for path in (mappings / SERVICE / "cases").glob("*.out.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**content, "never": 1}), encoding="utf-8")

    code, after = tell()

    assert code == Exit.FINDINGS
    share = after["coverage"][SERVICE]["rows"]
    assert share["percent"] == 0
    assert len(share["untouched"]) == share["count"] == before["coverage"][SERVICE]["rows"]["count"]


def test_less_than_was_asked_for_is_a_finding(mappings: Path, tell: Tell) -> None:
    with (mappings / SERVICE / "codes" / "refusal.csv").open("a", encoding="utf-8") as file:
        file.write("72,E999,پلاک نامعتبر,refused,,,مادهٔ ۲۲ قانون ثبت,assumption\n")

    _, told = tell()
    lowest = min(told["coverage"][SERVICE][part]["percent"] for part in ("rows", "codes"))

    assert tell("--least", str(lowest))[0] == Exit.OK
    assert tell("--least", str(lowest + 0.1))[0] == Exit.FINDINGS


def test_each_entry_of_a_case_is_laid_over_what_stands_beside_it(mappings: Path, tell: Tell) -> None:
    given = {
        "table": "refused_answer",
        "case": {"tracking_code": "4052718396", "internal_reference": "1405-1", "channel": "portal"},
        "exchange": {"reference": "r", "event_id": "e", "sequence": 1, "changed_at": "2026-11-21T11:05:27.250+03:30"},
        "each": [{"outcome": {"code": "E310"}}, {"outcome": {"code": "E340"}}],
    }
    write_case(mappings, "two_refusals", given, {"each": [{}, {}]})

    code, told = tell()

    assert code == Exit.FINDINGS
    (case,) = (one for one in told["cases"] if one["case"] == "two_refusals")
    words = [one["told"] for one in case["differences"]]
    assert any(word.startswith('each[1]: answer.code: nothing was expected, "30" came (') for word in words), words
    assert any(word.startswith('each[2]: answer.code: nothing was expected, "70" came (') for word in words), words


@pytest.mark.parametrize(
    ("given", "expected", "told"),
    [
        ([{}], [], "'each' of out.json is not a list of objects"),
        ({}, [{}], "'each' of in.json is not a list of objects"),
        ([{}, {}], [{}], "'each' has 2 entries that come and 1 that are expected"),
    ],
)
def test_halves_that_do_not_agree_on_their_entries_are_told(
    mappings: Path, tell: Tell, given: Any, expected: Any, *, told: str
) -> None:
    write_case(mappings, "odd", {"table": "refused_answer", "each": given}, {"each": expected})

    _, found = tell()

    (case,) = (one for one in found["cases"] if one["case"] == "odd")
    assert told in case["differences"][0]["told"]


def test_a_difference_tells_field_values_and_the_row_that_made_it(mappings: Path, capsys: Captured) -> None:
    path = mappings / SERVICE / "codes" / "refusal.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("72,E300", "40,E300"), encoding="utf-8")

    assert run_command(["test", SERVICE, "--mappings", str(mappings)]) == Exit.FINDINGS

    place = row_of(mappings, "urban_core/refused_answer.csv", "answer.code,")
    out = capsys.readouterr().out
    assert f'  answer.code: "72" was expected, "40" came ({place}: outcome.code by code refusal)' in out


def test_every_row_code_and_rule_of_the_shipped_services_is_touched_by_a_case(capsys: Captured) -> None:
    code = run_command(["test", "--coverage", "--least", "100", "--json"])

    told = json.loads(capsys.readouterr().out)
    assert code == Exit.OK, told
    everything = told["coverage"]["all"]
    assert [everything[part]["percent"] for part in ("rows", "codes", "rules")] == [100, 100, 100]
    assert everything["rules"]["count"] + len(told["rules_without_use"]) == len(RULES)
    assert "foreign_id" in told["rules_without_use"], "the contracts have no field for it: its example tries it"
