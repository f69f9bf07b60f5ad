"""One trial: a sandbox, a daemon that may die once, callers who repeat until acknowledged, and a count of effects."""

from __future__ import annotations

import asyncio
import copy
import json
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from ops.demo.installation import Installation, install
from ops.demo.processes import free_port
from ops.sandbox import Sandbox, SandboxSettings, serve
from ops.sandbox.faults import FaultRule, Mode
from ops.sandbox.settings import WIRED
from tests.figures import SEED
from tests.score import victim
from tests.score.proxy import Proxy, Strike
from tests.score.victim import Point

HOUSE = Path(__file__).resolve().parent.parent.parent
EXAMPLES = HOUSE / "contracts/window/1.0/examples/valid"
SERVICES = ("building_permit", "renovation_toll")
ENDS = frozenset({"60", "160", "900"})
OPENING = frozenset({"CreateAssessment", "RegisterRequest"})
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.score.victim"])  # a daemon's modules are read once, not at each of its starts

FAULTS: Mapping[str, tuple[FaultRule, ...]] = {
    "ok": (),
    "answer_lost": (FaultRule(Mode.ANSWER_LOST, operation="effects", every=3),),
    "ambiguous": (FaultRule(Mode.ANSWER_LOST, operation="effects", rate=0.3),),
}


@dataclass(frozen=True, slots=True)
class NetworkPoint:
    """The `moment` of a message that holds `match`, on the way to a stand-in (or from a caller to our door)."""

    peer: str
    match: str
    moment: str

    def __str__(self) -> str:
        return f"{self.peer}.{self.match}:{self.moment}"


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried. `database` None is SQLite; `weakness` names the safety that is taken out."""

    point: Point | NetworkPoint | None = None
    mode: str = "ok"
    database: str | None = None
    weakness: str | None = None
    binding: str = "soap"
    requests: int = 2
    patience: float = 25.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it, counted from the callers' acknowledgements and the stand-ins' effect ledgers."""

    trial: Trial
    died: bool
    acknowledged: int
    lost: int
    doubled: int
    disordered: int
    seconds: float
    effects: int
    told: str = ""

    @property
    def holds(self) -> bool:
        return self.lost == 0 and self.doubled == 0 and self.disordered == 0 and (self.died or not self.trial.point)


@dataclass(slots=True)
class _Run:
    trial: Trial
    installation: Installation
    sandbox: Sandbox
    door: str
    process: Any = None
    died: bool = False
    acks: dict[str, set[str]] = field(default_factory=dict)
    openings: int = 0


def run_trial(trial: Trial, folder: Path) -> Result:
    """The trial in an event loop of its own; the folder holds everything it leaves."""
    return asyncio.run(_trial(trial, folder))


async def _trial(trial: Trial, folder: Path) -> Result:
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    async with _sandbox(trial, folder) as sandbox, httpx.AsyncClient(trust_env=False, timeout=5) as client:
        port = free_port()
        run = _Run(trial, None, sandbox, f"http://127.0.0.1:{port}")  # type: ignore[arg-type]
        proxies = {name: _proxy(run, name, address) for name, address in sandbox.addresses.items()}
        addresses = {name: await proxy.open() for name, proxy in proxies.items()}
        door = _proxy(run, "door", run.door)
        run.installation = install(
            folder / "daemon",
            addresses,
            services=SERVICES,
            scale=0.01,
            longest_wait_seconds=1.2,  # twice the time a payment needs to settle: nothing here has to wait longer
            port=port,
            database=trial.database,
            gateway_binding=trial.binding,
        )
        run.door = await door.open()
        watch = asyncio.create_task(_keep_alive(run))
        payers = asyncio.create_task(_pay(run, client))
        try:
            await _submit_all(run, client)
            await _until_at_rest(run)
        finally:
            watch.cancel()
            payers.cancel()
            await asyncio.gather(watch, payers, return_exceptions=True)
            await asyncio.to_thread(_stop, run)
            for proxy in (*proxies.values(), door):
                await proxy.close()
        return _count(run, time.monotonic() - began)


@asynccontextmanager
async def _sandbox(trial: Trial, folder: Path) -> Any:
    sandbox = await serve(
        SandboxSettings(
            contracts_folder=HOUSE / "contracts",
            ledger_folder=folder / "ledgers",
            pace_seconds=0.01,
            seed=SEED,
            faults=FAULTS[trial.mode],
            stand_ins=WIRED,
        )
    )
    try:
        yield sandbox
    finally:
        await sandbox.close()


def _proxy(run: _Run, peer: str, address: str) -> Proxy:
    point = run.trial.point
    if not isinstance(point, NetworkPoint) or point.peer != peer:
        return Proxy(address, None)

    def strike() -> None:
        run.process.kill()

    return Proxy(address, Strike(point.moment, point.match.encode(), 1, strike))


async def _keep_alive(run: _Run) -> None:
    """Start the daemon; when it dies, start it again, without its point."""
    point = run.trial.point if isinstance(run.trial.point, Point) else None
    while True:
        run.process = PROCESSES.Process(
            target=victim.main,
            args=(run.installation.settings, point, run.trial.weakness, run.installation.folder / "daemon.log"),
        )
        run.process.start()
        while run.process.is_alive():
            await asyncio.sleep(0.01)
        run.died = run.died or run.process.exitcode == -9
        point = None


def _stop(run: _Run) -> None:
    if run.process is not None and run.process.is_alive():
        run.process.terminate()
        run.process.join(10)
        if run.process.is_alive():
            run.process.kill()
            run.process.join()


