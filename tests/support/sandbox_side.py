"""A stand-in of the sandbox as the far end of the suite: real sockets, its own ledger, its own fault script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapter.callers import InCallRetries, Timeouts
from adapter.channels import System
from adapter.contract.model import Contract
from adapter.exchange import Payload
from connectors import rest, soap
from ops.sandbox import Sandbox, SandboxSettings, serve
from ops.sandbox.calls import Call, Record
from ops.sandbox.faults import FaultRule, Mode
from tests.integration.sandbox_client import assessment, question, request, revenue, urban
from tests.suites import Misfortune
from tests.support.house import contracts
from tests.support.records import ROOT

PAGE_SIZE = 4
_QUICK = Timeouts(
    connect=timedelta(seconds=1),
    write=timedelta(seconds=2),
    first_byte=timedelta(seconds=0.3),
    total=timedelta(seconds=5),
)
_ONCE = InCallRetries(attempts=1)
_SLOW_SECONDS = 0.6
_BY_MISFORTUNE: Mapping[Misfortune, dict[str, Any]] = {
    Misfortune.ANSWER_LOST: {"mode": Mode.ANSWER_LOST},
    Misfortune.SLOW: {"mode": Mode.SLOW, "seconds": _SLOW_SECONDS},
    Misfortune.WRONG_DATA: {"mode": Mode.HTML},
    Misfortune.UNKNOWN_CODE: {"mode": Mode.FAULT_IN_200},
}
_NOBODY_KNOWS = {"urban_core": "E999", "revenue": "NOBODY_KNOWS"}
_TITLES = {"urban_core": "urban_core/1.0", "revenue": "revenue/1.0"}
_CONNECT: Mapping[str, Callable[..., System]] = {"urban_core": soap.connect, "revenue": rest.connect}
_TRACKING_CODE, _OTHER_TRACKING_CODE = "4052718396", "4052718404"


@dataclass
class SandboxSide:
    """One stand-in by its name. `texts` is what came under each reference: the ledger keeps no citizen's data."""

    name: str
    sandbox: Sandbox
    contract: Contract
    submission: str
    texts: dict[str, str] = field(default_factory=dict)
    opened: list[Any] = field(default_factory=list)
    breaks: bool = False
    _broken_event: str | None = None

    def connect(self) -> System:
        wire = {"timeouts": _QUICK, "retries": _ONCE}
        self.opened.append(_CONNECT[self.name](self.contract, self.sandbox.addresses[self.name], **wire))
        system: System = self.opened[-1]
        return system

    def message(self, reference: str, text: str = "") -> Payload:
        return _MESSAGES[self.name](reference, text, _TRACKING_CODE)

    def another(self, reference: str) -> Payload:
        return _MESSAGES[self.name](reference, "", _OTHER_TRACKING_CODE)

    async def document(self, reference: str, content: bytes) -> tuple[str, Payload]:
        await self.happen(1)
        return "AddDocument", {
            "Reference": reference,
            "CaseNo": self._case_no(),
            "DocumentNo": "D-1",
            "Kind": "101",
            "Title": "سند مالکیت",
            "MediaType": "application/pdf",
            "Content": base64.b64encode(content).decode(),
            "Sha256": hashlib.sha256(content).hexdigest(),
        }

    def befall(self, misfortune: Misfortune, operation: str) -> None:
        code = _NOBODY_KNOWS[self.name] if misfortune is Misfortune.UNKNOWN_CODE else None
        rule = FaultRule(operation=operation, code=code, **_BY_MISFORTUNE[misfortune])
        self.sandbox.set_faults_of(self.name, [rule])

    def mend(self) -> None:
        self.sandbox.set_faults_of(self.name, [])

    def effects(self) -> list[str]:
        return [entry.reference for entry in self.sandbox.ledger(self.name).entries]

    def heard(self, reference: str) -> str:
        return self.texts[reference]

    async def happen(self, at_least: int) -> None:
        for _ in range(-(-at_least // 3)):
            await _HAPPENINGS[self.name](self.sandbox)

    async def happen_broken(self) -> None:
        await self.happen(4)
        self.breaks = True

    async def ask_later(self) -> tuple[str, Payload]:
        numbers = {"LetterDate", "Block", "House"}
        asked = question(house=202).items()
        return "AskProperty", {name: value if name in numbers else str(value) for name, value in asked}

    async def fall(self) -> None:
        self._running.listener.down()

    async def rise(self) -> None:
        await self._running.listener.open()

    def listen(self) -> None:
        """From now on every text and document that comes is kept beside the ledger."""
        desk = self._running.stand_in.desk
        desk.handlers = {name: self._listening(handler) for name, handler in desk.handlers.items()}

    def _listening(self, handler: Callable[[Call, Any], Record]) -> Callable[[Call, Any], Record]:
        def handled(call: Call, now: Any) -> Record:
            record = call.record
            reference = str(record.get("Reference") or record.get("reference"))
            if "Content" in record:
                self.texts[reference] = hashlib.sha256(base64.b64decode(record["Content"])).hexdigest()
            else:
                self.texts[reference] = str(record.get("Address") or record.get("text"))
            answer = handler(call, now)
            return self._broken(answer) if self.breaks else answer

        return handled

    def _broken(self, answer: Record) -> Record:
        """A page of changes, that of one event with a letter for its number."""
        said = self.contract.changes
        assert said is not None
        rows = answer.get(said.items)
        if not rows:
            return answer
        first = self._broken_event = self._broken_event or rows[0][said.event]
        wrong = [{**row, said.sequence: "x"} if row[said.event] == first else row for row in rows]
        return {**answer, said.items: wrong}

    def _case_no(self) -> str:
        return next(str(entry.case_no) for entry in self.sandbox.ledger(self.name).entries if entry.case_no)

    @property
    def _running(self) -> Any:
        return self.sandbox._running[self.name]


def _urban_request(reference: str, text: str, tracking_code: str) -> Payload:
    record = request(Reference=reference, TrackingCode=tracking_code)
    record |= {name: str(record[name]) for name in ("RequestKind", "ApplicantCapacity", "ChannelCode")}
    return {**record, "Address": text} if text else record


def _objection(reference: str, text: str, tracking_code: str) -> Payload:
    said = {"objection_no": "E-1405-32", "reason_code": "2", "text": text or "مساحت عرصه نادرست است"}
    return {"reference": reference, "tracking_code": tracking_code} | said


_MESSAGES = {"urban_core": _urban_request, "revenue": _objection}


async def _urban_case(sandbox: Sandbox) -> None:
    assert (await urban(sandbox, "RegisterRequest", request())).status == 200


async def _paid_by_bank(sandbox: Sandbox) -> None:
    assert (await revenue(sandbox, "/v1/assessments", assessment(house=600))).status == 201


_HAPPENINGS = {"urban_core": _urban_case, "revenue": _paid_by_bank}


@asynccontextmanager
async def sandbox_side(name: str, submission: str, ledgers: Path) -> AsyncIterator[SandboxSide]:
    """The stand-in of this name, whose ledger refuses a reference that it knows."""
    settings = SandboxSettings(ROOT / "contracts", ledgers, pace_seconds=0.0, dedupe=True, stand_ins=(name,))
    sandbox = await serve(settings)
    contract = contracts()[_TITLES[name]]
    assert contract.changes is not None
    paged = replace(contract, changes=replace(contract.changes, page_size=PAGE_SIZE))
    side = SandboxSide(name, sandbox, paged, submission)
    side.listen()
    try:
        yield side
    finally:
        for system in side.opened:
            await system.aclose()
        await sandbox.close()
