"""The rows of large documents: each waits from its coming until it is bound to its case, in the commit of the message.

A row stands before its first chunk and goes after its last: no chunk is ever without one. Erasing is forgetting the
key; the chunks that it leaves behind say nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, select, update

from adapter.journal.rows import MICROSECOND
from adapter.journal.schema import cases, documents, exchanges
from adapter.journal.sealing import Seal, Sealer
from adapter.journal.unit import Unit
from adapter.mark import TEXT_PREFIX, Mark, marks_in
from adapter.refusals import DocumentNotSent

WAIT = timedelta(hours=1)
"""How long a document waits for the message that it came with."""

_BATCH = 100


@dataclass(frozen=True, slots=True)
class Coming:
    """A document whose first chunk is about to be kept; `data_key` is wrapped by the master key."""

    id: str
    tenant: str
    data_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Whole:
    """A document all of whose chunks are durable; `digest` is the keyed hash that it is found by."""

    id: str
    digest: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Named:
    """Documents that a content names: the rows of those that wait, and how many the tenant has nothing for.

    What is the case's already is neither. Whoever writes a mark himself gets nothing by it.
    """

    waiting: tuple[Row[Any], ...] = ()
    missing: int = 0


NONE = Named()


def key_label(document_id: str) -> str:
    """What a document's key is sealed for."""
    return f"document:{document_id}"


def digest_of(sealer: Sealer, tenant: str, mark: Mark) -> bytes:
    """The keyed hash by which a document is found: a bare SHA-256 would tell who holds a known paper."""
    return sealer.hash("document", tenant, mark.digest, str(mark.size))


def begin(unit: Unit, coming: Sequence[Coming]) -> list[None]:
    """Each has its row, and waits."""
    for one in coming:
        unit.insert(
            documents,
            {
                "id": one.id,
                "tenant": one.tenant,
                "case_id": None,
                "digest": None,
                "size": None,
                "data_key": one.data_key,
                "kept_at": unit.now,
                "waits_until": unit.now + WAIT // MICROSECOND,
            },
        )
    return [None] * len(coming)


def complete(unit: Unit, wholes: Sequence[Whole]) -> list[DocumentNotSent | None]:
    """Each may be bound from now on; DocumentNotSent for one that took so long that it was swept."""
    return [_complete_one(unit, one) for one in wholes]