def requests(count: int) -> Iterator[dict[str, Any]]:
    """Records of two services by turns, each about another property, all ordinary for the sandbox."""
    names = ("a_renovation_toll_of_two_years", "a_new_building_of_two_owners_and_three_floors")
    shapes = [json.loads((EXAMPLES / f"SubmitRequest.{name}.json").read_text(encoding="utf-8")) for name in names]
    for number in range(count):
        record = copy.deepcopy(shapes[number % 2])
        record["property"]["renovation_code"] = f"1-2-{1 + number // 80}-{10 + number % 80 // 10}-{number % 10 + 1}-0-0"
        yield record


async def _submit_all(run: _Run, client: httpx.AsyncClient) -> None:
    gate = asyncio.Semaphore(24)

    async def submit(number: int, record: dict[str, Any]) -> None:
        async with gate:
            run.openings += 1
            await _until_acknowledged(run, client, "/window/v1/requests", record, f"request-{number:08d}-key")

    await asyncio.gather(*(submit(number, record) for number, record in enumerate(requests(run.trial.requests))))


async def _until_acknowledged(
    run: _Run, client: httpx.AsyncClient, path: str, record: dict[str, Any], key: str
) -> None:
    """Send with the same key until an answer comes; the acknowledged tracking codes are the ack ledger."""
    headers = {"X-Api-Key": run.installation.keys["national_window"], "Idempotency-Key": key}
    while True:
        try:
            answer = await client.post(run.door + path, json=record, headers=headers)
        except httpx.HTTPError:
            await asyncio.sleep(0.03)
            continue
        if answer.status_code == httpx.codes.ACCEPTED:
            run.acks.setdefault(key, set()).add(answer.json()["tracking_code"])
            return
        if answer.status_code < 500 and answer.status_code != httpx.codes.CONFLICT:
            raise AssertionError(f"{path}: {answer.status_code} {answer.text}")
        await asyncio.sleep(0.05)


async def _pay(run: _Run, client: httpx.AsyncClient) -> None:
    """Pay every bill that the gateway has, once, as a citizen would."""
    paid: set[str] = set()
    async with asyncio.TaskGroup() as group:
        while True:
            for entry in run.sandbox.ledger("gateway").entries:
                for bill in entry.detail.get("bills", ()) if entry.operation == "IssueBill" else ():
                    if bill["bill_id"] not in paid:
                        paid.add(bill["bill_id"])
                        group.create_task(_pay_one(run, client, entry.tracking_code or "", bill))
            await asyncio.sleep(0.03)


async def _pay_one(run: _Run, client: httpx.AsyncClient, tracking_code: str, bill: Mapping[str, Any]) -> None:
    record = {
        "tracking_code": tracking_code,
        "channel": {"code": "national_window"},
        "bill_id": bill["bill_id"],
        "payment_id": bill["payment_id"],
        "amount_rial": bill["amount_rial"],
        "paid_at": "2026-11-21T10:00:00+03:30",
        "pay_channel": "app",
        "trace_no": bill["bill_id"][:6],
    }
    await _until_acknowledged(run, client, "/window/v1/payments", record, f"payment-{bill['bill_id']}-key")


def _ended(run: _Run) -> set[str]:
    return {
        entry.tracking_code or ""
        for entry in run.sandbox.ledger("gateway").entries
        if entry.operation == "PushStatus" and entry.status_code in ENDS
    }


def _acknowledged(run: _Run) -> set[str]:
    return {code for key, codes in run.acks.items() if key.startswith("request") for code in codes}


async def _until_at_rest(run: _Run) -> None:
    deadline = time.monotonic() + run.trial.patience
    while time.monotonic() < deadline:
        is_met = run.died or run.trial.point is None
        if is_met and _acknowledged(run) <= _ended(run) and _payments_acknowledged(run):
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.6)


def _payments_acknowledged(run: _Run) -> bool:
    bills = {
        bill["bill_id"]
        for entry in run.sandbox.ledger("gateway").entries
        if entry.operation == "IssueBill"
        for bill in entry.detail.get("bills", ())
    }
    return all(f"payment-{bill}-key" in run.acks for bill in bills)


def _count(run: _Run, seconds: float) -> Result:
    ledgers = [run.sandbox.ledger(name).entries for name in run.sandbox.addresses]
    doubled = 0
    for entries in ledgers:
        by_reference = Counter((entry.operation, entry.reference) for entry in entries)
        by_subject = Counter((e.operation, e.tracking_code or e.case_no, e.subject) for e in entries if e.subject)
        doubled += max(_more_than_once(by_reference), _more_than_once(by_subject))
    opened = sum(entry.operation in OPENING for entries in ledgers for entry in entries)
    doubled = max(doubled, opened - run.openings)
    acknowledged = _acknowledged(run)
    lost = acknowledged - _ended(run)
    return Result(
        run.trial,
        died=run.died,
        acknowledged=len(acknowledged),
        lost=len(lost),
        doubled=doubled,
        disordered=_disordered(run),
        seconds=seconds,
        effects=sum(map(len, ledgers)),
        told=f"lost {sorted(lost)}" if lost else "",
    )


def _more_than_once(counted: Counter[Any]) -> int:
    return sum(times - 1 for times in counted.values())


def _disordered(run: _Run) -> int:
    """Statuses that reached the gateway after a later one of the same case."""
    latest: dict[str, int] = {}
    wrong = 0
    for entry in run.sandbox.ledger("gateway").entries:
        if entry.operation != "PushStatus":
            continue
        sequence = int(entry.detail.get("sequence", 0))
        wrong += sequence < latest.get(entry.tracking_code or "", 0)
        latest[entry.tracking_code or ""] = max(sequence, latest.get(entry.tracking_code or "", 0))
    return wrong
