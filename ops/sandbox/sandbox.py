"""The stand-ins, started together, each with its own port, ledger and fault script."""

from __future__ import annotations

import asyncio
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.sandbox.calls import Binding
from ops.sandbox.complaints import ComplaintsClerk
from ops.sandbox.control import Control
from ops.sandbox.database import postgres_database, sqlite_database
from ops.sandbox.desk import Desk, MonotoneClock, read_titles
from ops.sandbox.faults import ANY_STAND_IN, FaultRule, FaultScript, Place, check_places
from ops.sandbox.gateway import GatewayDesk
from ops.sandbox.ledger import Ledger
from ops.sandbox.office import Clerk, Office, beat_of
from ops.sandbox.papers import Papers
from ops.sandbox.rest import RestBinding
from ops.sandbox.revenue import RevenueDesk
from ops.sandbox.settings import WIRED, SandboxSettings
from ops.sandbox.soap import MEDIA_TYPES, SoapBinding
from ops.sandbox.stand_in import StandIn
from ops.sandbox.telling import OPERATIONS, Listening, Teller
from ops.sandbox.urban_core import UrbanCoreDesk
from ops.sandbox.village import VillageClerk
from ops.sandbox.wire import Listener, Reply, Request

CONTRACTS = {
    "gateway": "window/1.0",
    "urban_core": "urban_core/1.0",
    "revenue": "revenue/1.0",
}
RETRY_BIND_SECONDS = 0.1


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Running:
    """One stand-in and the socket of it, or of its page alone. While it is down, `_rising` brings it back."""

    stand_in: StandIn | Office
    listener: Listener
    seed: int
    ledgers: Sequence[Ledger]
    _timers: list[asyncio.TimerHandle] = field(default_factory=list)
    _rising: asyncio.Task[None] | None = None
    _telling: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """Where the adapter finds it."""
        return self.page if isinstance(self.stand_in, StandIn) else self.stand_in.clerk.address

    @property
    def page(self) -> str:
        """Where people and harnesses find it."""
        host = f"[{self.listener.host}]" if ":" in self.listener.host else self.listener.host
        return f"http://{host}:{self.listener.port}"

    def install(self, rules: Sequence[FaultRule]) -> None:
        """Put these rules in the place of the old ones; their counts begin anew. The rules were checked."""
        mine = [
            replace(rule, seed=rule.seed + self.seed)
            for rule in rules
            if rule.stand_in in {ANY_STAND_IN, self.stand_in.name} and rule.mode in self.stand_in.modes
        ]
        self.stand_in.script = FaultScript(mine, now=self.stand_in.seconds())
        self._forget_timers()
        if isinstance(self.stand_in, StandIn):
            loop = asyncio.get_running_loop()
            self._timers = [
                loop.call_later(rule.after_seconds, self._fall, rule.seconds) for rule in mine if rule.is_by_the_clock
            ]

    async def open(self) -> None:
        """It is at work when this returns."""
        await self.listener.open()
        if isinstance(self.stand_in, Office):
            await self.stand_in.open()

    def install_here(self, rules: Sequence[FaultRule]) -> None:
        """Install rules that were sent to this stand-in; raises FaultyScriptError for one that could never strike."""
        check_places(rules, self.served)
        self.install(rules)

    @property
    def served(self) -> dict[str, Place]:
        """What a rule may name of this stand-in, under its name."""
        told = OPERATIONS.get(self.stand_in.name)
        operations = {*self.stand_in.operations, *([told] if told else [])}
        return {self.stand_in.name: Place(operations, self.stand_in.modes)}

    def tell(self, listening: Listening) -> Teller:
        """From now on its changes are told to who listens there, and to nobody else; raises KeyError for an office."""
        if not isinstance(self.stand_in, StandIn):
            raise KeyError(self.stand_in.name)
        self._be_silent()
        teller = Teller(self.stand_in, listening)
        self._telling = asyncio.get_running_loop().create_task(teller.run())
        return teller

    def _be_silent(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None

    def fall(self, seconds: float) -> None:
        """Refuse connections for so long, once the present call is through."""
        asyncio.get_running_loop().call_soon(self._fall, seconds)

    def _fall(self, seconds: float) -> None:
        if self._rising is not None:
            self._rising.cancel()
        self.listener.down()
        self._rising = asyncio.get_running_loop().create_task(self._rise(seconds))

    async def _rise(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        while True:
            try:
                return await self.listener.open()
            except OSError:
                await asyncio.sleep(RETRY_BIND_SECONDS)

    async def close(self) -> None:
        """Give port and files back."""
        self._forget_timers()
        self._be_silent()
        if isinstance(self.stand_in, Office):
            await self.stand_in.aclose()
        if self._rising is not None:
            self._rising.cancel()
        self.listener.close()
        for ledger in self.ledgers:
            ledger.close()

    def _forget_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = []


class Sandbox:
    """The stand-ins while they run; names are those of `settings.STAND_INS`."""

    def __init__(self, running: Mapping[str, _Running]) -> None:
        self._running = running

    @property
    def addresses(self) -> dict[str, str]:
        """By stand-in where the adapter finds it: a base URL, a database's URL."""
        return {name: running.address for name, running in self._running.items()}

    @property
    def pages(self) -> dict[str, str]:
        """By stand-in the base URL of its page, its ledger and its faults."""
        return {name: running.page for name, running in self._running.items()}

    def ledger(self, name: str) -> Ledger:
        """The effect ledger of a stand-in."""
        return self._running[name].stand_in.ledger

    def set_faults(self, rules: Sequence[FaultRule]) -> None:
        """Replace the rules of each stand-in by those that name it or `*`; raises FaultyScriptError for a wrong one."""
        check_places(rules, {name: places for one in self._running.values() for name, places in one.served.items()})
        for running in self._running.values():
            running.install(rules)

    def set_faults_of(self, name: str, rules: Sequence[FaultRule]) -> None:
        """Replace the rules of one stand-in."""
        self._running[name].install_here(rules)

    def tell(self, name: str, listening: Listening) -> Teller:
        """Let a stand-in tell its changes by itself; raises KeyError for one that cannot."""
        _ = OPERATIONS[name]
        return self._running[name].tell(listening)

    async def close(self) -> None:
        """Stop listening, cut what is open, close the ledgers."""
        for running in self._running.values():
            await running.close()
        await asyncio.sleep(0)


async def serve(settings: SandboxSettings) -> Sandbox:
    """Start the stand-ins; they listen and have their ledgers' state when this returns."""
    running: dict[str, _Running] = {}
    sandbox = Sandbox(running)
    try:
        for name in settings.stand_ins:
            running[name] = _prepare(name, settings, lambda: sandbox.pages)
            await running[name].open()
        sandbox.set_faults(settings.faults)
        for name, listening in settings.listening.items():
            sandbox.tell(name, listening)
    except BaseException:
        await sandbox.close()
        raise
    return sandbox


def _prepare(name: str, settings: SandboxSettings, pages: Callable[[], Mapping[str, str]]) -> _Running:
    ledgers = [Ledger(settings.ledger_folder / f"{name}.jsonl", name)]
    stand_in = _office(name, settings, ledgers[0]) if name not in WIRED else _stand_in(name, settings, ledgers)
    # The socket, the stand-in and its control page need each other; the listener is told last whom it serves.
    listener = Listener(_not_yet, settings.host, settings.ports.get(name, 0))
    running = _Running(stand_in, listener, settings.seed, ledgers)
    if isinstance(stand_in, StandIn):
        stand_in.fall = running.fall
    listener.receive = Control(stand_in, running.install_here, pages).receive
    return running


def _stand_in(name: str, settings: SandboxSettings, ledgers: list[Ledger]) -> StandIn:
    folder = settings.contracts_folder / CONTRACTS[name]
    (ledger,) = ledgers
    pace = timedelta(seconds=settings.pace_seconds)
    titles = read_titles(folder / "outcomes.csv")
    papers = Papers(settings.document_bytes)
    desk: Desk
    if name == "gateway":
        desk = GatewayDesk(ledger, titles)
    elif name == "revenue":
        desk = RevenueDesk(ledger, titles, pace=pace, dedupe=settings.dedupe, papers=papers)
    else:
        inquiries = Ledger(settings.ledger_folder / "urban_core.inquiries.jsonl", name)
        ledgers.append(inquiries)
        desk = UrbanCoreDesk(ledger, inquiries, titles, pace=pace, dedupe=settings.dedupe, papers=papers)
    desk.replay()
    return StandIn(
        name=name,
        desk=desk,
        bindings=_bindings(folder, frozenset(desk.handlers)),
        ledger=ledger,
        script=FaultScript((), now=time.monotonic()),
        now=MonotoneClock(_now),
        seconds=time.monotonic,
        fall=lambda _seconds: None,
        dedupe=settings.dedupe,
    )


def _office(name: str, settings: SandboxSettings, ledger: Ledger) -> Office:
    return Office(
        name=name,
        clerk=_CLERKS[name](settings, ledger, timedelta(seconds=settings.pace_seconds)),
        ledger=ledger,
        script=FaultScript((), now=time.monotonic()),
        now=MonotoneClock(_now),
        seconds=time.monotonic,
        beat_seconds=beat_of(settings.pace_seconds),
    )


def _complaints_clerk(settings: SandboxSettings, ledger: Ledger, pace: timedelta) -> Clerk:
    file = settings.ledger_folder.resolve() / "complaints.db"
    database = postgres_database(settings.database, settings.host) if settings.database else sqlite_database(file)
    return ComplaintsClerk(ledger, database, pace=pace, dedupe=settings.dedupe)


def _village_clerk(settings: SandboxSettings, ledger: Ledger, pace: timedelta) -> Clerk:
    folder = settings.ledger_folder.resolve()
    return VillageClerk(ledger, folder / "village", folder / "village.told", pace)


_CLERKS: Mapping[str, Callable[[SandboxSettings, Ledger, timedelta], Clerk]] = {
    "complaints": _complaints_clerk,
    "village": _village_clerk,
}


def _bindings(folder: Path, operations: frozenset[str]) -> list[Binding]:
    contract = tomllib.loads((folder / "contract.toml").read_text(encoding="utf-8"))
    bindings: list[Binding] = []
    if "openapi" in contract:
        bindings.append(RestBinding(folder / contract["openapi"], operations))
    if "soap" in contract:
        schema = folder / contract["soap"].replace(".wsdl", ".xsd")
        bindings += [SoapBinding(schema, contract["soap_path"], version) for version in MEDIA_TYPES]
    return bindings


def _not_yet(_request: Request) -> Reply:
    return Reply(503)
