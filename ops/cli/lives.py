"""Exchanges and cases on a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from adapter.calendar import spell_day
from ops.cli.asking import named
from ops.cli.printing import clean, moment, print_facts, print_rows, print_table, say, short

_LISTED = ("state", "service", "operation", "attempts")
_UNDER = ("code", "reason")


def print_exchanges(told: Mapping[str, Any], *, has_code: bool = True) -> None:
    """One line each, and what came of it below; without the tracking code where all have the same."""
    ids = short(told)
    codes = ("tracking_code",) if has_code else ()
    print_rows(
        ("accepted", "id", *codes, *_LISTED),
        [
            [moment(one["accepted_at"]), ids[one["id"]], *(one[name] for name in (*codes, *_LISTED, *_UNDER))]
            for one in told["exchanges"]
        ],
        under=_UNDER,
    )


def print_life(told: Mapping[str, Any], *, config: Path) -> None:
    """The exchange, its attempts, and what was told of it; `config` is for the command that shows its case."""
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
    print_audit([row for row in told["audit"] if row["exchange_id"] == exchange["id"]], short(told))
    say(f"the whole life of its case: {named('panjereh cases show', config)} {exchange['tracking_code']}")
    if "body" in told:
        print(f"\n{told['body']['kind']}")
        print(_spelt_out(told["body"]["content"]))


def print_case(told: Mapping[str, Any]) -> None:
    """The case, its exchanges, and what was told of it."""
    print_facts({name: moment(value) if name.endswith("_at") else value for name, value in told["case"].items()})
    print_promise(told)
    print()
    print_exchanges(told, has_code=False)
    print_audit(told["audit"], short(told))


def print_promise(told: Mapping[str, Any]) -> None:
    """Until when the case was promised and what of it is used, and how long each of its stages took."""
    promise = told["promise"]
    if promise:
        promised_until = spell_day(date.fromisoformat(promise["promised_until"]))
        print_facts({**promise, "promised_until": promised_until}, title="\npromise")
    print_table(
        ("stage", "began", "ended", "citizen awaited", "working days"),
        [
            (one["stage"], moment(one["began"]), moment(one["ended"]), one["is_paused"], one["working_days"])
            for one in told["stages"]
        ],
        title="\nstages",
    )


def print_attempts(attempts: Iterable[Mapping[str, Any]]) -> None:
    """One line each, and why below."""
    print_rows(
        ("number", "began", "ended", "verdict", "code"),
        [[row["number"], moment(row["started_at"]), moment(row["ended_at"]), *_outcome(row)] for row in attempts],
        under=("reason",),
        title="\nattempts",
    )


def print_audit(rows: Iterable[Mapping[str, Any]], ids: Mapping[str, str]) -> None:
    """One line each, and its details below."""
    print_rows(
        ("at", "actor", "event", "exchange"),
        [
            [
                moment(row["at"]),
                row["actor"],
                row["event"],
                ids.get(row["exchange_id"], row["exchange_id"]),
                row["detail"] or None,
            ]
            for row in rows
        ],
        under=("detail",),
        title="\naudit",
    )


def _spelt_out(content: str) -> str:
    """JSON over many lines, anything else as it is; without what could steer a terminal."""
    with suppress(ValueError):
        content = json.dumps(json.loads(content), ensure_ascii=False, indent=2)
    return "\n".join(clean(line) for line in content.splitlines())


def _outcome(row: Mapping[str, Any]) -> list[Any]:
    return [row["verdict"], row["code"], row["reason"]]
