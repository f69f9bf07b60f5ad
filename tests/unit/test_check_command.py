"""`panjereh check` and `panjereh test`: which folders they read, and that every fault is told with its place."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.cli.exits import Exit
from ops.cli.main import run_command
from tests.support.few import mappings_with
from tests.support.installed import settings_with
from tests.support.records import ROOT

Captured = pytest.CaptureFixture[str]


def test_check_is_green_on_the_shipped_folders(capsys: Captured) -> None:
    assert run_command(["check"]) == Exit.OK

    told = capsys.readouterr()
    assert told.out == ""
    contracts = list((ROOT / "contracts").glob("*/*/contract.toml"))
    services = [*(ROOT / "mappings").glob("*/service.toml"), *(ROOT / "mappings").glob("tenants/*/*/service.toml")]
    assert told.err == f"contracts: {len(contracts)} sound; services: {len(services)} sound; faults: 0\n"


def test_check_as_json_is_one_object_with_its_format(capsys: Captured, tmp_path: Path) -> None:
    mappings = mappings_with(tmp_path, "site_visit", "tenants/sample-village/site_visit")

    assert run_command(["check", "--json", "--mappings", str(mappings)]) == Exit.OK

    told = json.loads(capsys.readouterr().out)
    assert told["format"] == 1
    assert told["faults"] == []
    assert told["services"] == ["site_visit", "sample-village/site_visit"]


def _append(text: str) -> Callable[[str], str]:
    return lambda content: content + text


def _replace(old: str, new: str) -> Callable[[str], str]:
    def change(content: str) -> str:
        assert old in content
        return content.replace(old, new, 1)

    return change


_FAULTS: list[tuple[str, Callable[[str], str], str]] = [
    ("contracts/revenue/1.0/outcomes.csv", _append("body,NEW,dne,تازه,new\n"), "dne"),
    (
        "contracts/revenue/1.0/contract.toml",
        _append('\n[operations.Wish]\ndirection = "sideways"\n'),
        "operations.Wish",
    ),
    ("mappings/building_permit/service.toml", _replace('pattern = "case"', 'pattern = "cas"'), "case"),
    ("mappings/building_permit/card.toml", lambda _content: "title = \n", "card.toml"),
    (
        "mappings/building_permit/urban_core/submit.csv",
        _replace(",renovation_code,district", ",renovation_cod,x"),
        "rule",
    ),
    ("mappings/building_permit/urban_core/payment.csv", _append("Zip,no.such.path,text,,,,\n"), "no.such.path"),
    ("mappings/building_permit/urban_core/withdraw.csv", _append("Zeal,reason,text,,reason is,,\n"), "when"),
    ("mappings/building_permit/codes/usage.csv", _append("x,1,ب,1405/13/01,,\n"), "valid_from"),
    ("mappings/notary_inquiry/urban_core/ask.csv", _append("Zone,deal.letter_no,jalali_date,YYYY,,,\n"), "argument"),
    ("mappings/notary_inquiry/service.toml", _append('\n[outward2]\nx = "y"\n'), "outward2"),
]


def test_check_finds_ten_planted_faults_in_one_run_and_names_file_line_and_column(
    capsys: Captured, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "contracts", tmp_path / "contracts")
    mappings_with(tmp_path, "building_permit", "notary_inquiry")
    for name, change, _ in _FAULTS:
        path = tmp_path / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    folders = ["--contracts", str(tmp_path / "contracts"), "--mappings", str(tmp_path / "mappings")]

    assert run_command(["check", *folders]) == Exit.FINDINGS

    told = capsys.readouterr().out.splitlines()
    for name, _, word in _FAULTS:
        assert any(line.startswith(name) and word in line for line in told), (name, word, told)
    assert str(tmp_path) not in "".join(told)


def test_check_of_one_service_tells_the_faults_of_that_one_only(capsys: Captured, tmp_path: Path) -> None:
    mappings = mappings_with(tmp_path, "notary_inquiry", "renovation_toll")
    for card in mappings.glob("*/card.toml"):
        card.unlink()

    assert run_command(["check", "renovation_toll", "--mappings", str(mappings)]) == Exit.FINDINGS
    told = capsys.readouterr().out
    assert "mappings/renovation_toll/card.toml" in told
    assert "notary_inquiry" not in told


def test_a_service_that_does_not_exist_gets_the_near_name(capsys: Captured) -> None:
    assert run_command(["check", "building_permits"]) == Exit.USAGE
    assert "did you mean 'building_permit'?" in capsys.readouterr().err


def test_a_missing_folder_of_services_is_a_command_said_wrongly(capsys: Captured, tmp_path: Path) -> None:
    assert run_command(["check", "--mappings", str(tmp_path / "none")]) == Exit.USAGE
    assert "there is no such folder of services" in capsys.readouterr().err


_OFFERED = "renovation_toll"
"""What an installation that nobody runs offers."""


@pytest.mark.parametrize("way", ["option", "variable"])
def test_check_of_settings_reads_the_folders_that_they_name(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    sound = mappings_with(tmp_path, _OFFERED)
    shutil.copytree(sound, tmp_path / "tables")
    (tmp_path / "tables" / _OFFERED / "card.toml").unlink()
    path = settings_with(tmp_path, 'mappings = "tables"')
    monkeypatch.setenv("PANJEREH_CONFIG", str(path) if way == "variable" else "")
    if way == "option":
        monkeypatch.delenv("PANJEREH_CONFIG")
    options = ["--config", str(path)] if way == "option" else []

    assert run_command(["check", *options]) == Exit.FINDINGS
    assert "tables/renovation_toll/card.toml" in capsys.readouterr().out
    assert run_command(["test", *options]) == Exit.FINDINGS
    assert run_command(["check", *options, "--mappings", str(sound)]) == Exit.OK


def _settings_over_tables(folder: Path) -> Path:
    """Settings that name a folder of the one service that they offer."""
    mappings_with(folder, _OFFERED)
    return settings_with(folder, 'mappings = "mappings"')


def test_check_of_settings_tells_all_that_would_stop_a_start_at_once(capsys: Captured, tmp_path: Path) -> None:
    path = _settings_over_tables(tmp_path)
    text = path.read_text(encoding="utf-8").replace("/journal.db", "/gone/journal.db")
    text = text.replace("renovation_toll", "renovation_tol").replace('"revenue/1.0"', '"revenu/1.0"')
    text = text.replace('binding = "soap"', 'binding = "soap"\nkey_file = "none.key"', 1)
    text = text.replace('name = "counter"\ntenant = "', 'name = "counter"\ntenant = "x')
    path.write_text(re.sub('key_sha256 = .*"', 'key_sha256 = ["short"', text, count=1), encoding="utf-8")

    assert run_command(["check", "--config", str(path)]) == Exit.FINDINGS

    told = capsys.readouterr().out
    for fault in (
        f"database: there is no folder {tmp_path / 'gone'}",
        "tenants.sample-city.services: there is no folder 'renovation_tol'",
        "tenants.sample-city.endpoints.revenu/1.0: there is no such contract; did you mean 'revenue/1.0'?",
        f"tenants.sample-city.endpoints.window/1.0.key_file: {tmp_path / 'none.key'} cannot be read",
        "callers.0.key_sha256: a digest has 64 hexadecimal digits",
        "callers.1.tenant: there is no tenant 'xsample-city'; did you mean 'sample-city'?",
    ):
        assert fault in told


def test_a_channel_that_no_card_names_is_told_by_check(capsys: Captured, tmp_path: Path) -> None:
    path = _settings_over_tables(tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('channel = "counter"', 'channel = "conter"'), encoding="utf-8")

    assert run_command(["check", "--config", str(path)]) == Exit.FINDINGS
    assert "channel: 'conter': no service of sample-city has it on its card; did you mean" in capsys.readouterr().out


def test_the_cases_of_the_shipped_services_pass(capsys: Captured) -> None:
    assert run_command(["test"]) == Exit.OK
    assert "cases passed" in capsys.readouterr().err


def test_a_case_that_fails_is_told_with_its_service_and_sentence(capsys: Captured, tmp_path: Path) -> None:
    mappings = mappings_with(tmp_path, "notary_inquiry")
    path = min((mappings / "notary_inquiry" / "cases").glob("*.out.json"))
    path.write_text('{"untranslatable": "never so"}', encoding="utf-8")

    assert run_command(["test", "notary_inquiry", "--mappings", str(mappings)]) == Exit.FINDINGS
    told = capsys.readouterr().out
    assert path.name.removesuffix(".out.json") in told
    assert "never so" in told
