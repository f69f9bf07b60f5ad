"""Between rows and nouns: microseconds and datetimes, columns and fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from adapter.exchange import Case, Direction, Exchange, Operation, Stage, State

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
"""The unit of every time in the journal."""


def micros(moment: datetime) -> int:
    """Microseconds since 1970, exact."""
    return (moment - _EPOCH) // MICROSECOND


def moment(value: int) -> datetime:
    """The same moment as an aware datetime in UTC."""
    return _EPOCH + value * MICROSECOND


def optional_moment(value: int | None) -> datetime | None:
    """As `moment`, with None for what has not happened."""
    return None if value is None else moment(value)


def case_of(row: Mapping[Any, Any]) -> Case:
    """A row of `cases` as a Case."""
    return Case(
        id=row["id"],
        tenant=row["tenant"],
        service=row["service"],
        tracking_code=row["tracking_code"],
        stage=Stage(row["stage"]),
        channel=row["channel"],
        opened_at=moment(row["opened_at"]),
        internal_reference=row["internal_reference"],
        status_sequence=row["status_sequence"],
        data_key=bytes(row["data_key"]),
    )


def exchange_of(row: Mapping[Any, Any]) -> Exchange:
    """A row of `exchanges` as an Exchange; raises ValueError for a word that this version does not know."""
    return _exchange(row, lambda kind, word: kind(word))


def shown_exchange(row: Mapping[Any, Any]) -> Exchange:
    """As `exchange_of`, to be looked at: what only a newer version knows is the plain text that stands there."""
    return _exchange(row, lambda kind, word: kind(word) if word in [one.value for one in kind] else word)


def _exchange(row: Mapping[Any, Any], word_of: Callable[[type[StrEnum], str], Any]) -> Exchange:
    return Exchange(
        id=row["id"],
        tenant=row["tenant"],
        service=row["service"],
        case_id=row["case_id"],
        operation=word_of(Operation, row["operation"]),
        direction=word_of(Direction, row["direction"]),
        table=row["mapping_table"],
        target=row["target"],
        lane=row["lane"],
        state=word_of(State, row["state"]),
        reference=row["reference"],
        accepted_at=moment(row["accepted_at"]),
        due_at=moment(row["due_at"]),
        deadline_at=moment(row["deadline_at"]),
        revision=row["revision"],
        attempts=row["attempts"],
        asked=row["asked"],
        may_have_effect=bool(row["may_have_effect"]),
        code=row["code"],
        reason=row["reason"],
        event_id=row["event_id"],
        attempted_at=optional_moment(row["attempted_at"]),
        settled_at=optional_moment(row["settled_at"]),
    )


def exchange_row(exchange: Exchange, *, owner: str | None = None, fence: int = 0) -> dict[str, Any]:
    """An Exchange as a row to insert; the sequence is the database's."""
    return {
        "id": exchange.id,
        "tenant": exchange.tenant,
        "service": exchange.service,
        "case_id": exchange.case_id,
        "operation": exchange.operation.value,
        "direction": exchange.direction.value,
        "mapping_table": exchange.table,
        "target": exchange.target,
        "lane": exchange.lane,
        "state": exchange.state.value,
        "revision": exchange.revision,
        "reference": exchange.reference,
        "attempts": exchange.attempts,
        "asked": exchange.asked,
        "may_have_effect": exchange.may_have_effect,
        "code": exchange.code,
        "reason": exchange.reason,
        "event_id": exchange.event_id,
        "accepted_at": micros(exchange.accepted_at),
        "due_at": micros(exchange.due_at),
        "deadline_at": micros(exchange.deadline_at),
        "attempted_at": None if exchange.attempted_at is None else micros(exchange.attempted_at),
        "settled_at": None if exchange.settled_at is None else micros(exchange.settled_at),
        "owner": owner,
        "fence": fence,
        "lease_until": None,
    }


def with_times(row: Mapping[Any, Any], *names: str) -> dict[str, Any]:
    """The row's columns, these of them as datetimes."""
    told = dict(row)
    for name in names:
        told[name] = None if told[name] is None else moment(told[name])
    return told
