"""`panjereh rules`: what each rule of the tables does, for clerks, in Persian and English."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated, Any

from cyclopts import Parameter

from adapter.errors import NotFound
from adapter.tables import near
from adapter.translator.rules import RULES, Rule
from ops.cli.exits import Exit
from ops.cli.printing import print_facts, print_json, print_table

Json = Annotated[bool, Parameter(negative="", help="Answer with one JSON object.")]


def rules(name: str | None = None, /, *, json: Json = False) -> int:
    """Tell what every rule does, or all that is known of one: argument, example, and what comes of nothing."""
    if name is not None and name not in RULES:
        raise NotFound(f"'{name}' is not a rule; {near(name, RULES)}")
    told = [_told(one, rule) for one, rule in RULES.items() if name in {None, one}]
    if json:
        print_json({"rules": told})
    elif name is None:
        print_table(("rule", "does", "کار"), [(one["rule"], one["does"]["en"], one["does"]["fa"]) for one in told])
    else:
        print_facts(_as_facts(told[0]))
    return Exit.OK


def _told(name: str, rule: Rule) -> dict[str, Any]:
    return {
        "rule": name,
        "does": rule.does._asdict(),
        "argument": rule.argument._asdict(),
        "example": rule.example._asdict(),
        "most_sources": rule.most_sources,
        "absent": rule.absent,
        "empty": rule.empty,
        "nil": rule.nil,
    }


def _as_facts(told: dict[str, Any]) -> dict[str, str]:
    example = told["example"]
    given, gives = (jsonlib.dumps(example[one], ensure_ascii=False) for one in ("given", "gives"))
    with_argument = f" ({example['argument']})" if example["argument"] else ""
    return {
        "rule": told["rule"],
        "does": told["does"]["en"],
        "کار": told["does"]["fa"],
        "argument": told["argument"]["en"],
        "آرگومان": told["argument"]["fa"],
        "example": f"{given}{with_argument} → {gives}",
        "sources": f"{told['most_sources']} at most",
        **{silence: told[silence].replace("_", " ") for silence in ("absent", "empty", "nil")},
    }
