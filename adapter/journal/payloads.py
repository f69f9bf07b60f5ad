"""Sealed contents of exchanges: the record that came, the frozen bytes that leave, the answer that came back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, select

from adapter.exchange import Payload
from adapter.journal.schema import cases, payloads
from adapter.journal.sealing import Seal, Sealer
from adapter.journal.unit import Unit

RECORD, FROZEN, ANSWER = "record", "frozen", "answer"


def label(exchange_id: str, kind: str, revision: int = 1) -> str:
    """What a sealed payload is bound to."""
    return f"{exchange_id}:{kind}:{revision}"


def keep(
    unit: Unit, seal: Seal, content: Payload | bytes, *, exchange_id: str, case_id: str, kind: str, revision: int = 1
) -> None:
    """Stage one sealed payload."""
    raw = content if isinstance(content, bytes) else to_json(content)
    unit.insert(
        payloads,
        {
            "exchange_id": exchange_id,
            "kind": kind,
            "revision": revision,
            "case_id": case_id,
            "sealed": seal.close(raw, label(exchange_id, kind, revision)),
        },
    )


def seals(connection: Connection, sealer: Sealer, case_ids: Iterable[str]) -> dict[str, Seal]:
    """The data keys of these cases, at work."""
    wanted = sorted(set(case_ids))
    if not wanted:
        return {}
    rows = connection.execute(select(cases.c.id, cases.c.data_key).where(cases.c.id.in_(wanted)))
    return {case_id: sealer.seal_of(case_id, wrapped) for case_id, wrapped in rows}


def opened(
    connection: Connection, seal_of_case: dict[str, Seal], exchange_ids: Iterable[str], kinds: Iterable[str]
) -> dict[tuple[str, str], bytes]:
    """The latest revision of each wanted payload, opened: (exchange, kind) → bytes."""
    rows = connection.execute(
        select(payloads)
        .where(payloads.c.exchange_id.in_(list(exchange_ids)), payloads.c.kind.in_(list(kinds)))
        .order_by(payloads.c.revision)
    ).mappings()
    return {
        (row["exchange_id"], row["kind"]): seal_of_case[row["case_id"]].open(
            row["sealed"], label(row["exchange_id"], row["kind"], row["revision"])
        )
        for row in rows
    }


def as_record(raw: bytes) -> dict[str, Any]:
    """A sealed record or answer as it was kept."""
    record: dict[str, Any] = from_json(raw)
    return record
