"""Exchanges and cases on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ops.cli.printing import moment, print_facts, print_table

_LISTED = ("id", "state", "service", "operation", "tracking_code", "attempts", "code", "reason")


def print_exchanges(exchanges: Iterable[Mapping[str, Any]]) -> None:
    """One line each."""
    print_table(
        ("accepted", *_LISTED),
        ([moment(one["accepted_at"]), *(one[name] for name in _LISTED)] for one in exchanges),
    )


def print_life(told: Mapping[str, Any]) -> None:
    """The exchange, its attempts, and what was told of its case."""
    exchange = told["exchange"]
    facts = {name: moment(value) if name.endswith("_at") else value for name, value in exchange.items()}
    print_facts(
        {
            **facts,
            "internal_reference": told["case"]["internal_reference"],
            "stage": told["case"]["stage"],
            "table_file": told["table"],
            "held_up_by": told["held_up_by"],
            "possible": ", ".join(told["possible"]),
        }
    )
    print_attempts(told["attempts"])
    print_audit(told["audit"])
    if "body" in told:
        print_facts({told["body"]["kind"]: told["body"]["content"]}, title="\nbody")


def print_case(told: Mapping[str, Any]) -> None:
    """The case, its exchanges, and what was told of it."""
    print_facts({name: moment(value) if name.endswith("_at") else value for name, value in told["case"].items()})
    print()
    print_exchanges(told["exchanges"])
    print_audit(told["audit"])


def print_attempts(attempts: Iterable[Mapping[str, Any]]) -> None:
    """One line each."""
    print_table(
        ("number", "began", "ended", "verdict", "code", "reason"),
        ([row["number"], moment(row["started_at"]), moment(row["ended_at"]), *_outcome(row)] for row in attempts),
        title="\nattempts",
    )


def print_audit(rows: Iterable[Mapping[str, Any]]) -> None:
    """One line each."""
    print_table(
        ("at", "actor", "event", "exchange", "detail"),
        ([moment(row["at"]), row["actor"], row["event"], row["exchange_id"], row["detail"]] for row in rows),
        title="\naudit",
    )


def _outcome(row: Mapping[str, Any]) -> list[Any]:
    return [row["verdict"], row["code"], row["reason"]]
