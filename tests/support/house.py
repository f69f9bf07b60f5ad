"""A house in this process: the real engine on a real SQLite journal, its other sides scripted, its clock standing."""

from __future__ import annotations

import random  # noqa: TID251 - each life of a test's house is seeded
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

from adapter.asking import Asking
from adapter.calendar import Days
from adapter.contract import load_contract
from adapter.contract.model import Contract
from adapter.delivery import Delivery
from adapter.endpoints import Endpoints
from adapter.examining import Examination, Scanner, tell
from adapter.exchange import Caller, Case, Claim, Effect, Exchange, KeySource, Operation, Payload, Record, Reply, State
from adapter.fetching import Fetching
from adapter.followup import FollowUp
from adapter.intake import Intake
from adapter.journal import Filter, Journal, open_journal, reading
from adapter.mark import Brought
from adapter.offer import Offer, offer_of
from adapter.preparing import Preparing
from adapter.retry import Profile
from adapter.service import Service, load_services
from adapter.settlement.drafting import Drafting
from adapter.settlement.settling import Settling
from adapter.telemetry import Metrics
from adapter.wsdl import read_wsdl
from tests.support.clock import StandingClock
from tests.support.records import ROOT
from tests.support.scripted import ScriptedSystem

Logs = list[MutableMapping[str, Any]]
"""What was logged, as events."""

TENANT = "sample-city"
COUNTER = Caller("counter-72", TENANT, "counter")
MOBILE = Caller("mobile-app", TENANT, "mobile")
NEIGHBOUR = Caller("counter-9", "other-city", "counter")
WINDOW, CORE, REVENUE = (TENANT, "window/1.0"), (TENANT, "urban_core/1.0"), (TENANT, "revenue/1.0")
HASTE = replace(Profile(), name="test", idle=timedelta(milliseconds=5), change_poll=timedelta(milliseconds=5))
"""The default durations, by which the standing clock is moved; only what really sleeps is short."""

_BILL = {
    "fiche_no": "F2-1405-200001-1",
    "bill_type": "1",
    "title": "عوارض نوسازی ۱۴۰۵",
    "amount_rial": 48500000,
    "bill_id": "117000100069",
    "payment_id": "4850050723",
    "valid_until": "1405/12/29",
    "iban": "IR640000000000000000000021",
}
ASSESSED: Payload = {
    "code": "OK",
    "assessment_no": "1405-2",
    "status_code": 30,
    "debt_rial": 52000000,
    "waste_rial": 1500000,
    "penalty_rial": 0,
    "reward_rial": 5000400,
    "rounding_rial": 400,
    "payable_rial": 48500000,
    "bills": [_BILL],
}
ANSWER: Payload = {"Code": "60", "Title": "انتقال بلامانع", "AnswerNo": "A-1405-117", "Debt": 0, "ValidUntil": 14060230}
RECEIPT: Payload = {"result_code": "200", "result_message": "taken", "received_at": "2026-11-21T09:30:00+03:30"}
_TAKEN: Payload = {"ErrorResult": {}, "CaseNo": "1405-1"}
USUAL: Mapping[str, dict[str, Payload]] = {
    "window/1.0": dict.fromkeys(
        (
            "PushStatus",
            "IssueBill",
            "PushDocument",
            "AnswerInquiry",
            "CancelBill",
            "ProposeVisit",
            "PublishService",
        ),
        RECEIPT,
    ),
    "urban_core/1.0": {
        "RegisterRequest": _TAKEN,
        "AskProperty": {"ErrorResult": {}, "State": 1, "InquiryNo": "Q1", "Answer": ANSWER},
        "AddDocument": {"ErrorResult": {}},
        "CorrectRequest": {"ErrorResult": {}},
        "CancelRequest": {"ErrorResult": {}},
        "RegisterPayment": {"ErrorResult": {}},
        "RegisterReversal": {"ErrorResult": {}},
        "RegisterObjection": {"ErrorResult": {}},
        "RegisterSurvey": {"ErrorResult": {}},
    },
    "revenue/1.0": {
        "CreateAssessment": ASSESSED,
        "RegisterPayment": {"code": "OK", "receipt_no": "R-1", "status_code": 50},
        "CancelAssessment": {"code": "OK", "status_code": 75},
        "RegisterReversal": {"code": "OK", "receipt_no": "R-2", "status_code": 80},
        "RegisterObjection": {"code": "OK"},
        "RegisterSurvey": {"code": "OK"},
    },
}


