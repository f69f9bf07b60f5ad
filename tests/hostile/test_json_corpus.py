"""Every hostile record at the REST door: its status and problem, in time, without an error of ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

import adapter.contract.rest
from tests.hostile.door import (
    KEY,
    LONGEST_SECONDS,
    MOST_CPU_SECONDS,
    REST,
    Answer,
    Door,
    answers,
    forget_peak,
    peak_of_memory,
    standing_door,
)

FOLDER = Path(__file__).parent / "json"
CASES = answers(FOLDER)
MOST_MEMORY = 400 * 1024 * 1024
RECORD = {
    "service_id": "13042650101",
    "channel": {"code": "counter"},
    "submitted_at": "2026-11-21T09:30:00+03:30",
    "request_kind": "new_building",
    "applicant": {"first_name": "a", "last_name": "b", "capacity": "owner"},
}
PLAIN = json.dumps(RECORD).encode()
DOCUMENTS = f"{REST}/4052718396/documents"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with standing_door(tmp_path_factory.mktemp("town")) as standing:
        yield standing


def send(door: Door, body: bytes, path: str = REST, **headers: str) -> httpx.Response:
    return door.post(path, body, **{"Content-Type": "application/json", **headers})


def wrong(response: httpx.Response, wanted: Answer) -> str:
    """How the answer differs from the one it must be; empty when it does not."""
    shown = response.json()
    found = (response.status_code, shown.get("code", ""), wanted.told in shown.get("detail", ""))
    return "" if found == (wanted.status, wanted.code, True) else f"{wanted.case}: {response.status_code} {shown}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.case)
def test_a_hostile_record_gets_its_answer(door: Door, case: Answer) -> None:
    response = send(door, (FOLDER / f"{case.case}.json").read_bytes())
    assert not wrong(response, case)
    assert "SECRET" not in response.text


LARGE: dict[str, tuple[int, str, str, Callable[[], bytes]]] = {
    "two hundred thousand lists": (400, "unreadable", REST, lambda: b"[" * 200_000),
    "two hundred thousand objects": (400, "unreadable", REST, lambda: b'{"a":' * 200_000),
    "sixty thousand names": (
        400,
        "unreadable",
        REST,
        lambda: json.dumps(dict.fromkeys(map(str, range(60_000)), 1)).encode(),
    ),
    "forty thousand new names": (400, "schema-violation", REST, lambda: _with({f"a{one}": 1 for one in range(40_000)})),
    "twenty thousand owners of nothing": (400, "schema-violation", REST, lambda: _with({"owners": [{}] * 20_000})),
    "twenty thousand owners of one new name": (
        400,
        "schema-violation",
        REST,
        lambda: _with({"owners": [{"new": 1}] * 20_000}),
    ),
    "a name of a million letters": (400, "schema-violation", REST, lambda: _with({"a" * 1_000_000: 1})),
    "a note of a million letters": (400, "schema-violation", REST, lambda: _with({"note": "س" * 150_000})),
    "a number of a million digits": (
        400,
        "unreadable",
        REST,
        lambda: PLAIN[:-1] + b',"note":' + b"9" * 1_000_000 + b"}",
    ),
    "a text without an end": (400, "unreadable", DOCUMENTS, lambda: b'"' + b"a" * 8_000_000),
    "a text of escapes": (400, "schema-violation", DOCUMENTS, lambda: b'{"content":"' + b"\\u0041" * 1_300_000 + b'"}'),
    "eight megabytes of spaces": (400, "unreadable", DOCUMENTS, lambda: b" " * 8_388_000),
    "three million values": (400, "unreadable", DOCUMENTS, lambda: b"[" + b"1," * 3_000_000 + b"1]"),
    "more than a request may have": (413, "too-large", REST, lambda: _with({"note": "a" * 1_048_576})),
}


def _with(fields: dict[str, object]) -> bytes:
    return json.dumps({**RECORD, **fields}).encode()


@pytest.mark.parametrize(("status", "code", "path", "make"), LARGE.values(), ids=LARGE)
def test_a_large_one_gets_its_answer_in_time(
    door: Door, status: int, code: str, path: str, make: Callable[[], bytes]
) -> None:
    door.dearest = door.slowest = 0
    response = send(door, make(), path)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert len(response.content) < 40_000
    assert door.dearest < MOST_CPU_SECONDS
    assert door.slowest < LONGEST_SECONDS


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-Type": "text/xml"}, 415, "unreadable"),
        ({"Content-Type": "text/plain"}, 415, "unreadable"),
        ({"Content-Type": ""}, 415, "unreadable"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "unreadable"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415, "unreadable"),
        ({"Content-Type": "application/json; charset=utf-16"}, 415, "unreadable"),
        ({"Content-Type": "application/json; charset=windows-1256"}, 415, "unreadable"),
        ({"Content-Type": "application/json-patch+json"}, 415, "unreadable"),
        ({"Content-Type": "application/json,text/xml"}, 415, "unreadable"),
        ({"Content-Type": "APPLICATION/JSON"}, 202, ""),
        ({"Content-Encoding": "gzip"}, 415, "unreadable"),
        ({"Content-Encoding": "br"}, 415, "unreadable"),
        ({"X-Api-Key": "wrong"}, 401, "unauthenticated"),
        ({"X-Api-Key": ""}, 401, "unauthenticated"),
        ({"Idempotency-Key": "short"}, 400, "idempotency-key-unusable"),
        ({"Idempotency-Key": ""}, 400, "idempotency-key-missing"),
        ({"Idempotency-Key": "k" * 256}, 400, "idempotency-key-unusable"),
        ({"Idempotency-Key": "hostile key with spaces"}, 400, "idempotency-key-unusable"),
        ({"Idempotency-Key": '"hostile-key-with-a-quote'}, 400, "idempotency-key-unusable"),
        ({"Idempotency-Key": "../../../../etc/passwd"}, 400, "idempotency-key-unusable"),
        ({"Idempotency-Key": "'; drop table exchanges; --"}, 400, "idempotency-key-unusable"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_hostile_header_gets_its_answer(door: Door, headers: dict[str, str], status: int, code: str) -> None:
    response = send(door, PLAIN, **headers)
    assert (response.status_code, response.json().get("code", "")) == (status, code)


@pytest.mark.parametrize(
    "path",
    [
        "/window/v1/requests/../requests",
        "/window/v1/requests/%2e%2e/withdrawal",
        "/window/v1/requests/4052718396%00/withdrawal",
        "/window/v1/requests/4052718396%0d%0aX-Forged:%201/withdrawal",
        "/window/v1/requests/%d8%b3%d9%84/withdrawal",
        "/window/v1/requests/%ff%fe/withdrawal",
        "/window/v1/requests/' or '1'='1/withdrawal",
        f"/window/v1/requests/{'4' * 5_000}/withdrawal",
        "/window/v1/requests/4052718396/withdrawal?reason=SECRET",
        "/window/v1/requests/4052718396/withdrawal?a=1&a=2",
        "/window//v1/requests",
        "/window/v1/requests;a=b",
    ],
)
def test_a_hostile_address_is_refused_by_the_caller_s_fault(door: Door, path: str) -> None:
    response = send(door, b'{"channel": {"code": "counter"}, "reason": "gone"}', path)
    assert 400 <= response.status_code < 500
    assert "X-Forged" not in response.headers
    assert "SECRET" not in response.text


HEAD = f"POST {REST} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {KEY}\r\nContent-Type: application/json\r\nConnection: close\r\n"
LENGTH = f"Content-Length: {len(PLAIN)}\r\n\r\n"


@pytest.mark.parametrize(
    "header",
    [
        "Idempotency-Key: hostile-key-00001\r\nIdempotency-Key: hostile-key-00002\r\n",
        "Idempotency-Key: hostile-key\n-00001\r\n",
        "Idempotency-Key: hostile-key\r-00001\r\n",
        "Idempotency-Key: hostile-key\x00-00001\r\n",
        "Idempotency-Key\r\n",
        "Idempotency-Key : hostile-key-00001\r\n",
        "Transfer-Encoding: chunked\r\n",
    ],
)
def test_bytes_that_no_client_would_send_are_refused(door: Door, header: str) -> None:
    answer = door.raw((HEAD + header + LENGTH).encode() + PLAIN)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_the_corpus_is_whole_and_each_row_has_its_file() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {case.case for case in CASES}
    assert len(CASES) >= 100
    assert not [case for case in CASES if case.status >= 500]


def test_after_the_whole_corpus_memory_is_bounded_and_a_healthy_record_is_taken(door: Door) -> None:
    forget_peak()
    before = peak_of_memory()
    bodies = [(FOLDER / f"{case.case}.json").read_bytes() for case in CASES]
    for body, path in [*((body, REST) for body in bodies), *((make(), path) for _, _, path, make in LARGE.values())]:
        with suppress(httpx.TransportError):
            send(door, body, path)
    assert peak_of_memory() - before < MOST_MEMORY
    assert send(door, PLAIN).status_code == 202


def test_a_reader_that_trusts_python_s_own_is_found_out(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: the strict reader exchanged for the usual one, and the corpus must say so."""
    monkeypatch.setattr(adapter.contract.rest, "read_json", json.loads)
    strict = [case for case in CASES if "twice" in case.case or "infinity" in case.case or "half" in case.case]
    found = [wrong(send(door, (FOLDER / f"{case.case}.json").read_bytes()), case) for case in strict]
    assert sum(map(bool, found)) >= 6
