"""A service's tables against its pattern and the two contracts between which they stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

from adapter.contract.model import Contract
from adapter.contract.webhooks import change_shape
from adapter.exchange import OPENING_OPERATIONS, PAYMENT_OPERATIONS, Direction, KeySource, Operation
from adapter.service.fitting import Misfits, misfits
from adapter.service.model import Route
from adapter.service.publication import PUBLISHED_PATHS
from adapter.service.publication import TABLE as PUBLICATION
from adapter.tables import Document, Fault, near
from adapter.translator import Table
from adapter.translator.shapes import (
    Shape,
    cell_faults,
    empty_cell_faults,
    source_faults,
    target_faults,
    unexamined_faults,
)


@dataclass(frozen=True, slots=True)
class PatternTables:
    """Which inward operations a pattern speaks, and each outward table with the operations that need it."""

    opening: Operation
    inward: frozenset[Operation]
    outward: Mapping[str, frozenset[Operation]]


_OPENING = frozenset({Operation.SUBMIT_REQUEST})
_OF_A_BILL = frozenset(
    {
        Operation.WITHDRAW_REQUEST,
        Operation.CONFIRM_PAYMENT,
        Operation.REVERSE_PAYMENT,
        Operation.FILE_OBJECTION,
        Operation.SUBMIT_SURVEY,
    }
)
_ASKING = frozenset({Operation.INQUIRE})
_ANSWERS = dict.fromkeys(("answer", "refused_answer"), _ASKING)
_AROUND_AN_INQUIRY = PAYMENT_OPERATIONS | {Operation.ATTACH_DOCUMENT, Operation.WITHDRAW_REQUEST}
_LATER = _OF_A_BILL | {Operation.ATTACH_DOCUMENT, Operation.CORRECT_REQUEST}
_WHEN_TOLD: frozenset[Operation] = frozenset()
"""Tables that only changes of the internal system use: a service has them when its system tells such changes."""
_OF_CHANGES = dict.fromkeys(("bill_cancelled", "document", "visit"), _WHEN_TOLD)
_OF_OPERATORS = {PUBLICATION: _WHEN_TOLD}
"""What an operator has told to the gateway, whatever the pattern."""

SUBJECTS = "subject"
"""The codes file of an area."""

PATTERNS: Mapping[str, PatternTables] = {
    "case": PatternTables(
        opening=Operation.SUBMIT_REQUEST,
        inward=_OPENING | _LATER,
        outward={
            "status": _OPENING,
            "refusal": _OPENING,
            "setback": _LATER,
            "bill": _WHEN_TOLD,
            **_OF_CHANGES,
            **_OF_OPERATORS,
        },
    ),
    "bill": PatternTables(
        opening=Operation.SUBMIT_REQUEST,
        inward=_OPENING | _OF_A_BILL,
        outward={
            "bill": _OPENING,
            "assessed": _OPENING,
            "refusal": _OPENING,
            "receipt": PAYMENT_OPERATIONS,
            "withdrawal": frozenset({Operation.WITHDRAW_REQUEST}),
            "setback": _OF_A_BILL,
            "status": _WHEN_TOLD,
            **_OF_CHANGES,
            **_OF_OPERATORS,
        },
    ),
    "inquiry": PatternTables(
        opening=Operation.INQUIRE,
        inward=_ASKING | _AROUND_AN_INQUIRY,
        outward={
            **_ANSWERS,
            "receipt": PAYMENT_OPERATIONS,
            "setback": _AROUND_AN_INQUIRY,
            "status": _WHEN_TOLD,
            "bill": _WHEN_TOLD,
            **_OF_CHANGES,
            **_OF_OPERATORS,
        },
    ),
    "calculation": PatternTables(opening=Operation.INQUIRE, inward=_ASKING, outward={**_ANSWERS, **_OF_OPERATORS}),
    "referral": PatternTables(opening=Operation.SUBMIT_REQUEST, inward=frozenset(), outward={**_OF_OPERATORS}),
}


@dataclass(frozen=True, slots=True)
class Between:
    """The two contracts of a service, None where it names one that does not exist, and who tells what fits them.

    What ended before `today` need not fit any more.
    """

    gateway: Contract | None
    system: Contract | None
    misfits: Misfits = misfits
    today: date = date.min


def pattern_faults(
    document: Document, inward: Mapping[Operation, Route], outward: Mapping[str, Operation]
) -> list[Fault]:
    """Return operations and tables that the pattern does not speak, and those it needs and lacks."""
    pattern = PATTERNS.get(str(document.values.get("pattern")))
    if pattern is None:
        return []
    section = document.values.get("outward")
    named = section if isinstance(section, dict) else {}
    why = f"the pattern is {document.values['pattern']}"
    faults = [
        document.fault(
            f"inward.{operation}", "the operation is not spoken here", why, what_to_do=near(operation, pattern.inward)
        )
        for operation in inward
        if operation not in pattern.inward
    ]
    faults += [
        document.fault(
            f"outward.{table}", f"'{table}' is not a table here", why, what_to_do=near(table, pattern.outward)
        )
        for table in outward
        if table not in pattern.outward
    ]
    if pattern.inward and pattern.opening not in inward:
        faults.append(document.fault(f"inward.{pattern.opening}", "the section is missing", why))
    faults += [
        document.fault(f"outward.{table}", "the table is missing", f"{why} and offers {min(needing & inward.keys())}")
        for table, needing in pattern.outward.items()
        if table not in named and needing & inward.keys()
    ]
    return faults


def spoken(document: Document, outward: Mapping[str, Operation]) -> dict[str, Operation]:
    """Return the outward tables that the pattern has; all of them when there is no such pattern."""
    pattern = PATTERNS.get(str(document.values.get("pattern")))
    return {table: one for table, one in outward.items() if pattern is None or table in pattern.outward}


def area_faults(document: Document, books: Collection[str]) -> list[Fault]:
    """Return the lack of subjects: an area stands for many services, each a row of codes/subject.csv."""
    if document.values.get("kind") != "area" or SUBJECTS in books:
        return []
    what = f"codes/{SUBJECTS}.csv is missing"
    return [document.fault("kind", what, "an area tells its subjects", what_to_do="write one row for each subject")]


def operation_faults(
    document: Document, between: Between, inward: Mapping[Operation, Route], outward: Mapping[str, Operation]
) -> list[Fault]:
    """Return operations that the contracts do not have in that direction."""
    faults = []
    for operation, route in inward.items():
        faults += _operation_faults(
            document, f"inward.{operation}", operation, between.gateway, direction=Direction.INWARD
        )
        faults += _operation_faults(
            document, f"inward.{operation}.operation", route.operation, between.system, direction=Direction.INWARD
        )
    for table, operation in outward.items():
        faults += _operation_faults(
            document, f"outward.{table}", operation, between.gateway, direction=Direction.OUTWARD
        )
    return faults


def minted_key_faults(
    document: Document, between: Between, inward: Mapping[Operation, Route], keyed: Collection[Operation]
) -> list[Fault]:
    """Return operations whose calls carry no key and give nothing to mint one from.

    What belongs to a case has its tracking code at least; what opens one needs a business key.
    """
    if between.gateway is None:
        return []
    told = {name: one.idempotency_key for name, one in between.gateway.operations.items()}
    why = f"calls of {between.gateway.title} carry no idempotency key, it is minted from the business key"
    return [
        document.fault(
            f"inward.{operation}", "there is no business key", why, what_to_do=f"name it at business_key.{operation}"
        )
        for operation in inward
        if operation in OPENING_OPERATIONS and operation not in keyed and told.get(operation) is KeySource.MINTED
    ]


def reversal_faults(document: Document, inward: Mapping[Operation, Route], keyed: Collection[Operation]) -> list[Fault]:
    """Return what is missing for payments to be taken back: each is confirmed first, and known by a business key."""
    if Operation.REVERSE_PAYMENT not in inward:
        return []
    why = f"{Operation.REVERSE_PAYMENT} takes back a payment that was confirmed, once"
    faults = [
        document.fault(f"business_key.{operation}", "there is no business key", why, what_to_do="name the bill's ids")
        for operation in sorted(PAYMENT_OPERATIONS - set(keyed))
    ]
    if Operation.CONFIRM_PAYMENT not in inward:
        faults.append(document.fault(f"inward.{Operation.CONFIRM_PAYMENT}", "the section is missing", why))
    return faults


def _operation_faults(
    document: Document, key: str, name: str, contract: Contract | None, *, direction: Direction
) -> list[Fault]:
    if contract is None:
        return []
    names = [one.name for one in contract.operations.values() if one.direction is direction]
    if name in names:
        return []
    what = f"'{name}' is not an {direction} operation of {contract.title}"
    return [document.fault(key, what, what_to_do=near(name, names))]


def inward_table_faults(table: Table, operation: Operation, route: Route, between: Between) -> list[Fault]:
    """Check targets and codes against the internal operation, sources against the gateway's."""
    faults = _filling_faults(table, between.system, route.operation, between)
    if between.gateway and (shape := between.gateway.shapes.get(operation)):
        faults += source_faults(table, shape, operation)
    return faults


