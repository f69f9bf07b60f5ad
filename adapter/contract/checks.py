"""Whether what a contract folder says agrees with itself; every fault says where, what and what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from adapter.contract.abilities import promised_faults
from adapter.contract.codec import Shape
from adapter.contract.model import Contract, DocumentsContract, OperationContract, StatementContract
from adapter.contract.paging import paging_faults, paging_paths
from adapter.contract.webhooks import change_shape, row_faults
from adapter.exchange import TOLD_STATES, Direction, Effect, KeySource


def check_contract(contract: Contract, directions: Mapping[str, str], *, place: str) -> list[str]:
    """Every contradiction between contract.toml and the bindings, and between the bindings."""
    found = [
        *_unknown_operations(contract),
        *_operations(contract),
        *_directions(contract, directions),
        *_sections(contract),
        *promised_faults(contract),
        *_bindings_differ(contract),
    ]
    return [f"{place}: {fault}" for fault in found]


def door_clashes(served: Iterable[Contract]) -> list[str]:
    """Contracts that would be served at one address; each version that is served beside another needs its own door."""
    taken: dict[tuple[str, str], Contract] = {}
    found: dict[str, str] = {}
    for contract in sorted(served, key=lambda one: one.title):
        for method, path in _addresses(contract):
            other = taken.setdefault((method, re.sub(r"\{\w+\}", "{}", path)), contract)
            if other is not contract:
                what = f"{method} {path} is served for {other.title} already"
                mend = f'give this version a door of its own: door = "/{contract.title}"'
                found.setdefault(contract.title, f"contracts/{contract.title}/contract.toml: door: {what}; {mend}")
    return list(found.values())


def _addresses(contract: Contract) -> Iterator[tuple[str, str]]:
    inward = [name for name, one in contract.operations.items() if one.direction is Direction.INWARD]
    for method, path in (contract.routes[name] for name in inward if name in contract.routes):
        yield method, f"{contract.door}{path}"
    if "soap" in contract.bindings and contract.bindings["soap"].operations & set(inward):
        yield "POST", f"{contract.door}{contract.soap_path}"


def _unknown_operations(contract: Contract) -> Iterator[str]:
    if not contract.bindings:
        yield "has no readable binding; name a soap, openapi, sql or file document"
    for binding, codec in sorted(contract.bindings.items()):
        for name in sorted(codec.operations - contract.operations.keys()):
            yield f"operations: {binding} has {name}, which has no section here; add [operations.{name}]"
        for name in sorted(contract.operations.keys() - codec.operations):
            yield f"operations.{name}: {binding} has no such operation{_near(name, codec.operations)}"


def _operations(contract: Contract) -> Iterator[str]:
    for name, operation in contract.operations.items():
        place = f"operations.{name}"
        if operation.effect is Effect.QUERYABLE and operation.query is None:
            yield f"{place}.query: is missing; a queryable operation names the operation that asks for its effect"
        if operation.effect is Effect.QUERYABLE and not operation.compare:
            yield f"{place}.compare: is missing; name what must agree before a found effect is taken for ours"
        if operation.idempotency_key is KeySource.MINTED and not _changes_us(operation):
            yield f"{place}.idempotency_key: only what changes something and comes inward has a key that can be minted"
        for key, other in (("query", operation.query), ("poll", operation.poll)):
            yield from _reading(contract, f"{place}.{key}", other)
        poll = contract.operations.get(operation.poll or "")
        if poll is not None and poll.awaiting is None:
            yield f"operations.{operation.poll}.awaiting: is missing; how does it say that there is no answer yet?"
        if operation.query is not None and operation.query not in contract.finds:
            yield f"{place}.query: [find.{operation.query}] is missing; it says where the query's answer carries what"
        yield from _paths(contract, operation, place)


def _changes_us(operation: OperationContract) -> bool:
    return operation.direction is Direction.INWARD and operation.effect is not Effect.READ


def _reading(contract: Contract, place: str, other: str | None) -> Iterator[str]:
    if other is None:
        return
    if other not in contract.operations:
        yield f"{place}: '{other}' is not an operation{_near(other, contract.operations)}"
    elif contract.operations[other].effect is not Effect.READ:
        yield f"{place}: '{other}' changes something; only an operation with effect read may be asked"


def _paths(contract: Contract, operation: OperationContract, place: str) -> Iterator[str]:
    request = contract.shapes.get(operation.name, {})
    answer = contract.answer_shapes.get(operation.name, {})
    yield from _stands(request, operation.reference_path, f"{place}.reference_path")
    yield from _stands(answer, operation.answer_reference, f"{place}.answer_reference")
    yield from _stands(answer, (operation.awaiting or "").partition("=")[0].strip(), f"{place}.awaiting")
    asked = contract.answer_shapes.get(operation.query or "", {})
    for path, there in operation.compare:
        yield from _stands(request, path, f"{place}.compare")
        yield from _stands(asked, there, f"{place}.compare: {operation.query}")


def _directions(contract: Contract, directions: Mapping[str, str]) -> Iterator[str]:
    for name, direction in directions.items():
        operation = contract.operations.get(name)
        if operation and operation.direction != direction:
            yield f"operations.{name}.direction: is {operation.direction}, the OpenAPI says {direction}; agree on one"


def _sections(contract: Contract) -> Iterator[str]:
    yield from _reading(contract, "health", contract.health)
    needed = [path for path, must in contract.shapes.get(contract.health or "", {}).items() if must and "." not in path]
    if needed:
        yield f"health: '{contract.health}' needs {', '.join(needed)}; choose one that is asked without a word, or none"
    for name, find in contract.finds.items():
        place = f"find.{name}"
        yield from _reading(contract, place, name)
        answer = contract.answer_shapes.get(name, {})
        yield from _stands(contract.shapes.get(name, {}), find.reference, f"{place}.reference")
        for key in ("found", "operation", "answer"):
            yield from _stands(answer, getattr(find, key), f"{place}.{key}")
    for section, requests, items in (
        ("changes", (), ("event", "kind", "reference", "sequence", "changed_at")),
        ("statement", ("since", "until"), ("reference", "name", "at", "amount_rial", "state")),
    ):
        yield from _paged(contract, section, requests=requests, items=items)
    if contract.webhook is not None:
        asked = contract.answer_shapes.get(contract.changes.operation, {}) if contract.changes else {}
        yield from row_faults(contract.webhook, contract.changes, asked)
    if contract.statement is not None:
        yield from _meanings(contract, contract.statement)
    if contract.documents is not None:
        yield from _fetched(contract, contract.documents)


def _fetched(contract: Contract, said: DocumentsContract) -> Iterator[str]:
    """Whether documents can be asked for over the wire, and changes name them."""
    yield from _reading(contract, "documents.operation", said.operation)
    if not contract.bindings.keys() & {"soap", "rest"}:
        yield "documents: only a system that speaks SOAP or REST is asked for documents; leave the section out"
    yield from _stands(contract.shapes.get(said.operation, {}), said.asks, "documents.asks")
    yield from _stands(contract.answer_shapes.get(said.operation, {}), said.answer, "documents.answer")
    if contract.changes is None and contract.webhook is None:
        yield "documents: nothing names them; [changes] or [webhook] tells where changes come from"
        return
    change = change_shape(contract)
    for key in ("number", "content", "sha256", "media_type"):
        yield from _stands(change, getattr(said, key), f"documents.{key}")


def _meanings(contract: Contract, said: StatementContract) -> Iterator[str]:
    """Whether a ledger's states mean something that a ledger can know, and its amounts are fields of requests."""
    if said.state is not None and not said.states:
        yield "statement.states: is missing; what do their words for an entry's state mean?"
    for word, state in said.states.items():
        if state not in TOLD_STATES:
            yield f"statement.states.{word}: a ledger cannot tell '{state}'; use {', '.join(sorted(TOLD_STATES))}"
    if said.amount_rial is not None and not said.amounts:
        yield "statement.amounts: is missing; which field of our requests is an entry's amount?"
    for name, path in said.amounts.items():
        place, operation = f"statement.amounts.{name}", contract.operations.get(name)
        if operation is None:
            yield f"{place}: '{name}' is not an operation{_near(name, contract.operations)}"
        elif operation.effect is Effect.QUERYABLE and path not in dict(operation.compare):
            yield f"{place}: '{path}' is not in operations.{name}.compare; no amount is adopted that was not compared"
        yield from _stands(contract.shapes.get(name, {}), path, place)


