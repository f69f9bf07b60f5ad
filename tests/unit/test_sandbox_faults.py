"""The sandbox's parts without sockets: fault scripts, ledgers, timelines, bills, and the README's table."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops.demo.installation import VILLAGE, VILLAGE_SERVICES
from ops.sandbox.bills import Item, issue
from ops.sandbox.desk import MonotoneClock
from ops.sandbox.faults import (
    FaultRule,
    FaultScript,
    FaultyScriptError,
    Mode,
    Place,
    check_places,
    load_rules,
    read_rules,
)
from ops.sandbox.identifiers import (
    MOST_PAYABLE_RIAL,
    bill_id,
    check_digit,
    is_bill_id,
    is_payment_id,
    jalali_year,
    payment_id,
)
from ops.sandbox.ledger import Ledger
from ops.sandbox.lives import (
    INQUIRY_HOUSES,
    INQUIRY_REPLIES,
    PERMIT_HOUSES,
    PERMIT_LIVES,
    TOLL_HOUSES,
    TOLL_LIVES,
    UNKNOWN_STATUS,
    VILLAGE_LIVES,
)
from ops.sandbox.page import MODES
from ops.sandbox.papers import one_page_pdf
from ops.sandbox.settings import SandboxSettings
from ops.sandbox.sheets import WORDS
from ops.sandbox.timeline import Step, Timeline

SANDBOX = Path(__file__).resolve().parents[2] / "ops" / "sandbox"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
BEAT = timedelta(seconds=1)


def strikes(rule: FaultRule, calls: int, operation: str = "PushStatus", now: float = 0.0) -> list[int]:
    script = FaultScript([rule], now=0.0)
    picked = [script.pick(operation, has_effect=True, tells_changes=False, now=now) for _ in range(calls)]
    return [number for number, found in enumerate(picked, start=1) if found is not None]


# Fault scripts


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"every": 2}, [2, 4, 6]),
        ({"nth": 3}, [3]),
        ({"times": 2}, [1, 2]),
        ({"every": 2, "times": 1}, [2]),
        ({"rate": 0.0}, []),
        ({"rate": 1.0}, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_rule_strikes_by_its_figures(figures: dict[str, Any], expected: list[int]) -> None:
    assert strikes(FaultRule(Mode.BUSY, **figures), 6) == expected


def test_every_fault_has_a_persian_name_on_the_page() -> None:
    assert set(MODES) == set(Mode)


def test_a_rate_strikes_about_its_share_and_the_same_calls_for_the_same_seed() -> None:
    first = strikes(FaultRule(Mode.BUSY, rate=0.1, seed=4), 5000)
    assert first == strikes(FaultRule(Mode.BUSY, rate=0.1, seed=4), 5000)
    assert first != strikes(FaultRule(Mode.BUSY, rate=0.1, seed=5), 5000)
    assert 400 < len(first) < 600


def test_a_rule_strikes_within_its_window_only() -> None:
    rule = FaultRule(Mode.BUSY, after_seconds=2.0, for_seconds=3.0)
    assert [bool(strikes(rule, 1, now=now)) for now in (0.0, 1.9, 2.0, 4.9, 5.0)] == [False, False, True, True, False]


@pytest.mark.parametrize(
    ("word", "has_effect", "expected"),
    [
        ("*", False, True),
        ("Ping", False, True),
        ("Pong", True, False),
        ("effects", True, True),
        ("effects", False, False),
    ],
)
def test_a_rule_names_an_operation_all_or_the_effects(word: str, *, has_effect: bool, expected: bool) -> None:
    script = FaultScript([FaultRule(Mode.BUSY, word)], now=0.0)
    assert (script.pick("Ping", has_effect=has_effect, tells_changes=False, now=0.0) is not None) is expected


def test_callback_faults_befall_only_what_tells_changes() -> None:
    script = FaultScript([FaultRule(Mode.DUPLICATE_CALLBACKS)], now=0.0)
    assert script.pick("Ping", has_effect=False, tells_changes=False, now=0.0) is None
    assert script.pick("GetChanges", has_effect=False, tells_changes=True, now=0.0) is not None


def test_the_first_rule_decides_and_the_second_counts_too() -> None:
    script = FaultScript([FaultRule(Mode.BUSY, times=1), FaultRule(Mode.HTML, nth=2)], now=0.0)
    picked = [script.pick("Ping", has_effect=False, tells_changes=False, now=0.0) for _ in range(3)]
    assert [rule and rule.mode for rule in picked] == [Mode.BUSY, Mode.HTML, None]
    assert [(told["met"], told["fired"], told["active"]) for told in script.told(0.0)] == [(3, 1, False), (3, 1, True)]


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("busy", 'a fault script is {"faults": [rule, …]} or a list of rules'),
        (["busy"], "rule 1: is not an object"),
        ([{"mode": "busy"}, {"mode": "bussy"}], "rule 2: 'bussy' is no mode"),
        ([{"mode": "busy", "tmies": 1}], "rule 1: 'tmies' is no key"),
        ([{"mode": "slow"}], "rule 1: slow: seconds: must be above 0"),
        ([{"mode": "down"}], "rule 1: down: seconds: must be above 0"),
        ([{"mode": "busy", "rate": 10}], "rule 1: busy: rate: must lie between 0 and 1, is 10"),
        ([{"mode": "busy", "nth": 0}], "rule 1: busy: every, nth: are counted from 1"),
        ([{"mode": "busy", "rate": "often"}], "rule 1: "),
    ],
)
def test_a_faulty_script_names_the_rule_and_the_key(script: Any, sentence: str) -> None:
    with pytest.raises(FaultyScriptError) as caught:
        read_rules(script)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (FaultRule(Mode.BUSY, stand_in="gatway"), "rule 1: 'gatway' is no stand-in here; here are gateway, revenue"),
        (FaultRule(Mode.BUSY, "Pong"), "rule 1: 'Pong' is no operation here; known are *, Ping, PushStatus, effects"),
        (FaultRule(Mode.BUSY, "Ping", stand_in="gateway"), "rule 1: 'Ping' is no operation here; known are *, Push"),
        (FaultRule(Mode.VIEW_MISSING), "rule 1: view_missing cannot befall *; there are busy"),
    ],
)
def test_a_rule_that_could_never_strike_is_refused(rule: FaultRule, sentence: str) -> None:
    modes = {Mode.BUSY}
    served = {"gateway": Place(["PushStatus"], modes), "revenue": Place(["Ping"], modes)}
    with pytest.raises(FaultyScriptError) as caught:
        check_places([rule], served)
    assert str(caught.value).startswith(sentence)
    check_places([FaultRule(Mode.BUSY), FaultRule(Mode.BUSY, "effects", stand_in="revenue")], served)


def test_a_script_is_the_same_in_json_and_in_toml(tmp_path: Path) -> None:
    by_json, by_toml = tmp_path / "script.json", tmp_path / "script.toml"
    by_json.write_text('{"faults": [{"mode": "slow", "seconds": 2.5, "rate": 0.1}]}', encoding="utf-8")
    by_toml.write_text('[[faults]]\nmode = "slow"\nseconds = 2.5\nrate = 0.1\n', encoding="utf-8")
    assert load_rules(by_json) == load_rules(by_toml) == (FaultRule(Mode.SLOW, seconds=2.5, rate=0.1),)


def test_a_rule_is_told_as_it_would_stand_in_a_script() -> None:
    rule = FaultRule(Mode.BUSY, "PushStatus", nth=2)
    assert rule.told() == {"mode": "busy", "operation": "PushStatus", "nth": 2}
    assert read_rules([rule.told()]) == (rule,)


@pytest.mark.parametrize("settings", [{"ports": {"gatway": 1}}, {"pace_seconds": -1}])
def test_wrong_settings_name_themselves(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        SandboxSettings(tmp_path, tmp_path, **settings)


# The ledger


def test_the_ledger_only_grows_and_is_taken_up_again(tmp_path: Path) -> None:
    path = tmp_path / "gateway.jsonl"
    first = Ledger(path, "gateway")
    first.enter("PushStatus", "r1", NOON, subject="e1", amount_rial=0)
    before = path.read_bytes()
    first.close()
    second = Ledger(path, "gateway")
    second.enter("PushStatus", "r1", NOON + BEAT)
    second.close()
    assert path.read_bytes().startswith(before)
    assert [(entry.seq, entry.at) for entry in second.entries] == [(1, NOON), (2, NOON + BEAT)]
    assert second.entries[0] == first.entries[0]
    assert second.find("r1") == first.entries[0]
    assert second.repeated == 1


def test_a_line_cut_off_by_a_crash_is_dropped_and_the_rest_kept(tmp_path: Path) -> None:
    path = tmp_path / "gateway.jsonl"
    ledger = Ledger(path, "gateway")
    ledger.enter("PushStatus", "r1", NOON)
    ledger.close()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"seq":2,"at":"2026-')
    again = Ledger(path, "gateway")
    again.close()
    assert [entry.seq for entry in again.entries] == [1]
    assert path.read_bytes() == whole


def test_a_period_is_paged_and_half_open(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "gateway.jsonl", "gateway")
    for number in range(5):
        ledger.enter("PushStatus", f"r{number}", NOON + number * BEAT)
    ledger.close()
    pages = [ledger.between(NOON + BEAT, NOON + 4 * BEAT, page=page, size=2) for page in (0, 1, 2, 3)]
    assert [[entry.reference for entry in page.entries] for page in pages] == [[], ["r1", "r2"], ["r3"], []]
    assert {page.pages for page in pages} == {2}
    assert ledger.between(NOON - BEAT, NOON, page=1, size=2).pages == 1


def test_the_clock_of_effects_never_runs_back() -> None:
    readings = iter([NOON, NOON - BEAT, NOON + BEAT])
    clock = MonotoneClock(lambda: next(readings))
    assert [clock() for _ in range(3)] == [NOON, NOON, NOON + BEAT]


# Timelines


def codes(timeline: Timeline, now: datetime) -> list[int | None]:
    timeline.release(now)
    found, _ = timeline.after(0, most=100)
    return [happening.step.code for happening in found]


def test_steps_happen_at_their_pace_and_wait_for_their_word() -> None:
    timeline = Timeline(BEAT)
    timeline.begin("a", (Step("status", 1), Step("bill", 2, waits_for="payment"), Step("status", 3)), at=NOON)
    assert codes(timeline, NOON) == []
    assert codes(timeline, NOON + 10 * BEAT) == [1, 2]
    assert not timeline.is_over("a")
    timeline.resume("a", "correction", at=NOON + 10 * BEAT)
    timeline.resume("a", "payment", at=NOON + 10 * BEAT)
    timeline.resume("a", "payment", at=NOON + 10 * BEAT)
    assert codes(timeline, NOON + 20 * BEAT) == [1, 2, 3]
    assert timeline.is_over("a")


def test_a_turned_life_forgets_what_was_ahead() -> None:
    timeline = Timeline(BEAT)
    timeline.begin("a", (Step("status", 1), Step("status", 2)), at=NOON)
    assert codes(timeline, NOON + BEAT) == [1]
    timeline.turn("a", (Step("status", 9),), at=NOON + BEAT)
    assert codes(timeline, NOON + 10 * BEAT) == [1, 9]
    sequences = [happening.sequence for happening in timeline.after(0, most=10)[0]]
    assert sequences == [1, 2]


def test_looking_late_tells_the_same_as_looking_often() -> None:
    def told(looks: list[int]) -> list[tuple[str, int, datetime]]:
        timeline = Timeline(BEAT)
        timeline.begin("b", PERMIT_LIVES["late_refusal"], at=NOON)
        timeline.begin("a", PERMIT_LIVES["late_refusal"], at=NOON + BEAT / 2)
        for seconds in looks:
            timeline.release(NOON + seconds * BEAT)
        found, _ = timeline.after(0, most=100)
        return [(happening.number, happening.sequence, happening.at) for happening in found]

    assert told([60]) == told(list(range(61)))
    assert len(told([60])) == 8


# Bills and papers


@pytest.mark.parametrize(
    ("bill", "payment", "is_right"),
    [
        ("7748317800142", "1770160", True),
        ("2050327604613", "1070189", True),
        ("9174639504124", "12908197", False),
        ("9699871879768", "0000000103329", True),
        ("1234567810164", "125040712", True),
    ],
)
def test_published_bills_are_judged_rightly(bill: str, payment: str, *, is_right: bool) -> None:
    assert is_bill_id(bill)
    assert is_payment_id(bill, payment) is is_right


def test_every_issued_bill_is_payable_and_unlike_every_other() -> None:
    fees = [Item(11, "عوارض", 2 * MOST_PAYABLE_RIAL + 1000), Item(12, "سهم", 9_000_000)]
    bills = [bill for case in range(100_001, 100_301) for bill in issue(fees, case=case, system=1, year=1405)]
    assert all(is_bill_id(bill.bill_id) and is_payment_id(bill.bill_id, bill.payment_id) for bill in bills)
    assert all(0 < bill.amount_rial <= MOST_PAYABLE_RIAL for bill in bills)
    assert sum(bill.amount_rial for bill in bills[:4]) == sum(item.amount_rial for item in fees)
    assert len({bill.ids for bill in bills}) == len({bill.bill_id for bill in bills}) == 1200


@pytest.mark.parametrize("amount_rial", [0, 1500, MOST_PAYABLE_RIAL + 1000])
def test_a_sum_that_no_payment_id_carries_is_refused(amount_rial: int) -> None:
    with pytest.raises(ValueError, match="cannot stand in one payment id"):
        payment_id(bill_id(1), amount_rial, year=1405)


def test_a_rest_of_zero_or_one_gives_the_check_digit_zero() -> None:
    assert [check_digit(digits) for digits in ("0", "6", "1")] == [0, 0, 9]


def test_the_jalali_year_begins_at_nowruz() -> None:
    days = [datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 3, 21, tzinfo=UTC)]
    assert [jalali_year(day) for day in days] == [1404, 1405]


def test_the_permit_is_a_pdf_whose_table_of_places_is_right() -> None:
    content = one_page_pdf("Permit (1)")
    assert content.startswith(b"%PDF-1.4\n")
    assert content.endswith(b"%%EOF\n")
    assert b"Permit \\(1\\)" in content
    start = int(re.search(rb"startxref\n(\d+)", content)[1])  # type: ignore[index]  # the end of every PDF has it
    places = re.findall(rb"(\d{10}) 00000 n", content[start:])
    assert all(content[int(place) :].startswith(b"%d 0 obj" % number) for number, place in enumerate(places, start=1))


# The table of magic numbers


def test_the_readme_names_every_magic_number_under_its_operation() -> None:
    readme = (SANDBOX / "README.md").read_text(encoding="utf-8")
    sections = {part.split(maxsplit=1)[0]: part for part in readme.split("### ")[1:]}
    tables: dict[str, set[int]] = {
        "RegisterRequest": set(PERMIT_HOUSES),
        "AskProperty": set(INQUIRY_HOUSES) | set(INQUIRY_REPLIES),
        "CreateAssessment": set(TOLL_HOUSES),
    }
    told = {name: set(map(int, re.findall(r"^\| House (\d+) ", sections[name], re.MULTILINE))) for name in tables}
    assert told == tables


def test_every_magic_life_is_written() -> None:
    assert {magic.life for magic in PERMIT_HOUSES.values()} <= set(PERMIT_LIVES)
    assert {magic.life for magic in TOLL_HOUSES.values()} <= set(TOLL_LIVES)


def test_every_status_told_has_a_meaning_in_the_shipped_tables_but_the_unknown_one() -> None:
    mappings = SANDBOX.parents[1] / "mappings"
    lives: dict[str, set[int | None]] = {
        "building_permit": {step.code for life in PERMIT_LIVES.values() for step in life if step.kind == "status"},
        "renovation_toll": {step.code for life in TOLL_LIVES.values() for step in life if step.kind == "status"},
        "notary_inquiry": {reply.code for reply in INQUIRY_REPLIES.values()},
    }
    for service, told in lives.items():
        rows = (mappings / service / "codes" / "status.csv").read_text(encoding="utf-8").splitlines()[1:]
        assert told - {int(row.split(",")[1]) for row in rows} <= {999}, service


@pytest.mark.parametrize("service", VILLAGE_SERVICES)
def test_every_word_of_the_village_has_a_meaning_in_its_tables_but_the_unknown_one(service: str) -> None:
    table = SANDBOX.parents[1] / "mappings" / "tenants" / VILLAGE / service / "codes" / "status.csv"
    known = {row["internal"] for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines())}

    assert set(WORDS.values()) - known == {WORDS[UNKNOWN_STATUS]}
    assert {step.code for life in VILLAGE_LIVES.values() for step in life} <= set(WORDS)


def test_every_mode_stands_in_the_readme() -> None:
    readme = (SANDBOX / "README.md").read_text(encoding="utf-8")

    assert [mode for mode in Mode if f"`{mode}`" not in readme] == []
