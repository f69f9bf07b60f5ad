"""Acceptance: a new call is kept exactly once, under its key and under its business subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import to_json
from sqlalchemy import BindParameter, Row, Select, select

from adapter.exchange import CLOSED_STAGES, LANE_HOLDING_STATES, Case, Claim, Stage, State
from adapter.journal import binding, payloads
from adapter.journal.recognising import (
    Acceptance,
    Accepted,
    answer_label,
    beside,
    first_answer,
    known_keys,
    known_subjects,
    same_subject,
    says_otherwise,
)
from adapter.journal.rows import MICROSECOND, case_of, exchange_row, micros
from adapter.journal.schema import business_keys, cases, exchanges, idempotency_keys, in_states, search_keys
from adapter.journal.sealing import Seal
from adapter.journal.unit import Unit
from adapter.refusals import CaseClosed, DocumentNotSent, RequestRefused, StillInFlight


def _busy_among(lanes: list[BindParameter[Any]]) -> Select[Any]:
    return select(exchanges.c.lane).where(exchanges.c.lane.in_(lanes), in_states(LANE_HOLDING_STATES)).distinct()


@dataclass(slots=True)
class _Known:
    keys: Mapping[tuple[str, bytes], Row[Any]]
    subjects: Mapping[tuple[str, bytes], Row[Any]]
    cases: Mapping[str, Mapping[Any, Any]]
    busy_lanes: set[str]
    scopes_in_batch: set[bytes] = field(default_factory=set)


def accept(unit: Unit, acceptances: Sequence[Acceptance]) -> list[Accepted | Exception]:
    """Keep each call once; a repeated one gets the first answer, or the refusal that its difference deserves."""
    case_rows = _existing_cases(unit, acceptances)
    known = _Known(
        keys=known_keys(unit, acceptances),
        subjects=known_subjects(unit, acceptances),
        cases=case_rows,
        busy_lanes=busy_lanes(unit, [a.exchange.lane for a in acceptances if not _begins_a_lane(a)]),
    )
    answers: list[Accepted | Exception] = []
    for acceptance in acceptances:
        try:
            answers.append(_accept_one(unit, acceptance, known))
        except RequestRefused as refusal:
            answers.append(refusal)
    return answers


def _begins_a_lane(acceptance: Acceptance) -> bool:
    """Whether nothing can stand in its lane yet: it is that of the case which it opens."""
    return acceptance.case is not None and acceptance.exchange.lane.startswith(acceptance.case.id)


def _accept_one(unit: Unit, acceptance: Acceptance, known: _Known) -> Accepted:
    tenant = acceptance.caller.tenant
    first = known.keys.get((tenant, acceptance.scope))
    if first is not None:
        return first_answer(unit, acceptance, first)
    if acceptance.business_key is not None:
        subject = known.subjects.get((tenant, acceptance.business_key))
        if subject is not None:
            if not (acceptance.marks_parallel and says_otherwise(acceptance, subject)):
                return same_subject(unit, acceptance, subject)
            return _keep(unit, beside(acceptance, subject), known, parallel_to=subject.first_case)
    in_flight = {acceptance.scope} if acceptance.business_key is None else {acceptance.scope, acceptance.business_key}
    if in_flight & known.scopes_in_batch:
        raise StillInFlight(retry_after=1)
    known.scopes_in_batch |= in_flight
    return _keep(unit, acceptance, known)


def _keep(unit: Unit, acceptance: Acceptance, known: _Known, *, parallel_to: str | None = None) -> Accepted:
    exchange, contents = acceptance.exchange, _contents(acceptance)
    within = {"tenant": exchange.tenant, "case_id": exchange.case_id}
    named = binding.named_in(unit, contents[payloads.RECORD], **within, brought=acceptance.brought)
    if named.missing:
        raise DocumentNotSent
    case, seal = _case_and_seal(unit, acceptance, known)
    is_ours = acceptance.may_leave and exchange.state is State.READY and exchange.lane not in known.busy_lanes
    known.busy_lanes.add(exchange.lane)
    unit.lanes.add(exchange.lane)
    fence = int(is_ours)
    unit.insert(exchanges, exchange_row(exchange, owner=unit.owner if is_ours else None, fence=fence))
    for kind, content in contents.items():
        payloads.keep(unit, seal, content, exchange_id=exchange.id, case_id=case.id, kind=kind)
    binding.bind(unit, seal, named, case_id=case.id)
    _keep_keys(unit, acceptance, case, seal)
    unit.tell(
        "accepted",
        actor=f"caller:{acceptance.caller.name}" if acceptance.why is None else acceptance.caller.name,
        tenant=case.tenant,
        case_id=case.id,
        exchange_id=exchange.id,
        operation=exchange.operation.value,
        state=exchange.state.value,
        why=acceptance.why,
        parallel_to=parallel_to,
    )
    claim = Claim(exchange, case, fence=fence, record=acceptance.record) if is_ours else None
    return Accepted(status=acceptance.status, body=acceptance.body, claim=claim)


def _case_and_seal(unit: Unit, acceptance: Acceptance, known: _Known) -> tuple[Case, Seal]:
    if acceptance.case is None:
        row = known.cases[acceptance.exchange.case_id]
        _refuse_too_late(unit, acceptance, row)
        return case_of(row), unit.sealer.seal_of(row["id"], row["data_key"])
    case = acceptance.case
    seal, wrapped = unit.sealer.new_data_key(case.id)
    unit.insert(
        cases,
        {
            "id": case.id,
            "tenant": case.tenant,
            "service": case.service,
            "tracking_code": case.tracking_code,
            "stage": case.stage.value,
            "channel": case.channel,
            "caller": acceptance.caller.name,
            "internal_reference": case.internal_reference,
            "status_sequence": case.status_sequence,
            "status_code": None,
            "status_title": None,
            "awaited_party": None,
            "opened_at": micros(case.opened_at),
            "changed_at": micros(case.opened_at),
            "closed_at": micros(case.opened_at) if case.stage in CLOSED_STAGES else None,
            "data_key": wrapped,
        },
    )
    return replace(case, data_key=wrapped), seal


def _refuse_too_late(unit: Unit, acceptance: Acceptance, row: Mapping[Any, Any]) -> None:
    stage = Stage(row["stage"])
    if stage not in CLOSED_STAGES:
        return
    if stage not in acceptance.taken_after:
        raise CaseClosed(f"the case is {stage}", stage=stage.value)
    within = acceptance.taken_after[stage]
    if within is not None and unit.now > (row["closed_at"] or row["changed_at"]) + within // MICROSECOND:
        raise CaseClosed(f"the case is {stage}, and the {within.days} days after its end are over", stage=stage.value)


def _contents(acceptance: Acceptance) -> dict[str, bytes]:
    kept = {payloads.RECORD: acceptance.record, payloads.ANSWER: acceptance.answer}
    return {kind: to_json(content) for kind, content in kept.items() if content is not None}


def _keep_keys(unit: Unit, acceptance: Acceptance, case: Case, seal: Seal) -> None:
    unit.insert(
        idempotency_keys,
        {
            "tenant": case.tenant,
            "scope": acceptance.scope,
            "fingerprint": acceptance.fingerprint,
            "case_id": case.id,
            "status": acceptance.status,
            "sealed": seal.close(to_json(acceptance.body), answer_label(acceptance.scope)),
            "kept_at": unit.now,
        },
    )
    if acceptance.business_key is not None:
        unit.insert(
            business_keys,
            {
                "tenant": case.tenant,
                "key": acceptance.business_key,
                "fingerprint": acceptance.fingerprint,
                "scope": acceptance.scope,
                "case_id": case.id,
                "is_permanent": acceptance.is_permanent,
            },
        )
    for kind, digest in acceptance.search.items():
        unit.insert(search_keys, {"tenant": case.tenant, "kind": kind, "hash": digest, "case_id": case.id})


def _existing_cases(unit: Unit, acceptances: Sequence[Acceptance]) -> dict[str, Mapping[Any, Any]]:
    wanted = sorted({a.exchange.case_id for a in acceptances if a.case is None})
    if not wanted:
        return {}
    query = select(cases).where(cases.c.id.in_(wanted)).order_by(cases.c.id)
    if unit.locks_rows:
        query = query.with_for_update()
    return {row["id"]: row for row in unit.connection.execute(query).mappings()}


def busy_lanes(unit: Unit, lanes: Iterable[str]) -> set[str]:
    """Those of the lanes in which an exchange still holds up what comes after it."""
    wanted = set(lanes)
    return {row.lane for row in unit.fetch(_busy_among, sorted(wanted))} | (wanted & unit.lanes)
