"""service.toml, read part by part: what is sound is used, what is not becomes a fault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from adapter.contract.model import Contract
from adapter.errors import Unfit
from adapter.exchange import Operation, Parallel
from adapter.identifiers import service_id
from adapter.promise import Promise
from adapter.service.checks import PATTERNS, Between, path_fault
from adapter.service.model import Route, ServiceStage, Source
from adapter.service.referral import REFERRAL
from adapter.tables import TO_FILL, Document, Fault, Key, check_keys, near
from adapter.translator.paths import compile_collector, parse_path

_KEYS = {
    "service_id": Key(str),
    "title": Key(str),
    "title_en": Key(str),
    "pattern": Key(str, choices=tuple(PATTERNS)),
    "tier": Key(str, choices=("essential", "general")),
    "kind": Key(str, choices=("service", "area")),
    "stage": Key(str, required=False, choices=tuple(ServiceStage)),
    "parallel": Key(str, required=False, choices=tuple(Parallel)),
    "gateway": Key(str),
    "system": Key(str, required=False),
    "answer_within_seconds": Key(int, required=False),
    "objection_within_days": Key(int, required=False),
    "promise": Key(dict),
    "business_key": Key(dict, required=False),
    "search": Key(dict, required=False),
    "inward": Key(dict, required=False),
    "channels": Key(dict, required=False),
    "documents": Key(dict, required=False),
    "outward": Key(dict),
}
CHANNEL = "channel.code"
"""Where a gateway's record tells who brought it."""
_NAME = re.compile(r"[A-Za-z0-9_]+")
_PROMISE_KEYS = {"working_days": Key(int, required=False), "days": Key(int, required=False)}
_DURATIONS = frozenset({*_PROMISE_KEYS, "answer_within_seconds", "objection_within_days"})
_ROUTE_KEYS = {"operation": Key(str), "table": Key(str)}


def document_faults(document: Document) -> list[Fault]:
    """Return what is wrong with the keys themselves; a file that could not be read has told its fault already."""
    if not document.values:
        return []
    faults = check_keys(document, _KEYS)
    values = document.values
    if isinstance(values.get("promise"), dict):
        faults += check_keys(document, _PROMISE_KEYS, "promise")
        faults += _not_above_zero(document, values["promise"], "promise.")
        if len(values["promise"]) > 1:
            what_to_do = "keep one of them"
            faults.append(document.fault("promise", "a promise is in working_days or in days", what_to_do=what_to_do))
    faults += _not_above_zero(document, values, "")
    if isinstance(values.get("service_id"), str) and values["service_id"] != TO_FILL:
        try:
            service_id(values["service_id"])
        except Unfit as unfit:
            faults.append(document.fault("service_id", unfit.detail))
    pattern = PATTERNS.get(str(values.get("pattern")))
    if pattern and pattern.opening is Operation.INQUIRE and "answer_within_seconds" not in values:
        faults.append(document.fault("answer_within_seconds", "the key is missing", "an inquiry is awaited so long"))
    if pattern:
        faults += _system_faults(document, has_system=bool(pattern.inward))
    if Operation.FILE_OBJECTION in _section(document, "inward") and "objection_within_days" not in values:
        why = "an objection is taken so long after the case has ended"
        faults.append(document.fault("objection_within_days", "the key is missing", why))
    return faults


def _not_above_zero(document: Document, section: Mapping[str, Any], prefix: str) -> list[Fault]:
    return [
        document.fault(f"{prefix}{name}", f"{value} is not above 0", "a duration is")
        for name, value in section.items()
        if name in _DURATIONS and isinstance(value, int) and value <= 0
    ]


def _system_faults(document: Document, *, has_system: bool) -> list[Fault]:
    """Return what is there in vain or lacks: whatever is not only referred has an internal system and goes there."""
    if has_system:
        missing = [name for name in ("system", "inward") if name not in document.values]
        return [
            document.fault(name, "the key is missing", what_to_do="write what the requests become") for name in missing
        ]
    told = [name for name in ("system", "inward", "channels") if name in document.values]
    why = "the pattern is referral: every request stays in the office"
    return [document.fault(name, f"'{name}' is not a key here", why) for name in told]


def read_channels(document: Document, between: Between, faults: list[Fault]) -> dict[str, str]:
    """Read the section [channels]: channel → the service's own pattern, or referral."""
    channels = {name: str(pattern) for name, pattern in _section(document, "channels").items()}
    choices = (str(document.values.get("pattern")), REFERRAL)
    faults += [
        document.fault(f"channels.{name}", f"'{pattern}' is not possible here", what_to_do=near(pattern, choices))
        for name, pattern in channels.items()
        if pattern not in choices
    ]
    pattern = PATTERNS.get(choices[0])
    if between.gateway and pattern:
        unknown = between.misfits(between.gateway, pattern.opening, CHANNEL, channels)
        faults += [
            document.fault(f"channels.{name}", f"'{name}' is not a channel of {between.gateway.title}", expected)
            for name, expected in unknown.items()
        ]
    return channels


