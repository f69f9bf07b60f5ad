"""The command itself: what it prints, where, and with which exit code; no installation is needed for any of this."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from adapter.errors import (
    DaemonUnreachable,
    FaultySettings,
    FaultyTables,
    GatewayUnreachable,
    IllegalTransition,
    JournalFailed,
    JournalLocked,
    NotFound,
    PanjerehError,
    Refused,
    WrongEnvironment,
)
from ops.cli.asking import DEFAULT_CONFIG, named
from ops.cli.exits import Exit, exit_of
from ops.cli.lives import print_exchanges
from ops.cli.main import run_command
from ops.cli.printing import clean, moment, print_table, shown
from ops.demo.installation import install
from tests.support.records import ROOT

Captured = pytest.CaptureFixture[str]

_NOBODY = dict.fromkeys(("gateway", "urban_core", "revenue"), "http://127.0.0.1:9")
_COMMAND = [sys.executable, "-c", "from ops.cli.main import main; main()"]


AT_ONCE = 4.0
"""Times the library for commands alone: help takes two and a half, with the engine loaded it would take ten."""


def test_help_comes_at_once_and_loads_no_part_of_the_engine() -> None:
    """What the library for commands costs alone, in the same process, is the measure: a busy machine slows both."""
    program = (
        "import sys, time; began = time.process_time(); import cyclopts; library = time.process_time() - began;"
        "from ops.cli.main import run_command; run_command(['--help']);"
        "print((time.process_time() - began) / library, [name for name in ('sqlalchemy', 'lxml', 'httpx', 'starlette',"
        " 'pydantic') if name in sys.modules], file=sys.stderr)"
    )
    runs = [subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in "123"]

    assert min(float(run.stderr.split()[0]) for run in runs) < AT_ONCE
    assert all(run.stderr.split(maxsplit=1)[1] == "[]\n" for run in runs)
    assert all(name in runs[0].stdout for name in ("demo", "sandbox", "run", "check", "exchanges", "reconcile"))


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "run",
        "sandbox",
        "check",
        "contract",
        "service",
        "test",
        "exchanges",
        "cases",
        "endpoints",
        "reconcile",
        "journal",
        "migrate",
        "health",
        "codes",
        "tables",
        "tables promote",
        "shadow",
    ],
)
def test_every_command_tells_its_help(command: str, capsys: Captured) -> None:
    assert run_command([*command.split(), "--help"]) == Exit.OK
    assert f"Usage: panjereh {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "tokens",
    [
        ["exchanges", "lst"],
        ["exchanges", "list", "--state", "lost"],
        ["exchanges", "list", "--limit", "many"],
        ["exchanges", "resolve", "01", "--as", "sent"],
        ["cases", "show"],
    ],
)
def test_a_command_said_wrongly_ends_with_2_and_says_why_on_stderr(tokens: list[str], capsys: Captured) -> None:
    assert run_command(tokens) == Exit.USAGE

    told = capsys.readouterr()
    assert told.out == ""
    assert "Error" in told.err


def test_an_unknown_command_gets_the_near_name(capsys: Captured) -> None:
    assert run_command(["exchange"]) == Exit.USAGE
    assert capsys.readouterr().err == "panjereh: 'exchange' is not a command; did you mean 'exchanges'?\n"


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


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("x"), 2),
        (NotFound("x"), 2),
        (IllegalTransition("x"), 2),
        (FaultySettings(["x"]), 2),
        (WrongEnvironment("x"), 2),
        (DaemonUnreachable("x"), 3),
        (GatewayUnreachable("x"), 3),
        (JournalLocked("x"), 3),
        (FaultyTables(["x"]), 1),
        (JournalFailed("x"), 1),
    ],
)
def test_the_exit_code_tells_whether_to_say_it_otherwise_or_to_come_back_later(error: PanjerehError, code: int) -> None:
    assert exit_of(error) == code


def test_an_interrupted_command_ends_with_130_and_without_a_traceback(tmp_path: Path) -> None:
    installation = install(tmp_path, _NOBODY, services=["renovation_toll"], scale=1.0, port=0)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "admin.sock"))
        silent.listen()
        silent.settimeout(20)
        command = [*_COMMAND, "health", "--config", str(installation.settings)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            connection, _ = silent.accept()
            while not connection.recv(100):  # the first one only looks whether anybody listens
                connection.close()
                connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                _, told = process.communicate(timeout=20)

    assert (process.returncode, told) == (Exit.INTERRUPTED, "")


def test_check_is_green_on_the_shipped_folders(capsys: Captured) -> None:
    assert run_command(["check"]) == Exit.OK

    told = capsys.readouterr()
    assert told.out == ""
    contracts = len(list((ROOT / "contracts").glob("*/*/contract.toml")))
    assert told.err == f"{contracts} contracts, {len(_shipped_services())} services are sound; 0 faults\n"


def test_check_as_json_is_one_object_with_its_format(capsys: Captured) -> None:
    assert run_command(["check", "--json"]) == Exit.OK

    told = json.loads(capsys.readouterr().out)
    assert told["format"] == 1
    assert told["faults"] == []
    assert told["services"] == _shipped_services()


def _shipped_services() -> list[str]:
    mappings = ROOT / "mappings"
    shared = sorted(path.parent.name for path in mappings.glob("*/service.toml"))
    own = mappings / "tenants"
    return [*shared, *sorted(str(path.parent.relative_to(own)) for path in own.glob("*/*/service.toml"))]


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
    for folder in ("contracts", "mappings"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for name, change, _ in _FAULTS:
        path = tmp_path / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    folders = ["--contracts", str(tmp_path / "contracts"), "--mappings", str(tmp_path / "mappings")]

    assert run_command(["check", *folders]) == Exit.FINDINGS

    told = capsys.readouterr().out.splitlines()
    for name, _, word in _FAULTS:
        assert any(line.startswith(name) and word in line for line in told), (name, word, told)
    assert str(tmp_path) not in "".join(told)


def _installed(tmp_path: Path, *lines: str) -> Path:
    """The settings of an installation that nobody runs, with these lines before all others."""
    path = install(tmp_path, _NOBODY, services=["renovation_toll"], scale=1.0, port=0).settings
    path.write_text("\n".join([*lines, path.read_text(encoding="utf-8")]), encoding="utf-8")
    return path


@pytest.mark.parametrize("way", ["option", "variable"])
def test_check_of_settings_reads_the_folders_that_they_name(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    shutil.copytree(ROOT / "mappings", tmp_path / "tables")
    (tmp_path / "tables" / "renovation_toll" / "card.toml").unlink()
    path = _installed(tmp_path, 'mappings = "tables"')
    monkeypatch.setenv("PANJEREH_CONFIG", str(path) if way == "variable" else "")
    if way == "option":
        monkeypatch.delenv("PANJEREH_CONFIG")
    options = ["--config", str(path)] if way == "option" else []

    assert run_command(["check", *options]) == Exit.FINDINGS
    assert "tables/renovation_toll/card.toml" in capsys.readouterr().out
    assert run_command(["test", *options]) == Exit.FINDINGS
    assert run_command(["check", *options, "--mappings", str(ROOT / "mappings")]) == Exit.OK


def test_check_of_settings_tells_all_that_would_stop_a_start_at_once(capsys: Captured, tmp_path: Path) -> None:
    path = _installed(tmp_path)
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
    path = _installed(tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('channel = "counter"', 'channel = "conter"'), encoding="utf-8")

    assert run_command(["check", "--config", str(path)]) == Exit.FINDINGS
    assert "channel: 'conter': no service of sample-city has it on its card; did you mean" in capsys.readouterr().out


def test_a_missing_folder_of_services_is_a_command_said_wrongly(capsys: Captured, tmp_path: Path) -> None:
    assert run_command(["check", "--mappings", str(tmp_path / "none")]) == Exit.USAGE
    assert "there is no such folder of services" in capsys.readouterr().err


@pytest.mark.parametrize("line", ['mappings = "none"', 'contracts = "none"'])
def test_a_daemon_without_its_folders_names_the_setting(capsys: Captured, tmp_path: Path, line: str) -> None:
    assert run_command(["run", "--config", str(_installed(tmp_path, line))]) == Exit.USAGE
    assert capsys.readouterr().err == f"{line.split(maxsplit=1)[0]}: there is no folder {tmp_path / 'none'}\n"


def test_every_hint_carries_the_settings_file_just_given(capsys: Captured, tmp_path: Path) -> None:
    path = _installed(tmp_path)

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


def test_a_faulty_variable_is_named_and_not_the_file(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = _installed(tmp_path)
    monkeypatch.setenv("PANJEREH_HTTP__PORT", "many")

    assert run_command(["health", "--config", str(path)]) == Exit.USAGE
    assert capsys.readouterr().err.startswith("environment: PANJEREH_HTTP__PORT: http.port: ")


def test_a_journal_in_a_missing_folder_names_its_setting_and_makes_nothing(capsys: Captured, tmp_path: Path) -> None:
    path = _installed(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("/journal.db", "/gone/journal.db"), encoding="utf-8")

    assert run_command(["run", "--config", str(path)]) == Exit.USAGE
    assert f"database: there is no folder {tmp_path / 'gone'}" in capsys.readouterr().err
    assert not (tmp_path / "gone").exists()


def _with_database(tmp_path: Path, url: str) -> Path:
    path = _installed(tmp_path)
    written = path.read_text(encoding="utf-8")
    path.write_text(re.sub("database = .*", f'database = "{url}"', written), encoding="utf-8")
    return path


@pytest.mark.parametrize("url", ["mysql://host/panjereh", "journal.db", "sqlite://", "postgresql://host:many/name"])
def test_a_database_of_another_kind_is_told_what_to_write(capsys: Captured, tmp_path: Path, url: str) -> None:
    path = _with_database(tmp_path, url)

    assert run_command(["run", "--config", str(path)]) == Exit.USAGE
    assert capsys.readouterr().err == f"{path}: database: write sqlite:///path/journal.db or {_SERVER}\n"


_SERVER = "postgresql://user@host/name"


@pytest.mark.parametrize("command", [["run"], ["migrate", "--apply"], ["exchanges", "list"]])
def test_a_server_that_does_not_answer_is_one_sentence_without_who_may_enter(
    capsys: Captured, tmp_path: Path, command: list[str]
) -> None:
    path = _with_database(tmp_path, "postgresql://somebody:invented-secret@127.0.0.1:1/panjereh")

    assert run_command([*command, "--config", str(path)]) == Exit.UNREACHABLE
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("database: ")]
    assert sentence.startswith("database: postgresql://127.0.0.1/panjereh cannot be reached: ")
    assert "invented-secret" not in sentence


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


def test_check_of_one_service_tells_the_faults_of_that_one_only(capsys: Captured, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "mappings", tmp_path / "mappings")
    for name in ("notary_inquiry", "renovation_toll"):
        (tmp_path / "mappings" / name / "card.toml").unlink()

    assert run_command(["check", "renovation_toll", "--mappings", str(tmp_path / "mappings")]) == Exit.FINDINGS
    told = capsys.readouterr().out
    assert "mappings/renovation_toll/card.toml" in told
    assert "notary_inquiry" not in told


def test_a_service_that_does_not_exist_gets_the_near_name(capsys: Captured) -> None:
    assert run_command(["check", "building_permits"]) == Exit.USAGE
    assert "did you mean 'building_permit'?" in capsys.readouterr().err


def test_the_cases_of_the_shipped_services_pass(capsys: Captured) -> None:
    assert run_command(["test"]) == Exit.OK
    assert "cases passed" in capsys.readouterr().err


def test_a_case_that_fails_is_told_with_its_service_and_sentence(capsys: Captured, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "mappings", tmp_path / "mappings")
    path = min((tmp_path / "mappings" / "notary_inquiry" / "cases").glob("*.out.json"))
    path.write_text('{"untranslatable": "never so"}', encoding="utf-8")

    assert run_command(["test", "notary_inquiry", "--mappings", str(tmp_path / "mappings")]) == Exit.FINDINGS
    told = capsys.readouterr().out
    assert path.name.removesuffix(".out.json") in told
    assert "never so" in told


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