def outward_table_faults(table: Table, operation: Operation, told: Collection[str], between: Between) -> list[Fault]:
    """Check targets and codes against the gateway's operation, sources against all that the internal system tells."""
    faults = _filling_faults(table, between.gateway, operation, between)
    if between.gateway and (told_as := between.gateway.operations.get(operation)):
        faults += unexamined_faults(table, told_as.base64, operation)
    if operation is Operation.PUBLISH_SERVICE:
        return faults + source_faults(table, PUBLISHED_PATHS, "what is published of a service")
    if between.system and told:
        faults += source_faults(table, told, f"what {between.system.title} tells")
    return faults


def _filling_faults(table: Table, contract: Contract | None, operation: str, between: Between) -> list[Fault]:
    """Check what the rows fill, and what the codes files bring there, against the message it is for."""
    faults = empty_cell_faults(table)
    if contract and (shape := contract.shapes.get(operation)):
        faults += target_faults(table, shape, operation)
        known = [line for line in table.lines if line.target.text in shape]
        fit = partial(between.misfits, contract, operation)
        faults += cell_faults(known, fit, operation, today=between.today)
    return faults


def path_fault(document: Document, key: str, path: str, *, shape: Shape | None, message: str) -> list[Fault]:
    """Return a fault when a path of service.toml is not in the message."""
    if not shape or path in shape:
        return []
    return [document.fault(key, f"'{path}' is not in {message}", what_to_do=near(path, shape))]


def told_by(system: Contract, inward: Mapping[Operation, Route]) -> set[str]:
    """Gather the paths of its changes and of its answers, those fetched later included."""
    told = set(change_shape(system))
    for route in inward.values():
        operation = system.operations.get(route.operation)
        names = [route.operation, operation.poll] if operation else []
        for name in filter(None, names):
            told |= set(system.answer_shapes.get(name, {}))
    return told