@cache
def contracts() -> dict[str, Contract]:
    found = [load_contract(path.parent, read_wsdl) for path in (ROOT / "contracts").glob("*/*/contract.toml")]
    return {contract.title: contract for contract in found}


@cache
def services() -> dict[str, Service]:
    loaded, faults = load_services(ROOT / "mappings", contracts())
    assert not faults
    return loaded


def shipped_offer(*stopped: str) -> Offer:
    """Every service for our tenant, and the toll for its neighbour; `stopped` ones have faulty tables."""
    working = {name: service for name, service in services().items() if name not in stopped}
    faulty = {name: (services()[name].service_id, f"mappings/{name}/x.csv:2: rule") for name in stopped}
    return offer_of({TENANT: sorted(services()), NEIGHBOUR.tenant: ["renovation_toll"]}, working, faulty)


class Weakened:
    """A journal in which a test replaces one step by another."""

    def __init__(self, journal: Journal) -> None:
        self.kept = journal

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kept, name)


@dataclass
class House:
    """One life of a house. `offer` may be replaced while it runs, as a reload would."""

    clock: StandingClock
    profile: Profile
    offer: Offer
    journal: Journal
    endpoints: Endpoints
    settling: Settling
    delivery: Delivery
    followup: FollowUp
    intake: Intake
    gateway: ScriptedSystem
    core: ScriptedSystem
    revenue: ScriptedSystem
    keys: int = 0

    async def receive(
        self,
        operation: Operation,
        record: Record,
        key: str | None = None,
        caller: Caller = COUNTER,
        brought: Sequence[Brought] = (),
    ) -> Reply:
        """A call at the door; without a key it gets a fresh one."""
        self.keys += 1
        return await self.intake.receive(caller, operation, record, key or f"key-{self.keys:016d}", brought)

    async def submit(self, record: Record, key: str | None = None, caller: Caller = COUNTER) -> str:
        """A request that opens a case; its tracking code."""
        reply = await self.receive(Operation.SUBMIT_REQUEST, record, key, caller)
        code: str = reply.body["tracking_code"]
        return code

    async def deliver_due(self) -> int:
        """Deliver all that is due, and all that follows at once; how many attempts or decisions that took."""
        delivered = 0
        while claims := await self._due():
            for claim in claims:
                await self.delivery.deliver(claim)
                delivered += 1
        return delivered

    async def _due(self) -> list[Claim]:
        claims: list[Claim] = []
        while not self.delivery._queue.empty():
            claims.append(self.delivery._queue.get_nowait())
            self.delivery._under_way -= 1
        return claims + await self.journal.claim_ready(64, self.endpoints.closed(self.clock()))

    async def take_changes(self) -> None:
        """Take up everything that changed inside, whichever system tells it."""
        for endpoint, system in self.endpoints.systems.items():
            while await self.followup.take_changes(endpoint, system):
                pass

    async def settle_all(self, *, rounds: int = 40, step: timedelta | float = 60) -> None:
        """Move the clock and do all that becomes due, until nothing is left that time could settle."""
        for _ in range(rounds):
            await self.take_changes()
            await self.deliver_due()
            await self.followup.ask_unsettled()
            await self.take_changes()
            await self.deliver_due()
            open_states = {State.READY, State.SENDING, State.IN_DOUBT, State.AWAITING}
            if not any(exchange.state in open_states for exchange in await self.exchanges()):
                return
            self.clock.advance(step)
            await self.followup.beat()

    async def exchanges(self, *operations: Operation) -> list[Exchange]:
        """Everything kept, in the order in which it was."""
        found = await self.journal.read(reading.list_exchanges, Filter(limit=10_000))
        return [one for one in reversed(found) if not operations or one.operation in operations]

    async def only(self, operation: Operation) -> Exchange:
        (found,) = await self.exchanges(operation)
        return found

    async def case(self, tracking_code: str, tenant: str = TENANT) -> Case:
        case = await self.journal.read(reading.case_by_tracking_code, tenant, tracking_code)
        assert case is not None
        return case

    async def status(self, tracking_code: str) -> Payload:
        return (await self.intake.receive(COUNTER, Operation.GET_STATUS, {"tracking_code": tracking_code}, None)).body

    def close(self) -> None:
        self.journal.close()


