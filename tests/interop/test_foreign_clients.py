"""PHP's and Node's SOAP clients at our door: they load our WSDL over HTTP and complete every inward operation."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapter.exchange import Direction, Effect, Record
from ops.demo.installation import Installation, install
from ops.demo.processes import free_port
from tests.support import records
from tests.support.house import contracts, services
from tests.support.peers import NODE_FOLDER, node_soap, php
from tests.support.running import running, sandbox, until_ready

WINDOW = contracts()["window/1.0"]
INWARD = sorted(name for name, one in WINDOW.operations.items() if one.direction is Direction.INWARD)
CHANNEL = "national_window"
UNKNOWN_SERVICE = "19999999999"


@dataclass(frozen=True)
class Town:
    """A running daemon beside its stand-ins."""

    installation: Installation
    address: str

    def over_rest(self, operation: str, record: Record, key: str | None) -> tuple[dict[str, Any], bool]:
        """The same call in the other binding: the answer, and whether it repeats an earlier one."""
        method, path = WINDOW.routes[operation]
        in_path = {name: value for name, value in record.items() if f"{{{name}}}" in path}
        body = {name: value for name, value in record.items() if name not in in_path}
        headers = {"X-Api-Key": self.installation.keys[CHANNEL], "Content-Type": "application/json"}
        request = urllib.request.Request(
            f"{self.address}/window{path.format(**in_path)}",
            None if method == "GET" else json.dumps(body).encode(),
            headers if key is None else {**headers, "Idempotency-Key": key},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer), "Idempotency-Replayed" in answer.headers


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder, port = tmp_path_factory.mktemp("town"), free_port()
    with sandbox(folder) as addresses:
        installation = install(
            folder / "installation", addresses, services=sorted(services()), scale=0.01, port=port, channels=[CHANNEL]
        )
        with running(installation):
            until_ready(f"http://127.0.0.1:{port}/readyz")
            yield Town(installation, f"http://127.0.0.1:{port}")


@dataclass(frozen=True)
class Client:
    """A foreign client as a command; its houses are its own."""

    name: str
    command: tuple[str, ...]
    town: Town

    def permit(self, number: int, **more: Any) -> Record:
        return records.permit(1000 * sorted(PEERS).index(self.name) + number, **more)

    def call(self, *calls: tuple[str, Record, str | None]) -> list[Any]:
        """What it was told: for each call `answer` or `fault`, as the client itself understood it."""
        asked = [{"operation": name, "content": record, "key": key} for name, record, key in calls]
        wsdl = f"{self.town.address}/window/v1/soap?wsdl"
        ran = subprocess.run(
            [*self.command, wsdl, self.town.installation.keys[CHANNEL]],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        told: list[Any] = json.loads(ran.stdout)
        return told

    @property
    def bill_id(self) -> str:
        return f"11700010{sorted(PEERS).index(self.name)}069"

    def key(self, of: str) -> str:
        return f"{self.name}-key-{of:_<16}"


PEERS: Mapping[str, Callable[[], tuple[str, ...]]] = {
    "php": lambda: (php(), str(Path(__file__).parent / "php" / "client.php")),
    "node": lambda: (node_soap(), str(NODE_FOLDER / "client.js")),
}


@pytest.fixture(params=sorted(PEERS))
def client(request: pytest.FixtureRequest) -> Client:
    command = PEERS[request.param]()
    return Client(request.param, command, request.getfixturevalue("town"))


@pytest.fixture
def tracking_code(client: Client) -> str:
    """The case of a permit that the client has asked for."""
    (told,) = client.call(("SubmitRequest", client.permit(2), client.key("case")))
    code: str = told["answer"]["tracking_code"]
    return code


def _payment(client: Client, code: str) -> Record:
    return records.payment(code, amount_rial=99_999_999_000, bill_id=client.bill_id)


def _reversal_of_what_was_paid(client: Client, code: str) -> Record:
    client.call(("ConfirmPayment", _payment(client, code), client.key("ConfirmPayment")))
    return records.reversal(code, amount_rial=99_999_999_000, bill_id=client.bill_id)


CASES: Mapping[str, Callable[[Client, str], Record]] = {
    "SubmitRequest": lambda client, _: client.permit(1, note="یادداشت: «ساختمان» ۳ طبقه؛ <الف> & ب"),
    "AttachDocument": lambda _, code: records.document(code),
    "CorrectRequest": lambda _, code: records.correction(code),
    "WithdrawRequest": lambda _, code: records.withdrawal(code),
    "ConfirmPayment": _payment,
    "ReversePayment": _reversal_of_what_was_paid,
    "FileObjection": lambda _, code: records.objection(code),
    "SubmitSurvey": lambda _, code: records.survey(code),
    "Inquire": lambda client, _: records.question(f"1405/9/{client.name}"),
    "GetStatus": lambda _, code: {"tracking_code": code},
    "GetHistory": lambda client, _: {"national_id": client.permit(1)["owners"][0]["national_id"], "page": 1},
    "CheckHealth": lambda _, __: {},
}
"""What each inward operation is called with; the code is that of the client's case."""


