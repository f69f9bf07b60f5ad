"""The same tests for every contract whose system tells its changes by itself, whatever its own binding is.

    class TestWebhook(WebhookSuite):
        "The suite, over the webhook of a contract."

A test module gives a fixture `ear`, as it does a `side` to the suite of connectors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from adapter.contract.sifting import UNREADABLE
from adapter.exchange import Change
from adapter.refusals import MessageReused, NotSigned, OutOfTime, RequestRefused, StillInFlight
from tests.suites import PERSIAN
from tests.support.telling import Ear, Told

OTHER = b"another invented secret, rotated"


async def refusal(ear: Ear, told: Told) -> RequestRefused:
    """Why a message was not taken."""
    with pytest.raises(RequestRefused) as refused:
        await ear.hear(told)
    assert not ear.taken
    return refused.value


class WebhookSuite:
    """Tests of a webhook. The fixture `ear` hears one contract and has heard nothing yet."""

    # Who is believed

    async def test_a_signed_message_is_taken_and_told_how_much_of_it(self, ear: Ear) -> None:
        assert await ear.hear(ear.message(ear.row(1), ear.row(2))) == {"told": 2, "taken": 2}
        ((first, second),) = ear.taken
        told = (first.event_id, first.kind, first.reference, first.sequence)
        assert told == (f"{ear.reference}-1", "status", ear.reference, 1)
        assert second.changed_at == datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

    async def test_while_a_secret_is_rotated_both_are_believed(self, ear: Ear) -> None:
        ear.secrets = (*ear.secrets, OTHER)
        ear.restart()
        for name, secret in zip(("msg-1", "msg-2"), ear.secrets, strict=True):
            await ear.hear(ear.message(ear.row(1), name=name, secret=secret))
        assert len(ear.taken) == 2

    @pytest.mark.parametrize("forged", ["secret", "body", "id", "timestamp", "signature", "nothing"])
    async def test_what_was_not_signed_with_our_secret_is_refused(self, ear: Ear, forged: str) -> None:
        told = ear.message(ear.row(1), **({"secret": OTHER} if forged == "secret" else {}))
        headers = dict(told.headers)
        if forged in {"id", "timestamp", "signature"}:
            headers[f"webhook-{forged}"] = {"id": "msg-2", "timestamp": "1", "signature": "v1,AAAA"}[forged]
        told = Told({} if forged == "nothing" else headers, told.body + (b" " if forged == "body" else b""))
        assert isinstance(await refusal(ear, told), NotSigned)

    async def test_one_of_several_signatures_is_enough(self, ear: Ear) -> None:
        told = ear.message(ear.row(1))
        several = f"v1,AAAA v2,{told.headers['webhook-signature'][3:]} {told.headers['webhook-signature']}"
        await ear.hear(replace(told, headers={**told.headers, "webhook-signature": several}))
        assert ear.taken

    @pytest.mark.parametrize("seconds", [300, -60])
    async def test_a_message_is_believed_for_five_minutes_and_from_a_minute_ahead(self, ear: Ear, seconds: int) -> None:
        await ear.hear(ear.message(ear.row(1), ago=timedelta(seconds=seconds)))
        assert ear.taken

    @pytest.mark.parametrize("seconds", [301, -61])
    async def test_before_and_after_that_it_is_not(self, ear: Ear, seconds: int) -> None:
        told = ear.message(ear.row(1), ago=timedelta(seconds=seconds))
        assert isinstance(await refusal(ear, told), OutOfTime)

    # and once

    async def test_the_same_message_again_gets_the_same_answer_and_is_not_taken_again(self, ear: Ear) -> None:
        first = await ear.hear(ear.message(ear.row(1)))
        ear.clock.advance(10)
        again = await ear.hear(ear.message(ear.row(1)))
        assert (again, len(ear.taken)) == (first, 1)

    async def test_after_a_crash_it_is_taken_again_as_the_events_that_it_was(self, ear: Ear) -> None:
        await ear.hear(ear.message(ear.row(1), ear.row(2)))
        ear.restart()
        await ear.hear(ear.message(ear.row(1), ear.row(2)))
        first, again = ear.taken
        assert [one.event_id for one in first] == [one.event_id for one in again], "the journal knows each by its id"

    async def test_an_id_that_was_used_for_something_else_is_refused_until_the_window_is_over(self, ear: Ear) -> None:
        await ear.hear(ear.message(ear.row(1)))
        ear.taken.clear()
        assert isinstance(await refusal(ear, ear.message(ear.row(2))), MessageReused)
        ear.clock.advance(361)
        await ear.hear(ear.message(ear.row(2)))
        assert len(ear.taken) == 1

    async def test_a_message_that_could_not_be_kept_may_come_again(self, ear: Ear) -> None:
        ear.fails = RuntimeError("the disk is full")
        with pytest.raises(RuntimeError):
            await ear.hear(ear.message(ear.row(1)))
        ear.fails = None
        await ear.hear(ear.message(ear.row(1)))
        assert len(ear.taken) == 1

    async def test_the_same_message_twice_at_once_is_taken_once(self, ear: Ear) -> None:
        told, release = ear.message(ear.row(1)), asyncio.Event()

        async def slowly(changes: Sequence[Change]) -> None:
            await release.wait()
            ear.taken.append(list(changes))

        first = asyncio.create_task(ear.webhook.receive(told.headers, told.body, slowly))
        await asyncio.sleep(0)
        with pytest.raises(StillInFlight):
            await ear.hear(told)
        release.set()
        assert await first == {"told": 1, "taken": 1}
        assert len(ear.taken) == 1

    # What is read of it

    async def test_every_letter_of_an_event_arrives_as_it_was_told(self, ear: Ear) -> None:
        await ear.hear(ear.message(ear.row(1, note=PERSIAN)))
        assert ear.taken[0][0].record["note"] == PERSIAN

    async def test_many_changes_come_in_the_order_in_which_they_were_told(self, ear: Ear) -> None:
        for number in range(3):
            rows = [ear.row(place) for place in range(100 * number, 100 * number + 100)]
            await ear.hear(ear.message(*rows, name=f"msg-{number}"))
        assert [one.sequence for changes in ear.taken for one in changes] == list(range(300))

    async def test_a_row_that_breaks_the_contract_parks_alone_and_is_named(self, ear: Ear) -> None:
        nameless = {name: value for name, value in ear.row(3).items() if name != ear.said.event}
        rows = [ear.row(1), ear.row(2, sequence="two"), nameless, ear.row(4)]
        with capture_logs() as logs:
            assert await ear.hear(ear.message(*rows)) == {"told": 4, "taken": 3}
        assert [one.kind for one in ear.taken[0]] == ["status", UNREADABLE, "status"]
        named = [(one["row"], one["places"][0].partition(":")[0]) for one in logs if one["event"] == "row_unreadable"]
        places = [f"{ear.said.items}[1].{ear.said.sequence}", f"{ear.said.items}[2].{ear.said.event}"]
        assert named == list(zip((f"{ear.reference}-2", "None"), places, strict=True))

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"changes": {}}', b"{}", b'{"changes": [], "more": 1.5}'])
    async def test_a_message_that_is_none_of_the_contract_is_refused_as_such(self, ear: Ear, body: bytes) -> None:
        refused = await refusal(ear, ear.message(body=body))
        assert refused.context["status"] == 422