def _paged(contract: Contract, section: str, *, requests: tuple[str, ...], items: tuple[str, ...]) -> Iterator[str]:
    said = getattr(contract, section)
    if said is None:
        return
    yield from _reading(contract, f"{section}.operation", said.operation)
    request = contract.shapes.get(said.operation, {})
    answer = contract.answer_shapes.get(said.operation, {})
    for key in requests:
        yield from _stands(request, getattr(said, key), f"{section}.{key}")
    yield from paging_faults(contract, section)
    for key, path, is_asked in paging_paths(contract, section):
        yield from _stands(request if is_asked else answer, path, f"{section}.{key}")
    yield from _stands(answer, f"{said.items}[]", f"{section}.items")
    for key in items:
        path = getattr(said, key)
        yield from _stands(answer, path and f"{said.items}[].{path}", f"{section}.{key}")


def _stands(shape: Shape, path: str | None, place: str) -> Iterator[str]:
    if path and shape and path not in shape:
        yield f"{place}: '{path}' is not a field there{_near(path, shape)}"


def _bindings_differ(contract: Contract) -> Iterator[str]:
    """All bindings carry one record: same names, same nesting, same duties."""
    for first, second in combinations(sorted(contract.bindings, reverse=True), 2):
        one, other = contract.bindings[first], contract.bindings[second]
        for name in sorted(one.operations & other.operations):
            for what, left, right in (
                ("request", one.request_shape(name), other.request_shape(name)),
                ("answer", one.answer_shape(name), other.answer_shape(name)),
            ):
                differing = sorted(path for path in {*left, *right} if left.get(path) != right.get(path))
                if differing:
                    yield f"operations.{name}: {first} and {second} differ in the {what} at {', '.join(differing[:5])}"


def _near(name: str, known: Mapping[str, object] | frozenset[str]) -> str:
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{found[0]}'?" if found else ""