def test_every_inward_operation_has_its_case() -> None:
    assert sorted(CASES) == INWARD


@pytest.mark.parametrize("operation", INWARD)
def test_a_foreign_client_completes_the_operation(client: Client, tracking_code: str, operation: str) -> None:
    is_kept = WINDOW.operations[operation].effect is not Effect.READ
    record = CASES[operation](client, tracking_code)
    key = client.key(operation) if is_kept else None
    first, again = client.call((operation, record, key), (operation, record, key))
    expected, is_replay = client.town.over_rest(operation, record, key)
    if is_kept:
        assert is_replay, "over REST the same content under the same key is the same call"
        assert first == again == {"answer": expected}
    else:
        assert _steady(first["answer"]) == _steady(again["answer"]) == _steady(expected)


def test_a_service_that_nobody_offers_is_a_fault_with_our_code(client: Client) -> None:
    record = client.permit(3, service_id=UNKNOWN_SERVICE)
    (told,) = client.call(("SubmitRequest", record, client.key("unknown")))
    assert _code(told) == "unknown-service"
    assert told["fault"]["kind"].rpartition(":")[2] == "Client"
    assert told["fault"]["text"]


def test_a_violated_schema_is_a_fault_that_names_the_place(client: Client) -> None:
    (told,) = client.call(("SubmitRequest", client.permit(4, service_id="123"), client.key("violation")))
    assert _code(told) == "schema-violation"
    assert "service_id" in told["fault"]["detail"]["Problem"]["detail"]
    assert told["fault"]["detail"]["Problem"]["title_fa"]


def test_another_request_under_a_used_key_is_a_fault(client: Client, tracking_code: str) -> None:
    (told,) = client.call(("SubmitRequest", client.permit(5), client.key("case")))
    assert _code(told) == "idempotency-key-conflict"


def test_a_subject_filed_before_is_a_fault_that_tells_its_case(client: Client, tracking_code: str) -> None:
    other = client.permit(2, note="دوباره و دیگرگون")
    (told,) = client.call(("SubmitRequest", other, client.key("subject")))
    assert _code(told) == "already-filed"


def _code(told: dict[str, Any]) -> str:
    code: str = told["fault"]["detail"]["Problem"]["code"]
    return code


def _steady(answer: Any) -> Any:
    """What no moment changes in the answer to a question: whom it is about."""
    if isinstance(answer, list):
        return [_steady(one) for one in answer]
    if not isinstance(answer, dict):
        return None
    steady = {name: answer[name] for name in ("tracking_code", "service_id") if name in answer}
    return {**steady, **{name: told for name, one in answer.items() if (told := _steady(one))}}
