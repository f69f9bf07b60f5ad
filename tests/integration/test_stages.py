"""A service's stage: a draft is only checked, one in shadow is taken in and compared and never sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import NotFound
from adapter.exchange import Operation, State
from adapter.refusals import UnknownService
from adapter.service import ServiceStage
from ops.cli.exits import Exit
from tests.support.lives import LOST
from tests.support.own_mappings import COUNTER, Owned, owned
from tests.support.records import permit, question

pytest_plugins = ["tests.support.fixtures"]

PERMIT, NOTARY = "building_permit", "notary_inquiry"
CORE = "urban_core/1.0"
MATCH = ["House", "Block"]


@pytest.fixture
async def town(tmp_path: Path, logs: object) -> AsyncIterator[Owned]:
    async with owned(tmp_path, services=[PERMIT, NOTARY]) as town:
        yield town


async def put(town: Owned, service: str, stage: str) -> None:
    path = town.mappings / service / "service.toml"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("stage =")]
    path.write_text("\n".join([f'stage = "{stage}"', *lines]) + "\n", encoding="utf-8")
    told = await town.do("tables.reload", apply=True, reason=f"{service} goes into {stage}")
    assert told["is_changed"], told["faults"]


def old_way(town: Owned, **changes: Any) -> dict[str, Any]:
    """What was really sent for a permit while it was live, as the old way might have."""
    core = town.sides[CORE]
    return {**core.sent_as("RegisterRequest")[0].says(core), **changes}


async def test_a_service_is_live_unless_it_says_otherwise(town: Owned) -> None:
    assert town.house.services[PERMIT].stage is ServiceStage.LIVE


async def test_a_draft_is_as_unknown_at_the_door_as_a_service_that_never_was(town: Owned) -> None:
    await put(town, PERMIT, "draft")

    with pytest.raises(UnknownService):
        await town.submit(permit())
    assert await town.exchanges() == []


async def test_the_faults_of_a_draft_stop_nobody_else(town: Owned) -> None:
    await put(town, PERMIT, "draft")
    town.edit(f"{PERMIT}/urban_core/submit.csv", ",national_id,", ",national_ed,")

    told = await town.do("tables.reload", apply=True, reason="half done")

    assert (told["is_changed"], told["faults"]) == (True, [])
    with pytest.raises(UnknownService):
        await town.submit(permit())


async def test_in_shadow_a_request_is_taken_in_and_translated_and_not_sent(town: Owned) -> None:
    await put(town, PERMIT, "shadow")

    answer = await town.submit(permit())
    await town.deliver_due()

    (exchange,) = await town.exchanges()
    assert answer["state"] == "accepted"
    assert (exchange.state, exchange.code, exchange.attempts) == (State.WITHDRAWN, "shadow", 0)
    assert not exchange.may_have_effect
    assert town.sides[CORE].sent == []


async def test_in_shadow_what_can_not_be_translated_is_parked_as_it_would_be_live(town: Owned) -> None:
    await put(town, PERMIT, "shadow")

    await town.submit(permit(request_kind="a_kind_of_tomorrow"))
    await town.deliver_due()

    (exchange,) = await town.exchanges()
    assert (exchange.state, exchange.code) == (State.PARKED, "untranslatable")


async def test_in_shadow_a_question_is_answered_later_and_nobody_is_asked(town: Owned) -> None:
    await put(town, NOTARY, "shadow")

    answer = await town.submit(question(), Operation.INQUIRE)
    await town.deliver_due()

    (exchange,) = await town.exchanges()
    assert answer["answered"] is False
    assert (exchange.state, exchange.code) == (State.WITHDRAWN, "shadow")
    assert town.sides[CORE].sent == []


async def test_what_was_sent_before_its_service_went_into_shadow_waits_and_is_not_sent_again(town: Owned) -> None:
    town.sides[CORE].say(LOST)
    await town.submit(permit())
    await town.deliver_due()
    await put(town, PERMIT, "shadow")

    for _ in range(3):
        town.clock.advance(600)
        await town.house.followup.ask_unsettled()
        claims = await town.house.journal.claim_ready(64, frozenset())
        for claim in claims:
            await town.house.delivery.deliver(claim)

    (exchange,) = await town.exchanges()
    assert exchange.state is State.READY
    assert len(town.sides[CORE].sent) == 1
    await put(town, PERMIT, "live")
    town.clock.advance(3600)
    await town.deliver_due()
    assert len(town.sides[CORE].sent) == 2


async def test_what_the_old_way_sent_is_compared_by_place_and_never_by_value(town: Owned) -> None:
    await town.submit(permit())
    await town.deliver_due()
    same, other = old_way(town), old_way(town, RequestKind="9", Hint="of the old way")
    await put(town, PERMIT, "shadow")
    await town.submit(permit(49), caller=COUNTER)
    await town.submit(permit(50), caller=COUNTER)
    await town.deliver_due()
    theirs = [
        {"name": "a.json", "content": {**same, "House": 49}},
        {"name": "b.json", "content": {**other, "House": 50}},
        {"name": "c.json", "content": {**same, "House": 51}},
        {"name": "d.json", "content": {"RequestKind": "1"}},
    ]

    told = await town.do("shadow.compare", service=PERMIT, payloads=theirs, match=MATCH)

    first, second, third, fourth = told["payloads"]
    assert (told["compared"], told["equal"]) == (2, 1)
    assert first["differences"] == []
    assert second["differences"] == [
        {"place": "Hint", "kind": "only in theirs"},
        {"place": "RequestKind", "kind": "differs"},
    ]
    assert (third["id"], third["note"]) == (None, "none of ours matches")
    assert fourth["note"] == "it has nothing at House, Block"
    assert told["without_theirs"] == []


async def test_the_command_line_compares_a_folder_of_what_the_old_way_sent(
    town: Owned, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await town.submit(permit())
    await town.deliver_due()
    same, message = old_way(town), town.sides[CORE].sent_as("RegisterRequest")[0].frozen.decode()
    await put(town, PERMIT, "shadow")
    for house in (49, 50):
        await town.submit(permit(house))
    await town.deliver_due()
    sent = tmp_path / "sent"
    sent.mkdir()
    (sent / "a.xml").write_text(message.replace(f"House>{same['House']}<", "House>49<"), encoding="utf-8")
    line = ("shadow", "compare", PERMIT, str(sent), "--match", "House", "--match", "Block")

    whole = await town.command(*line)
    alike = capsys.readouterr()
    payloads = [{**same, "House": 49}, {**same, "House": 50, "RequestKind": "9"}, {**same, "House": 51}]
    (sent / "b.json").write_text(json.dumps(payloads), encoding="utf-8")
    found = await town.command(*line)
    told = capsys.readouterr()
    ignored = await town.command(*line, "--ignore", "RequestKind", "--json")
    answer = json.loads(capsys.readouterr().out)
    (sent / "b.json").write_text("[{", encoding="utf-8")
    broken = await town.command(*line)

    assert (whole, found, ignored, broken) == (Exit.OK, Exit.FINDINGS, Exit.FINDINGS, Exit.USAGE)
    assert "1 of 1 are equal; 1 of ours stand in nothing that was given" in alike.err
    assert "2 of 4 are equal; 0 of ours stand in nothing that was given" in told.err
    rows = [row.split("  ") for row in told.out.splitlines()]
    assert [[cell.strip() for cell in row if cell.strip()][-2:] for row in rows[1:]] == [
        ["RequestKind", "differs"],
        ["b.json[3]", "none of ours matches"],
    ]
    assert (answer["equal"], answer["without_theirs"]) == (3, [])
    assert "b.json:1: not readable as JSON" in capsys.readouterr().err


async def test_what_stands_under_another_case_is_compared_with_its_parents_number(town: Owned) -> None:
    parent = (await town.submit(permit()))["tracking_code"]
    await town.deliver_due()
    same, number = old_way(town), (await town.do("cases.show", tracking_code=parent))["case"]["internal_reference"]
    path = town.mappings / PERMIT / "urban_core" / "submit.csv"
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    rows = sorted([*rows, "ParentCaseNo,parent.internal_reference,text,,,yes,"], key=str.casefold)
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    await put(town, PERMIT, "shadow")
    await town.submit(permit(49, parent_case=parent))
    await town.deliver_due()

    theirs = [{"name": "a.json", "content": {**same, "House": 49, "ParentCaseNo": number}}]
    told = await town.do("shadow.compare", service=PERMIT, payloads=theirs, match=MATCH)

    assert number
    assert (told["compared"], told["equal"]) == (1, 1)


async def test_nothing_in_shadow_is_told_with_what_to_do(town: Owned) -> None:
    with pytest.raises(NotFound, match=r'set stage = "shadow" in its service\.toml'):
        await town.do("shadow.compare", service=PERMIT, payloads=[], match=MATCH)