def _complete_one(unit: Unit, whole: Whole) -> DocumentNotSent | None:
    done = unit.connection.execute(
        update(documents)
        .where(documents.c.id == whole.id, documents.c.data_key.is_not(None))
        .values(digest=whole.digest, size=whole.size, kept_at=unit.now, waits_until=unit.now + WAIT // MICROSECOND)
    )
    return None if done.rowcount == 1 else DocumentNotSent("the document took too long to come")


def named_in(unit: Unit, record: bytes, *, tenant: str, case_id: str, brought: Collection[str]) -> Named:
    """The documents whose marks stand in a record that is about to be kept of a case.

    Of those that wait only the ones `brought` along with it count.
    """
    wanted = _digests_in(unit, record, tenant)
    if not wanted:
        return NONE
    its_own = (documents.c.case_id == case_id) | (_is_waiting(unit) & documents.c.id.in_(brought))
    rows = _with_digests(unit, tenant, wanted, its_own)
    its = {bytes(row.digest) for row in rows if row.case_id is not None}
    waiting = {bytes(row.digest): row for row in rows if row.case_id is None}
    return Named(
        waiting=tuple(row for digest, row in waiting.items() if digest not in its),
        missing=len(wanted - its - waiting.keys()),
    )


def bind(unit: Unit, seal: Seal, named: Named, *, case_id: str) -> None:
    """Those that waited are the case's: their keys lie under the case's own."""
    for row in named.waiting:
        key = unit.sealer.handed_over(key_label(row.id), bytes(row.data_key), seal)
        unit.connection.execute(
            update(documents)
            .where(documents.c.id == row.id)
            .values(case_id=case_id, data_key=key, waits_until=None, kept_at=unit.now)
        )


def _digests_in(unit: Unit, record: bytes, tenant: str) -> set[bytes]:
    marked = marks_in(record) if TEXT_PREFIX in record else ()
    return {digest_of(unit.sealer, tenant, found.mark) for found in marked}


def _with_digests(unit: Unit, tenant: str, digests: Collection[bytes], which: ColumnElement[bool]) -> list[Row[Any]]:
    query = (
        select(documents)
        .where(documents.c.tenant == tenant, documents.c.digest.in_(digests), documents.c.data_key.is_not(None), which)
        .order_by(documents.c.id)
    )
    return list(unit.connection.execute(query.with_for_update(skip_locked=True) if unit.locks_rows else query))


def _is_waiting(unit: Unit) -> ColumnElement[bool]:
    return documents.c.waits_until > unit.now


def discard(unit: Unit, ids: Sequence[str]) -> list[bool]:
    """A document that is bound to no case can be read by nobody any more; whether this one was none's."""
    return [_erase(unit, (documents.c.id == one) & documents.c.case_id.is_(None)) > 0 for one in ids]


def erase_overdue(unit: Unit, orders: Sequence[None]) -> list[None]:
    """What waited in vain can be read by nobody any more."""
    _erase(unit, documents.c.waits_until < unit.now)
    return [None] * len(orders)


def _erase(unit: Unit, which: ColumnElement[bool]) -> int:
    return unit.connection.execute(update(documents).where(which).values(data_key=None, waits_until=None)).rowcount


def erase_ended(unit: Unit, orders: Sequence[Collection[str]]) -> list[None]:
    """The documents of these cases can be read by nobody any more, and the audit tells it of each case."""
    for case_ids in orders:
        for case in unit.connection.execute(
            select(cases.c.id, cases.c.tenant)
            .where(cases.c.id.in_(case_ids), cases.c.closed_at.is_not(None))
            .order_by(cases.c.id)
        ).all():
            erased = unit.connection.execute(
                update(documents)
                .where(documents.c.case_id == case.id, documents.c.data_key.is_not(None))
                .values(data_key=None)
            ).rowcount
            if erased:
                unit.tell("documents_erased", actor="engine", tenant=case.tenant, case_id=case.id, documents=erased)
    return [None] * len(orders)


def forget(unit: Unit, orders: Sequence[Collection[str]]) -> list[None]:
    """The rows of these erased documents are gone."""
    for ids in orders:
        unit.connection.execute(delete(documents).where(documents.c.id.in_(ids), documents.c.data_key.is_(None)))
    return [None] * len(orders)


def bound_to(connection: Connection, tenant: str, reference: str, digest: bytes) -> Row[Any] | None:
    """The document with this digest in the case of the exchange with this reference, beside the case's own key."""
    return connection.execute(
        select(documents, cases.c.data_key.label("case_key"))
        .join(cases, cases.c.id == documents.c.case_id)
        .join(exchanges, exchanges.c.case_id == documents.c.case_id)
        .where(
            exchanges.c.tenant == tenant,
            exchanges.c.reference == reference,
            documents.c.digest == digest,
            documents.c.data_key.is_not(None),
        )
        .order_by(documents.c.id)
        .limit(1)
    ).first()


def ended_cases(connection: Connection, until: int) -> list[str]:
    """A batch of the cases that ended before `until` and still have documents."""
    return list(
        connection.execute(
            select(cases.c.id)
            .join(documents, documents.c.case_id == cases.c.id)
            .where(documents.c.data_key.is_not(None), cases.c.closed_at < until)
            .distinct()
            .limit(_BATCH)
        ).scalars()
    )


def erased(connection: Connection) -> list[str]:
    """A batch of the documents whose chunks must go."""
    return list(
        connection.execute(select(documents.c.id).where(documents.c.data_key.is_(None)).limit(_BATCH)).scalars()
    )


def without_row(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Those that have no row."""
    known: set[str] = set()
    for place in range(0, len(ids), _BATCH):
        some = ids[place : place + _BATCH]
        known |= set(connection.execute(select(documents.c.id).where(documents.c.id.in_(some))).scalars())
    return [one for one in ids if one not in known]