def read_contract_name(
    document: Document, key: str, contracts: Mapping[str, Contract], faults: list[Fault]
) -> Contract | None:
    """Find the contract that `gateway` or `system` names."""
    title = document.values.get(key)
    if not isinstance(title, str) or title in contracts:
        return contracts.get(str(title))
    faults.append(document.fault(key, f"there is no contract '{title}'", what_to_do=near(title, contracts)))
    return None


def read_inward(document: Document, faults: list[Fault]) -> dict[Operation, Route]:
    """Read the sections [inward.<operation>]."""
    routes = {}
    for name, section in _section(document, "inward").items():
        operation = _operation(document, f"inward.{name}", name, faults)
        if not isinstance(section, dict):
            faults.append(document.fault(f"inward.{name}", "the value is not a section"))
            continue
        found = check_keys(document, _ROUTE_KEYS, f"inward.{name}")
        if not found and _NAME.fullmatch(section["table"]) is None:
            what = f"'{section['table']}' is not a name of letters, digits and _"
            found = [document.fault(f"inward.{name}.table", what)]
        faults += found
        if operation and not found:
            routes[operation] = Route(section["operation"], section["table"])
    return routes


def read_outward(document: Document, faults: list[Fault]) -> dict[str, Operation]:
    """Read the section [outward]: table → the gateway's operation."""
    found = {
        table: _operation(document, f"outward.{table}", str(name), faults)
        for table, name in _section(document, "outward").items()
    }
    return {table: operation for table, operation in found.items() if operation}


def read_business_keys(
    document: Document, inward: Mapping[Operation, Route], gateway: Contract | None, faults: list[Fault]
) -> dict[Operation, tuple[Source, ...]]:
    """Read the section [business_key]: for an inward operation the paths that make its subject unique."""
    keys: dict[Operation, tuple[Source, ...]] = {}
    for name, paths in _section(document, "business_key").items():
        key = f"business_key.{name}"
        if name not in inward:
            faults.append(
                document.fault(key, f"'{name}' is not an inward operation here", what_to_do=near(name, inward))
            )
            continue
        if not isinstance(paths, list) or not paths:
            faults.append(document.fault(key, "the value is not a list of paths"))
            continue
        shape = gateway.shapes.get(name) if gateway else None
        sources = [_source(document, key, path, shape=shape, message=name, faults=faults) for path in paths]
        keys[Operation(name)] = tuple(source for source in sources if source)
    return keys


def read_search(document: Document, gateway: Contract | None, faults: list[Fault]) -> dict[str, Source]:
    """Read the section [search]: kind → the path of the opening operation's record."""
    pattern = PATTERNS.get(str(document.values.get("pattern")))
    message = pattern.opening if pattern else ""
    shape = gateway.shapes.get(message) if gateway else None
    found = {}
    for kind, path in _section(document, "search").items():
        source = _source(document, f"search.{kind}", path, shape=shape, message=message, faults=faults)
        if source and "[]" in source.path:
            faults.append(
                document.fault(f"search.{kind}", f"'{path}' repeats", "a case is found by one value of a kind")
            )
        if source:
            found[kind] = source
    return found


def read_promise(document: Document) -> Promise:
    """Read the section [promise], found sound before."""
    return Promise(**document.values["promise"])


def read_answer_within(document: Document) -> timedelta | None:
    """Read answer_within_seconds, found sound before."""
    seconds = document.values.get("answer_within_seconds")
    return timedelta(seconds=seconds) if seconds else None


def read_stage(document: Document) -> ServiceStage:
    """Read stage, live where it is not said; what is no stage is told elsewhere."""
    said = document.values.get("stage", ServiceStage.LIVE)
    return ServiceStage(said) if said in set(ServiceStage) else ServiceStage.LIVE


def read_parallel(document: Document) -> Parallel:
    """Read parallel, refuse where it is not said; what is no choice is told elsewhere."""
    said = document.values.get("parallel", Parallel.REFUSE)
    return Parallel(said) if said in set(Parallel) else Parallel.REFUSE


def read_objection_within(document: Document) -> timedelta | None:
    """Read objection_within_days, found sound before."""
    days = document.values.get("objection_within_days")
    return None if days is None else timedelta(days=days)


def _section(document: Document, name: str) -> Mapping[str, Any]:
    section = document.values.get(name, {})
    return section if isinstance(section, dict) else {}


def _operation(document: Document, key: str, name: str, faults: list[Fault]) -> Operation | None:
    if name in set(Operation):
        return Operation(name)
    faults.append(document.fault(key, f"'{name}' is not an operation", what_to_do=near(name, Operation)))
    return None


def _source(
    document: Document, key: str, path: Any, *, shape: Mapping[str, bool] | None, message: str, faults: list[Fault]
) -> Source | None:
    try:
        parsed = parse_path(str(path), reserved=False)
    except Unfit as unfit:
        faults.append(document.fault(key, unfit.detail))
        return None
    faults += path_fault(document, key, parsed.text, shape=shape, message=message)
    return Source(parsed.text, compile_collector(parsed))