@dataclass
class Town:
    """What outlives a house: its folder, its clock, and the other sides with what they have seen."""

    folder: Path
    clock: StandingClock
    gateway: ScriptedSystem
    core: ScriptedSystem
    revenue: ScriptedSystem
    profile: Profile = HASTE
    contracts: Mapping[str, Contract] = field(default_factory=contracts)
    environment: str = "test"
    scanner: Scanner | None = None
    lives: int = 0
    house: House | None = None

    def open(self, offer: Offer | None = None, *, journal: Callable[[Journal], Any] = lambda kept: kept) -> House:
        """The next life of the house, on the journal that the last one left."""
        self.close()
        self.lives += 1
        randomness = random.Random(f"{self.lives}")
        kept: Journal = journal(
            open_journal(
                f"sqlite:///{self.folder / 'journal.db'}",
                master_key=b"an invented master key of 32 byte",
                node="node-1",
                environment=self.environment,
                clock=self.clock,
                randomness=randomness.randbytes,
                silence=self.profile.silence,
            )
        )
        self.house = self._join(kept, offer or shipped_offer(), randomness)
        return self.house

    def promise(self, title: str, operation: str, effect: Effect) -> None:
        """From its next life on the house reads another promise of one operation in a contract."""
        contract = self.contracts[title]
        changed = replace(contract.operations[operation], effect=effect)
        operations = {**contract.operations, operation: changed}
        self.contracts = {**self.contracts, title: replace(contract, operations=operations)}

    def mint(self, title: str) -> None:
        """From its next life on calls by this contract carry no key of their own."""
        contract = self.contracts[title]
        operations = {name: replace(one, idempotency_key=KeySource.MINTED) for name, one in contract.operations.items()}
        self.contracts = {**self.contracts, title: replace(contract, operations=operations)}

    def close(self) -> None:
        if self.house is not None:
            self.house.close()
            self.house = None

    def _join(self, journal: Journal, offer: Offer, randomness: random.Random) -> House:
        systems: dict[tuple[str, str], Any] = {CORE: self.core, REVENUE: self.revenue}
        neighbours = {
            (NEIGHBOUR.tenant, name): target for (_, name), target in {**systems, WINDOW: self.gateway}.items()
        }
        endpoints = Endpoints({**systems, WINDOW: self.gateway, **neighbours}, systems, self.profile)
        drafting = Drafting(self.contracts, self.profile, randomness.randbytes)
        settling = Settling(drafting, self.profile, self.clock, lambda: 0.5)
        house: House

        def offered() -> Offer:
            return house.offer

        async def health(tenant: str) -> Payload:
            return {"state": "up", "tenant": tenant}

        documents = Examination(journal.documents, self.scanner, partial(tell, journal))
        fetching = Fetching(journal, endpoints, contracts(), self.clock, documents)
        preparing = Preparing(journal, endpoints, settling, self.profile, self.clock, fetching, documents)
        delivery = Delivery(journal, offered, endpoints, settling, self.profile, self.clock, Metrics(), preparing)
        followup = FollowUp(
            journal,
            offered,
            endpoints,
            settling,
            self.profile,
            self.clock,
            settle=delivery.settle,
            hint=delivery.hint,
            open_here=delivery.open_here,
        )
        intake = Intake(
            journal,
            offered,
            drafting,
            self.clock,
            ask=Asking(journal, endpoints, settling, self.clock, documents.untold()).ask,
            may_leave=delivery.may_leave,
            dispatch=delivery.dispatch,
            health=health,
            working=Days().of,
            examine=documents.check,
        )
        house = House(
            clock=self.clock,
            profile=self.profile,
            offer=offer,
            journal=journal,
            endpoints=endpoints,
            settling=settling,
            delivery=delivery,
            followup=followup,
            intake=intake,
            gateway=self.gateway,
            core=self.core,
            revenue=self.revenue,
        )
        return house


def found_town(folder: Path, profile: Profile = HASTE) -> Town:
    """A town whose other sides are friendly until a test scripts them."""
    gateway, core, revenue = (
        ScriptedSystem(contracts()[title], binding, USUAL[title])
        for title, binding in (("window/1.0", "rest"), ("urban_core/1.0", "soap"), ("revenue/1.0", "rest"))
    )
    return Town(folder, StandingClock(), gateway, core, revenue, profile)
