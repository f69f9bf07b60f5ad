"""Recognition: a call kept before, by its key or by its subject, is answered as the first time, or refused by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import BindParameter, Row, Select, and_, bindparam, select

from adapter.exchange import PARALLEL_CODE, Caller, Case, Claim, Exchange, Payload, Record, Stage
from adapter.journal import payloads
from adapter.journal.schema import TOMBSTONE, business_keys, cases, idempotency_keys
from adapter.journal.unit import Unit
from adapter.refusals import AlreadyFiled, KeyConflict, KeyRetired, RequestRefused


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A call to be kept: under `scope` (who, which operation, which key) and, if it has one, its business key.

    `case` is given for a call that opens one; otherwise the exchange belongs to a case already kept.
    `body` is what the caller is answered, now and whenever it calls again. Without `may_leave` it waits unclaimed.
    `taken_after` names the closed stages of its case in which it is kept all the same, each with how long after the
    end, None for ever. `why` is the reason that an operator gave, who then is the caller. With `marks_parallel` a call
    about a subject whose first call said otherwise is kept beside it, and marked; `tells_parallel` says that the answer
    may name the first one's tracking code. `brought` are the ids of the large documents that came with the call.
    """

    caller: Caller
    scope: bytes
    fingerprint: bytes
    exchange: Exchange
    record: Record = field(repr=False)
    status: int
    body: Payload = field(repr=False)
    case: Case | None = None
    answer: Payload | None = field(default=None, repr=False)
    business_key: bytes | None = None
    is_permanent: bool = False
    why: str | None = None
    taken_after: Mapping[Stage, timedelta | None] = field(default_factory=dict)
    search: Mapping[str, bytes] = field(default_factory=dict)
    may_leave: bool = True
    marks_parallel: bool = False
    tells_parallel: bool = False
    brought: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the caller is told. `claim` is set when this node may deliver at once: the lane was free."""

    status: int
    body: Payload
    is_replay: bool = False
    claim: Claim | None = None


def recall(unit: Unit, acceptances: Sequence[Acceptance]) -> list[Accepted | Exception | None]:
    """The first answer of each call that was kept before, without keeping anything; None for a new call."""
    known = known_keys(unit, acceptances)
    return [
        _recall_one(unit, acceptance, known.get((acceptance.caller.tenant, acceptance.scope)))
        for acceptance in acceptances
    ]


def _recall_one(unit: Unit, acceptance: Acceptance, first: Row[Any] | None) -> Accepted | Exception | None:
    try:
        return None if first is None else first_answer(unit, acceptance, first)
    except RequestRefused as refusal:
        return refusal


def known_keys(unit: Unit, acceptances: Sequence[Acceptance]) -> dict[tuple[str, bytes], Row[Any]]:
    """(tenant, scope) → the call that was kept under this key, tombstones included."""
    found: dict[tuple[str, bytes], Row[Any]] = {}
    for tenant, its in _by_tenant(acceptances).items():
        for row in unit.fetch(_keys_in, [a.scope for a in its], tenant=tenant):
            found[tenant, row.scope] = row
    return found


def known_subjects(unit: Unit, acceptances: Sequence[Acceptance]) -> dict[tuple[str, bytes], Row[Any]]:
    """(tenant, business key) → the first call about this subject; of its own key nothing when that is gone."""
    found: dict[tuple[str, bytes], Row[Any]] = {}
    for tenant, its in _by_tenant(acceptances).items():
        wanted = [a.business_key for a in its if a.business_key is not None]
        for row in unit.fetch(_subjects_in, wanted, tenant=tenant):
            found[tenant, row.key] = row
    return found


def first_answer(unit: Unit, acceptance: Acceptance, first: Row[Any]) -> Accepted:
    """What the call was answered when it came first under its key; raises KeyRetired and KeyConflict."""
    if first.status == TOMBSTONE:
        raise KeyRetired(tracking_code=first.tracking_code)
    if first.fingerprint != acceptance.fingerprint:
        raise KeyConflict
    return _replay(unit, first)


def beside(acceptance: Acceptance, subject: Row[Any]) -> Acceptance:
    """The call as it is kept beside the first one about its subject, whose the subject remains."""
    told = {PARALLEL_CODE: subject.tracking_code} if acceptance.tells_parallel else {}
    return replace(acceptance, business_key=None, body={**acceptance.body, **told})


def says_otherwise(acceptance: Acceptance, subject: Row[Any]) -> bool:
    """Whether the first call about the subject said something else."""
    return bool(subject.subject_fingerprint != acceptance.fingerprint)


def same_subject(unit: Unit, acceptance: Acceptance, subject: Row[Any]) -> Accepted:
    """What the first call about the subject was answered; AlreadyFiled for other content, or when that is gone."""
    is_kept = subject.status not in {None, TOMBSTONE}
    if is_kept and subject.subject_fingerprint == acceptance.fingerprint:
        return _replay(unit, subject)
    raise AlreadyFiled(
        f"the same subject was filed before under tracking code {subject.tracking_code}",
        tracking_code=subject.tracking_code,
    )


def answer_label(scope: bytes) -> str:
    """What an answer is sealed under: the key that it belongs to."""
    return f"answer:{scope.hex()}"


def _replay(unit: Unit, row: Row[Any]) -> Accepted:
    seal = unit.sealer.seal_of(row.case_id, row.data_key)
    body = payloads.as_record(seal.open(row.sealed, answer_label(row.scope)))
    return Accepted(status=row.status, body=body, is_replay=True)


_Values = list[BindParameter[Any]]


def _keys_in(scopes: _Values) -> Select[Any]:
    return (
        select(idempotency_keys, cases.c.data_key, cases.c.tracking_code)
        .outerjoin(cases, cases.c.id == idempotency_keys.c.case_id)
        .where(idempotency_keys.c.tenant == bindparam("tenant", None), idempotency_keys.c.scope.in_(scopes))
    )


def _subjects_in(keys: _Values) -> Select[Any]:
    shared = ("tenant", "scope", "case_id")  # the case too: a key may be used anew once its tombstone is gone
    first = and_(*(idempotency_keys.c[name] == business_keys.c[name] for name in shared))
    return (
        select(
            business_keys.c.key,
            business_keys.c.case_id.label("first_case"),
            business_keys.c.fingerprint.label("subject_fingerprint"),
            idempotency_keys,
            cases.c.data_key,
            cases.c.tracking_code,
        )
        .join(cases, cases.c.id == business_keys.c.case_id)
        .outerjoin(idempotency_keys, first)
        .where(business_keys.c.tenant == bindparam("tenant", None), business_keys.c.key.in_(keys))
    )


def _by_tenant(acceptances: Sequence[Acceptance]) -> dict[str, list[Acceptance]]:
    groups: dict[str, list[Acceptance]] = {}
    for acceptance in acceptances:
        groups.setdefault(acceptance.caller.tenant, []).append(acceptance)
    return groups
