"""The citizens: they see what the gateway was told of their requests, and pay, or send what is missing."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ops.demo.callers import Ack, Callers, Envelope
from ops.demo.effects import Effect, effect_of
from ops.demo.invented import draw
from ops.demo.requests import Request
from ops.demo.scenes import ReplyRule, Scene, Script, fill
from ops.demo.wire import NoAnswerError, call

_LOOK_SECONDS = 0.1
_AT_ONCE = 5000


@dataclass(slots=True)
class Citizens:
    """`requests` are known by tracking code as soon as their callers are told one; `told` is the gateway's ledger."""

    callers: Callers
    gateway: str
    scenes: Mapping[str, Scene]
    script: Script
    seed: int
    requests: dict[str, Request] = field(default_factory=dict)
    told: list[Effect] = field(default_factory=list)
    _waiting: list[Effect] = field(default_factory=list)
    _answered: set[str] = field(default_factory=set)
    _serial: Iterator[int] = field(default_factory=itertools.count)

    @property
    def replies(self) -> int:
        """How many replies were begun."""
        return len(self._answered)

    async def run(self) -> None:
        """Look and reply until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._waiting += await self._look()
                known = [effect for effect in self._waiting if effect.tracking_code in self.requests]
                self._waiting = [effect for effect in self._waiting if effect.tracking_code not in self.requests]
                for envelope in itertools.chain.from_iterable(map(self._replies, known)):
                    group.create_task(self._send(envelope, next(self._serial)))
                await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self) -> list[Effect]:
        """The gateway's effects since the last look."""
        after = self.told[-1].seq if self.told else 0
        path = f"/_sandbox/ledger?after={after}&limit={_AT_ONCE}"
        try:
            answer = await call(self.gateway, "GET", path, headers={})
        except NoAnswerError:
            return []
        new = [effect_of(line) for line in json.loads(answer.body)["entries"]]
        self.told += new
        return new

    def _replies(self, effect: Effect) -> Iterator[Envelope]:
        request = self.requests[str(effect.tracking_code)]
        for rule in self.scenes[request.scene].replies:
            if rule.told == effect.operation and rule.status_code in {None, effect.status_code}:
                for values in effect.detail.get(rule.each, []) if rule.each else [{}]:
                    yield from self._reply(rule, request, effect, values)

    def _reply(
        self, rule: ReplyRule, request: Request, effect: Effect, values: Mapping[str, Any]
    ) -> Iterator[Envelope]:
        subject = "/".join(str(values[name]) for name in ("bill_id", "payment_id") if name in values)
        subject = subject or f"{effect.tracking_code}/{rule.send}"
        if subject in self._answered:
            return
        self._answered.add(subject)
        key = f"demo-reply-{subject.replace('/', '-')}"
        channel, binding = (
            options[int(draw(self.seed, key, options) * len(options))]
            for options in (sorted(self.script.channels), list(self.script.bindings))
        )
        known = {
            **request.values,
            **values,
            "channel": self.script.channels[channel],
            "tracking_code": effect.tracking_code,
            "trace_no": str(100_000 + len(self._answered)),
            "now": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        yield Envelope(
            key=key,
            operation=rule.send,
            channel=channel,
            binding=binding,
            record=fill(rule.record, known),
            subject=subject,
            scene=request.scene,
            title=rule.send,
        )

    async def _send(self, envelope: Envelope, serial: int) -> Ack | None:
        """Some send all again under another key and in another binding: a bank that confirms twice."""
        ack = await self.callers.send(envelope)
        if serial < self.script.confirmed_twice:
            others = [binding for binding in self.script.bindings if binding != envelope.binding]
            again = replace(envelope, key=f"{envelope.key}-again", binding=(others or [envelope.binding])[0])
            await self.callers.send(again)
        return ack
