"""Our callers before PHP's and Node's SOAP servers, which serve the contracts' own WSDL files."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapter.callers import HttpTarget
from adapter.contract.codec import Fault
from adapter.contract.model import Contract
from adapter.contract.outcomes import Observation, Seen, classify
from adapter.contract.soap import SoapCodec
from adapter.exchange import Direction, Outcome, Payload
from ops.demo.processes import free_port
from tests.support.house import contracts
from tests.support.peers import NODE_FOLDER, node_soap, php
from tests.support.records import ROOT

REFERENCE = "0191c2a4-7e1b-7c3d-8f2a-5b6c7d8e9f00"
LARGE = 9_999_999_999_999


@dataclass(frozen=True)
class Served:
    """What a foreign side serves of a contract: the service of its WSDL, and our calls to it."""

    contract: Contract
    service: str
    port: str
    operations: Sequence[str]

    @property
    def codec(self) -> SoapCodec:
        codec = self.contract.bindings["soap"]
        assert isinstance(codec, SoapCodec)
        return codec

    @property
    def folder(self) -> Path:
        return ROOT / "contracts" / self.contract.name / self.contract.version

    def requests(self, operation: str) -> list[Payload]:
        """Every valid example of the operation's request."""
        return [self.codec.decode_request(one).content for one in self._examples(f"{operation}.*", answers=False)]

    def answers(self, operation: str) -> list[Payload]:
        return [_payload(self.codec.decode_answer(operation, one)) for one in self._examples(f"{operation}.*")]

    def _examples(self, pattern: str, *, answers: bool = True) -> list[bytes]:
        found = sorted((self.folder / "examples" / "valid").glob(f"{pattern}.soap.xml"))
        return [path.read_bytes() for path in found if (".answer." in path.name) is answers]


def _outward(contract: Contract) -> list[str]:
    """What we call: of a gateway its outward operations, of an internal system all."""
    outward = sorted(name for name, one in contract.operations.items() if one.direction is Direction.OUTWARD)
    return outward or sorted(contract.operations)


WINDOW, CORE = contracts()["window/1.0"], contracts()["urban_core/1.0"]
SERVED = {
    "window": Served(WINDOW, "WindowOutwardService", "WindowOutwardPort", _outward(WINDOW)),
    "urban_core": Served(CORE, "CaseService", "ICaseServicePort", _outward(CORE)),
}
CALLS = [(name, operation) for name, served in SERVED.items() for operation in served.operations]


@dataclass
class Server:
    """A foreign server at work: what it is to say, and what it has understood."""

    served: Served
    address: str
    answers: Path
    seen: Path

    def say(self, **answers: Any) -> None:
        said = dict.fromkeys(self.served.operations) | answers
        self.answers.write_text(json.dumps(said), encoding="utf-8")
        self.seen.write_text("", encoding="utf-8")

    async def call(self, operation: str, content: Payload) -> Outcome:
        """What our caller makes of one call."""
        target = HttpTarget(self.served.contract, "soap", self.address)
        try:
            return await target.deliver(operation, target.freeze(operation, content), reference=REFERENCE)
        finally:
            await target.aclose()

    def understood(self) -> tuple[str, Any, str]:
        """The one call that came: its operation, content and action."""
        (line,) = self.seen.read_text(encoding="utf-8").splitlines()
        told = json.loads(line)
        return told["operation"], told["content"], told["action"].strip('"')


PEERS: Mapping[str, Callable[[Served, int], list[str]]] = {
    "php": lambda _, port: [php(), "-S", f"127.0.0.1:{port}", str(Path(__file__).parent / "php" / "server.php")],
    "node": lambda served, port: [
        node_soap(),
        str(NODE_FOLDER / "server.js"),
        str(port),
        served.contract.soap_path,
        served.service,
        served.port,
    ],
}


@pytest.fixture(scope="module", params=sorted(PEERS))
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """A peer's servers, one for each contract."""
    with (
        _server(request.param, "window", tmp_path_factory) as window,
        _server(request.param, "urban_core", tmp_path_factory) as core,
    ):
        yield {"window": window, "urban_core": core}


