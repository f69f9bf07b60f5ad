"""Every command reads its settings first: what is wrong there is one sentence, and hints carry the file just given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops.cli.asking import DEFAULT_CONFIG, named
from ops.cli.exits import Exit
from ops.cli.main import run_command
from tests.support.installed import settings_with

Captured = pytest.CaptureFixture[str]

_SERVER = "postgresql://user@host/name"


def test_a_missing_settings_file_is_named_in_one_sentence_without_a_traceback(capsys: Captured, tmp_path: Path) -> None:
    path = tmp_path / "nowhere.toml"

    assert run_command(["exchanges", "list", "--config", str(path)]) == Exit.USAGE
    assert capsys.readouterr().err == f"{path}: there is no such file; name one with --config\n"


def test_the_settings_file_may_be_named_by_the_environment(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "panjereh.toml"
    path.write_text('nod = "one"\n', encoding="utf-8")
    monkeypatch.setenv("PANJEREH_CONFIG", str(path))

    assert run_command(["health"]) == Exit.USAGE
    assert f"{path}: nod: there is no such setting; is it misspelt? did you mean 'node'?" in capsys.readouterr().err


def test_a_faulty_variable_is_named_and_not_the_file(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = settings_with(tmp_path)
    monkeypatch.setenv("PANJEREH_HTTP__PORT", "many")

    assert run_command(["health", "--config", str(path)]) == Exit.USAGE
    assert capsys.readouterr().err.startswith("environment: PANJEREH_HTTP__PORT: http.port: ")


def test_every_hint_carries_the_settings_file_just_given(capsys: Captured, tmp_path: Path) -> None:
    path = settings_with(tmp_path)

    assert run_command(["health", "--config", str(path)]) == Exit.UNREACHABLE
    assert capsys.readouterr().err.endswith(f"start it with: panjereh run --config {path}\n")
    told = {"checks": ["stopped; run: panjereh check", {"command": "panjereh exchanges show 01"}], "count": 3}
    assert named(told, Path("a b.toml")) == {
        "checks": [
            "stopped; run: panjereh check --config 'a b.toml'",
            {"command": "panjereh exchanges show --config 'a b.toml' 01"},
        ],
        "count": 3,
    }
    assert named(told, DEFAULT_CONFIG) == told


@pytest.mark.parametrize("line", ['mappings = "none"', 'contracts = "none"'])
def test_a_daemon_without_its_folders_names_the_setting(capsys: Captured, tmp_path: Path, line: str) -> None:
    assert run_command(["run", "--config", str(settings_with(tmp_path, line))]) == Exit.USAGE
    assert capsys.readouterr().err == f"{line.split(maxsplit=1)[0]}: there is no folder {tmp_path / 'none'}\n"


def test_a_journal_in_a_missing_folder_names_its_setting_and_makes_nothing(capsys: Captured, tmp_path: Path) -> None:
    path = settings_with(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("/journal.db", "/gone/journal.db"), encoding="utf-8")

    assert run_command(["run", "--config", str(path)]) == Exit.USAGE
    assert f"database: there is no folder {tmp_path / 'gone'}" in capsys.readouterr().err
    assert not (tmp_path / "gone").exists()


def _with_database(tmp_path: Path, url: str) -> Path:
    path = settings_with(tmp_path)
    written = path.read_text(encoding="utf-8")
    path.write_text(re.sub("database = .*", f'database = "{url}"', written), encoding="utf-8")
    return path


@pytest.mark.parametrize("url", ["mysql://host/panjereh", "journal.db", "sqlite://", "postgresql://host:many/name"])
def test_a_database_of_another_kind_is_told_what_to_write(capsys: Captured, tmp_path: Path, url: str) -> None:
    path = _with_database(tmp_path, url)

    assert run_command(["run", "--config", str(path)]) == Exit.USAGE
    assert capsys.readouterr().err == f"{path}: database: write sqlite:///path/journal.db or {_SERVER}\n"


@pytest.mark.parametrize("command", [["run"], ["migrate", "--apply"], ["exchanges", "list"]])
def test_a_server_that_does_not_answer_is_one_sentence_without_who_may_enter(
    capsys: Captured, tmp_path: Path, command: list[str]
) -> None:
    path = _with_database(tmp_path, "postgresql://somebody:invented-secret@127.0.0.1:1/panjereh")

    assert run_command([*command, "--config", str(path)]) == Exit.UNREACHABLE
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("database: ")]
    assert sentence.startswith("database: postgresql://127.0.0.1/panjereh cannot be reached: ")
    assert "invented-secret" not in sentence
