from __future__ import annotations

import json

import pytest

from adapter.translator import RULES
from ops.cli.exits import Exit
from ops.cli.main import run_command


def test_the_rules_are_told_to_clerks_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["rules", "legal_id"]) == Exit.OK
    told = capsys.readouterr().out
    assert "شناسهٔ ملی شخص حقوقی" in told
    assert "left out" in told
    assert run_command(["rules"]) == Exit.OK
    assert len(capsys.readouterr().out.splitlines()) == len(RULES) + 1


def test_the_rules_are_told_to_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["rules", "copy", "--json"]) == Exit.OK
    (copy,) = json.loads(capsys.readouterr().out)["rules"]
    assert (copy["absent"], copy["empty"], copy["nil"]) == ("left_out", "empty", "nil")


def test_a_misspelt_rule_is_offered_its_neighbour(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["rules", "leagl_id"]) == Exit.USAGE
    assert "did you mean 'legal_id'?" in capsys.readouterr().err
