"""The demo as people run it, and that each of its promises can be seen broken."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from adapter.identifiers import mobile, national_id
from adapter.retry import Profile
from ops.demo import invented
from ops.demo.callers import Ack, read_acks
from ops.demo.count import Count, count
from ops.demo.effects import STAND_INS, Effect, read_effects
from ops.demo.messages import Forms, Meaning
from ops.demo.operators import Parked, Standing
from ops.demo.report import Result, print_profile
from ops.demo.requests import parts_of, requests_of
from ops.demo.scenes import Scene, fill, load_scenes, load_script
from ops.demo.stage import GATEWAY_CONTRACT

HOUSE = Path(__file__).resolve().parents[2]
PANJEREH = (sys.executable, "-c", "from ops.cli.main import main; main()")
SCENES, SCRIPT = load_scenes(), load_script()
COUNTED = ("accepted", "done", "refused", "parked", "planted", "in_doubt", "effects", "lost", "doubled", "seconds")


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PANJEREH_")}
    return {**kept, "PYTHONPATH": str(HOUSE), **more}


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(is_so: Callable[[], bool], seconds: float = 15.0) -> bool:
    limit = time.monotonic() + seconds
    while not is_so() and time.monotonic() < limit:
        time.sleep(0.05)
    return is_so()


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A short path: a Unix socket's may have 107 characters."""
    folder = Path(tempfile.mkdtemp(prefix="pd-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


# The demo as a whole


@pytest.mark.slow
def test_a_small_demo_keeps_every_promise_and_stays_when_told_to(temporary: Path) -> None:
    demo = subprocess.run(
        [*PANJEREH, "demo", "--json", "--keep", "--requests", "60"],
        env=environment(TMPDIR=str(temporary)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert demo.stdout, demo.stderr
    told = json.loads(demo.stdout)
    try:
        assert demo.returncode == 0, told["failings"]
        assert_counts_are_right(told)
        assert_ledgers_show_it(Path(told["running"]["folder"]))
        assert all(map(is_running, told["running"]["pids"]))
        assert_operators_see_what_was_planted(told)
    finally:
        for pid in told["running"]["pids"]:
            os.kill(pid, signal.SIGTERM)


def assert_counts_are_right(told) -> None:
    assert list(told)[: len(COUNTED)] == list(COUNTED)
    assert told["accepted"] == 60 == told["done"] + told["refused"] + told["parked"]
    assert (told["lost"], told["doubled"], told["in_doubt"], told["contradicted"], told["unasked"]) == (0, 0, 0, 0, 0)
    assert told["parked"] == told["planted"] == len(told["parked_why"]) == 2
    assert told["refused"] > 0
    assert told["repeated"] == 6
    assert told["confirmed_twice"] == SCRIPT.confirmed_twice
    assert told["killed"] == 1
    assert {"answer_lost", "reset_after"} <= set(told["faults"])
    assert told["seconds"] < 60
    assert told["reconciliation"]["findings"] == []
    assert len(told["reconciliation"]["ledgers"]) == len(STAND_INS)


def assert_ledgers_show_it(folder: Path) -> None:
    """What is told is what the files say, and a file that says otherwise is told otherwise."""
    acks, effects = read_acks(folder / "acks.jsonl"), read_effects(folder / "effects")
    assert count(acks, effects, SCENES).lost == 0
    requests = [ack for ack in acks if ack.is_request]
    assert {(ack.channel, ack.binding) for ack in requests} == {
        (channel, binding) for channel in SCRIPT.channels for binding in SCRIPT.bindings
    }
    assert {ack.scene for ack in requests} == set(SCENES)
    log = (folder / "daemon.log").read_text(encoding="utf-8")
    assert (log.count('"daemon_started"'), log.count('"daemon_stopped"')) == (2, 0)
    again = {**effects, "revenue": [*effects["revenue"], effects["revenue"][0]]}
    assert count(acks, again, SCENES).doubled == 1
    silent = {**effects, "gateway": [effect for effect in effects["gateway"] if effect.status_code != "160"]}
    assert count(acks, silent, SCENES).lost == sum(effect.status_code == "160" for effect in effects["gateway"])


def assert_operators_see_what_was_planted(told) -> None:
    command = [*PANJEREH, "exchanges", "list", "--state", "parked", "--json", "--config", told["running"]["settings"]]
    listed = json.loads(subprocess.run(command, env=environment(), capture_output=True, timeout=30, check=True).stdout)
    reasons = {one["tracking_code"]: one["reason"] for one in listed["exchanges"]}
    assert set(reasons) == {parked["tracking_code"] for parked in told["parked_why"]}
    assert sorted(reason.split(":")[0] for reason in reasons.values()) == [
        "mappings/building_permit/urban_core/status.csv",
        "mappings/notary_inquiry/urban_core/ask.csv",
    ]


def test_a_demo_told_to_end_leaves_no_process_and_no_folder(temporary: Path) -> None:
    demo = subprocess.Popen(
        [*PANJEREH, "demo", "--json", "--requests", "60"],
        env=environment(TMPDIR=str(temporary)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert until(lambda: bool(list(temporary.glob("*/acks.jsonl"))), 30)
        children = _children(demo.pid)
        assert len(children) == 2
        demo.terminate()
        assert demo.wait(20) == 143
        assert list(temporary.iterdir()) == []
        assert not any(map(is_running, children))
    finally:
        demo.kill()
        demo.wait()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_demo_of_too_few_requests_is_refused_in_a_sentence() -> None:
    command = [*PANJEREH, "demo", "--requests", "1"]
    demo = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=30, check=False)
    assert (demo.returncode, demo.stderr.strip()) == (2, "--requests: 10 to 5000")


# The count


def ack(number: int, scene: str = "case", code: str | None = None, **more: object) -> Ack:
    made = Ack(
        key=f"key-{number}",
        operation="SubmitRequest",
        channel="counter",
        binding="soap",
        subject=f"key-{number}",
        scene=scene,
        title="",
        is_planted=False,
        is_request=True,
        tracking_code=f"code-{number}",
        digest=f"digest-{number}",
        code=code,
        sendings=1,
        first_sent=100.0,
        acknowledged=100.0 + number,
    )
    return replace(made, **more)  # type: ignore[arg-type] # a test names what it changes


def effect(seq: int, stand_in: str, operation: str, number: int, **more: object) -> Effect:
    made = Effect(seq, 200.0 + seq, stand_in, operation, f"reference-{stand_in}-{seq}", tracking_code=f"code-{number}")
    return replace(made, **more)  # type: ignore[arg-type] # as above


ENDS = {"10": "done", "90": "refused"}
PLAIN: dict[str, Scene] = {"case": replace(SCENES["building_permit"], name="case", ends=ENDS)}
BILL = "117/48"
ACKS = [
    ack(1),
    ack(2),
    ack(3, code="10"),
    ack(4, is_planted=True),
    ack(5, key="key-1", subject="key-1", tracking_code="code-1", digest="digest-1"),
    ack(6, operation="ConfirmPayment", is_request=False, tracking_code="code-1", subject=BILL),
]
EFFECTS = {
    "gateway": [
        effect(1, "gateway", "PushStatus", 1, subject="event-1", status_code="5"),
        effect(2, "gateway", "PushStatus", 1, subject="event-2", status_code="10"),
        effect(3, "gateway", "PushStatus", 2, subject="event-3", status_code="90"),
        effect(4, "gateway", "PushStatus", 4, subject="event-4", status_code="5"),
    ],
    "urban_core": [
        effect(1, "urban_core", "RegisterRequest", 1),
        effect(2, "urban_core", "RegisterPayment", 1, tracking_code=None, case_no="1405-1", subject=BILL),
    ],
    "revenue": [],
}


def counted(acks: Sequence[Ack] = ACKS, **ledgers: Sequence[Effect]) -> Count:
    return count(acks, {**EFFECTS, **ledgers}, PLAIN)


def result(counted: Count, **more: object) -> Result:
    parked = [Parked("code-4", "case", "PushStatus", "a code that no table knows")]
    standing = Standing(parked=parked, in_doubt=0, ledgers=[], findings=[])
    made = Result(counted, standing, seconds=1.0, unacknowledged=0, killed=1, struck={})
    return replace(made, **more)  # type: ignore[arg-type] # as above


def test_a_run_in_which_nothing_went_wrong_fails_nowhere() -> None:
    plain = counted()
    assert (plain.accepted, plain.done, plain.refused, plain.parked, plain.planted) == (4, 2, 1, 1, 1)
    assert (plain.repeated, plain.payments) == (1, 1)
    assert result(plain).failings() == []


AGAIN = replace(EFFECTS["urban_core"][0], seq=9)
SAME_SUBJECT = replace(EFFECTS["gateway"][1], seq=9, reference="another")
PAID_AGAIN = replace(EFFECTS["urban_core"][1], seq=9, reference="another")
NOBODY_ASKED = effect(9, "revenue", "CreateAssessment", 99)


@pytest.mark.parametrize(
    ("name", "figure", "doctored"),
    [
        ("doubled", 1, {"urban_core": [*EFFECTS["urban_core"], AGAIN]}),
        ("doubled", 1, {"gateway": [*EFFECTS["gateway"], SAME_SUBJECT]}),
        ("doubled", 1, {"urban_core": [*EFFECTS["urban_core"], PAID_AGAIN]}),
        ("doubled", 1, {"gateway": [*EFFECTS["gateway"], effect(9, "gateway", "AnswerInquiry", 3, status_code="10")]}),
        ("lost", 1, {"gateway": EFFECTS["gateway"][:1] + EFFECTS["gateway"][2:]}),
        ("lost", 1, {"urban_core": EFFECTS["urban_core"][:1]}),
        ("unasked", 1, {"revenue": [NOBODY_ASKED]}),
        ("unasked", 1, {"acks": ACKS[1:4] + ACKS[5:]}),
        ("contradicted", 1, {"acks": [*ACKS[:4], replace(ACKS[4], digest="other"), ACKS[5]]}),
        ("contradicted", 1, {"acks": [*ACKS, replace(ACKS[5], key="key-7", digest="other")]}),
        ("confirmed_twice", 1, {"acks": [*ACKS, replace(ACKS[5], key="key-7")]}),
    ],
)
def test_a_doctored_ledger_is_counted_as_what_it_tells(name: str, figure: int, doctored) -> None:
    found = counted(**doctored)
    assert getattr(found, name) == figure
    if name != "confirmed_twice":
        assert result(found).failings() != []


def test_the_last_word_of_the_gateway_decides() -> None:
    last = effect(9, "gateway", "PushStatus", 1, subject="event-9", status_code="5")
    assert counted(gateway=[*EFFECTS["gateway"], last]).lost == 1


def test_a_planted_request_that_ends_is_not_parked() -> None:
    ended = effect(9, "gateway", "PushStatus", 4, subject="event-9", status_code="10")
    found = counted(gateway=[*EFFECTS["gateway"], ended])
    assert (found.parked, found.planted) == (0, 1)
    assert "parked is what was planted" in result(found).failings()


@pytest.mark.parametrize(
    ("broken", "failing"),
    [
        ({"standing": Standing([], 0, [], [])}, "the operators' list has what was planted"),
        ({"standing": Standing(result(counted()).standing.parked, 1, [], [])}, "in doubt is 0"),
        (
            {"standing": Standing(result(counted()).standing.parked, 0, [], [{"kind": "missing_here"}])},
            "the ledgers of all sides agree",
        ),
        (
            {"standing": Standing(result(counted()).standing.parked, 0, [{"ledger": "x", "unreachable": "away"}], [])},
            "the ledgers of all sides agree",
        ),
        ({"unacknowledged": 1}, "every request was acknowledged"),
        ({"killed": 0}, "the daemon was killed once"),
    ],
)
def test_each_promise_that_operators_see_broken_is_told(broken: dict[str, object], failing: str) -> None:
    assert result(counted(), **broken).failings() == [failing]


# The scenes


@pytest.mark.parametrize("width", [60, 80])
def test_the_profile_is_shown_whole_on_a_narrow_terminal(width: int) -> None:
    console = Console(width=width, record=True, file=io.StringIO())

    print_profile(console, Profile().scaled("fast", 0.01, longest=timedelta(seconds=2.5)))

    told = console.export_text()
    assert all(figures in told for figures in ("300 ms, 1.2 s…", "30 s, 2 min…", "100 ms", "10 s"))
    assert told.count("…") == 2 * 2, "two schedules go on, and nothing else is cut short"


def test_every_scene_is_a_shipped_service_and_its_ends_are_codes_of_that_service() -> None:
    for name, scene in SCENES.items():
        folder = HOUSE / "mappings" / name
        service = tomllib.loads((folder / "service.toml").read_text(encoding="utf-8"))
        assert scene.record["service_id"] == service["service_id"]
        books = [(folder / f"codes/{book}.csv").read_text(encoding="utf-8") for book in ("status", "refusal")]
        known = {row["gateway"] for book in books for row in csv.DictReader(book.splitlines())}
        assert set(scene.ends) <= known
        assert set(scene.ends.values()) == {"done", "refused"}


def test_the_requests_are_as_many_as_asked_for_and_the_same_for_the_same_seed() -> None:
    requests = requests_of(SCENES, SCRIPT, count=300, seed=1)
    assert requests == requests_of(SCENES, SCRIPT, count=300, seed=1)
    assert [one.title for one in requests] != [one.title for one in requests_of(SCENES, SCRIPT, count=300, seed=2)]
    assert len(requests) == len({one.key for one in requests}) == 300
    assert sum(one.is_repeated for one in requests) == 30
    assert sum(one.is_planted for one in requests) == sum(len(scene.planted) for scene in SCENES.values()) == 2
    sizes = Counter(one.scene for one in requests)
    assert set(sizes) == set(SCENES)
    assert min(sizes.values()) > 30


def test_invented_people_pass_every_check_and_differ() -> None:
    numbers = [invented.national_id(number) for number in range(1, 700)]
    assert [national_id(number) for number in numbers] == numbers
    assert len(set(numbers)) == len(numbers)
    assert all(number.startswith("000") for number in numbers)
    assert mobile(invented.mobile(7)) == "09000000007"


def test_a_template_s_lone_name_becomes_the_value_itself() -> None:
    values = {"amount": 7, "channel": {"code": "counter"}, "code": "12"}
    assert fill({"a": ["{amount}", "n {code}"], "b": "{channel}", "c": 3}, values) == {
        "a": [7, "n 12"],
        "b": {"code": "counter"},
        "c": 3,
    }


def test_parts_add_up_to_the_whole() -> None:
    assert parts_of(10, {"a": 1, "b": 1, "c": 1}) == {"a": 4, "b": 3, "c": 3}
    assert sum(parts_of(298, {scene.name: scene.share for scene in SCENES.values()}).values()) == 298


# The messages


@pytest.mark.parametrize("binding", ["rest", "soap"])
def test_a_busy_door_is_asked_again_and_a_refusal_is_not(binding: str) -> None:
    forms = Forms(GATEWAY_CONTRACT)
    assert forms.read(binding, 502, b"<html>") == forms.read(binding, 200, b"")
    assert forms.read(binding, 200, b"").meaning is Meaning.AGAIN
    busy, refused = (_problem(binding, code) for code in ("too-busy", "already-filed"))
    assert forms.read(binding, 503 if binding == "rest" else 500, busy).meaning is Meaning.AGAIN
    told = forms.read(binding, 409 if binding == "rest" else 500, refused)
    assert (told.meaning, told.problem) == (Meaning.REFUSED, "already-filed")


def _problem(binding: str, code: str) -> bytes:
    if binding == "rest":
        return json.dumps({"code": code}).encode()
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>e:Client</faultcode>'
        '<faultstring>x</faultstring><detail><Problem xmlns="urn:panjereh:window:1.0">'
        f"<code>{code}</code></Problem></detail></e:Fault></e:Body></e:Envelope>"
    ).encode()