@contextmanager
def _server(peer: str, name: str, folders: pytest.TempPathFactory) -> Iterator[Server]:
    served, folder, port = SERVED[name], folders.mktemp(name), free_port()
    server = Server(served, f"http://127.0.0.1:{port}", folder / "answers.json", folder / "seen.jsonl")
    server.say()
    told = {"WSDL": served.folder / f"{name}.wsdl", "ANSWERS": server.answers, "SEEN": server.seen}
    environment = {**os.environ, **{variable: str(path) for variable, path in told.items()}}
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(PEERS[peer](served, port), env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            _until_listening(port)
            yield server
        finally:
            process.terminate()


def _until_listening(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nothing listens on {port} after 10 s")


@pytest.mark.parametrize(("name", "operation"), CALLS)
async def test_a_foreign_server_understands_every_request_and_we_its_answer(
    servers: dict[str, Server], name: str, operation: str
) -> None:
    server, served = servers[name], SERVED[name]
    requests, answers = served.requests(operation), served.answers(operation)
    assert requests
    assert answers
    for number in range(max(len(requests), len(answers))):
        request, answer = requests[number % len(requests)], answers[number % len(answers)]
        await _understands(server, operation, request, answer)


async def test_large_amounts_arrive_in_one_bill_and_in_many(servers: dict[str, Server]) -> None:
    window = SERVED["window"]
    request, answer = window.requests("IssueBill")[0], window.answers("IssueBill")[0]
    bill = {
        **request["bills"][0],
        "amount_rial": 99_999_999_000,
        "debt_rial": LARGE,
        "title": "عوارض نوسازی «۱۴۰۵» & <۲>",
    }
    for count in (1, 50):
        await _understands(servers["window"], "IssueBill", {**request, "bills": [bill] * count}, answer)


@pytest.mark.parametrize("count", [0, 1, 200])
async def test_lists_of_every_length_are_read(servers: dict[str, Server], count: int) -> None:
    window = SERVED["window"]
    request, answers = window.requests("GetStatement")[0], window.answers("GetStatement")
    full = next(one for one in answers if any("amount_rial" in entry for entry in one.get("entries", ())))
    entry = {**next(entry for entry in full["entries"] if "amount_rial" in entry), "amount_rial": LARGE}
    answer = {**full, "entries": [entry] * count} if count else {"page": 1, "pages": 1}
    await _understands(servers["window"], "GetStatement", request, answer)


@pytest.mark.parametrize("code", sorted(code for where, code in WINDOW.outcomes if where == "fault"))
async def test_a_foreign_fault_means_what_the_table_says(servers: dict[str, Server], code: str) -> None:
    server, operation = servers["window"], "PushStatus"
    problem = {"code": code, "title": "Something", "title_fa": "چیزی", "detail": "به هر دلیل"}
    server.say(**{operation: {"fault": {"kind": "Server", "text": "Something", "detail": {"Problem": problem}}}})
    outcome = await server.call(operation, SERVED["window"].requests(operation)[0])
    assert (outcome.verdict, outcome.code) == (WINDOW.outcomes["fault", code].verdict, code)


async def test_a_fault_without_detail_is_known_by_its_class(servers: dict[str, Server]) -> None:
    server, operation = servers["window"], "PushStatus"
    for kind, is_sender in (("Client", True), ("Server", False)):
        server.say(**{operation: {"fault": {"kind": kind, "text": "No reason"}}})
        outcome = await server.call(operation, SERVED["window"].requests(operation)[0])
        told = Observation(Seen.ANSWERED, 500, Fault(kind, "No reason", sender=is_sender))
        assert outcome.verdict is classify(WINDOW, WINDOW.operations[operation], told).verdict


async def _understands(server: Server, operation: str, request: Payload, answer: Payload) -> None:
    """The server has understood what we sent; of its answer we make what the table makes of what it was told to say."""
    server.say(**{operation: {"answer": answer}})
    outcome = await server.call(operation, request)
    contract = server.served.contract
    assert outcome == classify(contract, contract.operations[operation], Observation(Seen.ANSWERED, 200, answer))
    assert outcome.answer == answer
    seen, content, action = server.understood()
    form = server.served.codec.form(operation, b"")
    assert (seen, action) == (operation, form.headers["SOAPAction"].strip('"'))
    assert _plain(content) == _plain(request)


def _plain(value: Any) -> Any:
    """Values as text and lists of one as the one: each language has its own types for the same XML."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return _plain(value[0]) if len(value) == 1 else [_plain(one) for one in value]
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _payload(answer: Payload | Fault) -> Payload:
    assert not isinstance(answer, Fault)
    return answer
