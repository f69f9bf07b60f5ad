"""The folder of a new service: every field that the contracts require as a row, with a guess where its value is found.

Guesses are by similar names and marked in the note; where nothing is similar the source stays empty. Whatever a clerk
has still to write holds TO_FILL, and the check tells where it stands.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from adapter.contract.model import Contract
from adapter.exchange import Direction, Operation, Payload
from adapter.service.card import CARD_KEYS, ENTRIES
from adapter.service.checks import PATTERNS
from adapter.service.model import NATIONAL_ID, Route
from adapter.service.reviewing import told_by
from adapter.tables import TO_FILL
from adapter.translator import RULES
from adapter.translator.lines import TABLE_COLUMNS
from adapter.translator.paths import RESERVED
from adapter.workbench.fields import Field, Kind
from adapter.workbench.sides import Fields, Paths, Sides

_GUESS = "guess"
_NEAR, _SURE = 0.55, 0.8
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_DATES = frozenset({"date", "until", "on"})
_SAME = {"code": "id", "no": "id", "number": "id", "nationalcode": "nationalid"}
_USUAL: Mapping[str, Operation] = {
    "bill": Operation.ISSUE_BILL,
    "answer": Operation.ANSWER_INQUIRY,
    "refused_answer": Operation.ANSWER_INQUIRY,
}
"""What an outward table is for, when it is no status."""

_REFUSALS = frozenset({"refusal", "setback", "refused_answer"})


@dataclass(frozen=True, slots=True)
class Draft:
    """What is asked for: the folder's name, its pattern, and the two contracts with their fields."""

    name: str
    pattern: str
    gateway: Contract
    system: Contract
    fields: Mapping[str, Fields]
    sample: Payload


@dataclass(frozen=True, slots=True)
class _Guess:
    source: str
    field: Field | None
    ratio: float


def files_of(draft: Draft) -> dict[str, str]:
    """Return every file of the new folder by its path in it."""
    opening = PATTERNS[draft.pattern].opening
    ours, theirs = draft.fields[draft.system.title], draft.fields[draft.gateway.title]
    gives = theirs.get(opening, Sides()).request
    operation = _alike(draft.system, gives, ours)
    inward = {opening: Route(operation, "submit" if opening is Operation.SUBMIT_REQUEST else "ask")}
    outward = {
        table: _USUAL.get(table, Operation.PUSH_STATUS)
        for table, needing in PATTERNS[draft.pattern].outward.items()
        if opening in needing
    }
    books: dict[str, list[str]] = {}
    tells = told_by(draft.system, inward, ours)
    tables = {inward[opening].table: _rows(ours.get(operation, Sides()).request, gives, Direction.INWARD, books)}
    for table, name in outward.items():
        known = {} if table in _REFUSALS else tells
        tables[table] = _rows(theirs.get(name, Sides()).request, known, Direction.OUTWARD, books)
    folder = draft.system.name
    return {
        "service.toml": _service(draft, inward, outward, gives),
        "card.toml": _card(),
        **{f"{folder}/{name}.csv": _csv(TABLE_COLUMNS.required, rows) for name, rows in tables.items()},
        **{f"codes/{name}.csv": _book(words) for name, words in sorted(books.items())},
        **_cases(tables, inward[opening].table, draft.sample),
    }


def _alike(system: Contract, gives: Paths, fields: Fields) -> str:
    """The internal operation whose fields are most like the gateway's; it is a guess as the rows are."""
    names = sorted(one.name for one in system.operations.values() if one.direction is Direction.INWARD)
    return max(names, key=lambda name: _shared(fields.get(name, Sides()).request, gives))


def _shared(takes: Paths, gives: Paths) -> float:
    """How many names they share, the more so the fewer others there are."""
    known = {_plain(path) for path in gives}
    shared = sum(_plain(path) in known for path in takes)
    return shared * shared / len(takes) if takes else 0.0


def _rows(takes: Paths, gives: Paths, direction: Direction, books: dict[str, list[str]]) -> list[dict[str, str]]:
    """A row for every field that must stand, and for those that may and have a source of the same name.

    A section that may stand is there when each field that it requires has a source.
    """
    candidates = _candidates(gives)
    lists = {path: _list_for(path, gives) for path in takes if path.endswith("[]")}
    guesses = {path: _guess(path, candidates, lists) for path, one in takes.items() if not one[0].is_section}
    left_out = {
        path.rpartition(".")[0]
        for path, guess in guesses.items()
        if takes[path][0].is_required and not guess.source and not _is_needed(path, takes)
    }
    return [
        _row(path, takes[path][0], guess, direction, books)
        for path, guess in sorted(guesses.items())
        if not any(path.startswith(f"{section}.") for section in left_out)
        and (takes[path][0].is_required or guess.ratio >= _SURE)
    ]


def _is_needed(path: str, takes: Paths) -> bool:
    steps = path.split(".")
    return all(takes[".".join(steps[:length])][0].is_required for length in range(1, len(steps) + 1))


def _candidates(gives: Paths) -> dict[str, Field | None]:
    found: dict[str, Field | None] = {path: one[0] for path, one in gives.items() if not one[0].is_section}
    return found | {f"{root}.{name}": None for root, names in RESERVED.items() for name in sorted(names)}


def _list_for(path: str, gives: Paths) -> str:
    """The repeated section of the source that is named most like the target's."""
    known = {
        one: difflib.SequenceMatcher(None, _plain(path), _plain(one)).ratio() for one in gives if one.endswith("[]")
    }
    best = max(known, key=lambda one: known[one], default="")
    return best if best and known[best] >= _NEAR else ""


def _guess(path: str, candidates: Mapping[str, Field | None], lists: Mapping[str, str]) -> _Guess:
    prefix = path.rpartition("[]")[0] + "[]" if "[]" in path else ""
    scope = lists.get(prefix, "")
    best = _Guess("", None, 0.0)
    for source, field in candidates.items():
        if (source.rpartition("[]")[0] + "[]" if "[]" in source else "") != scope:
            continue
        ratio = difflib.SequenceMatcher(None, _plain(path), _plain(source)).ratio()
        if ratio > best.ratio:
            best = _Guess(source, field, ratio)
    return best if best.ratio >= _NEAR else _Guess("", None, 0.0)


def _plain(path: str) -> str:
    """The last name of a path as lower-case words; id, code, no and number are one word."""
    words = [word.lower() for word in _WORDS.findall(path.rpartition(".")[2])]
    return "".join(_SAME.get(word, word) for word in words)


def _row(path: str, target: Field, guess: _Guess, direction: Direction, books: dict[str, list[str]]) -> dict[str, str]:
    rule, argument = _rule(guess, target, direction, books) if guess.source else ("text", "")
    note = f"{_GUESS}: {guess.ratio:.0%}" if guess.source else _GUESS
    return {
        "target": path,
        "source": guess.source,
        "rule": rule,
        "argument": argument,
        "when": "",
        "required": "yes" if target.is_required else "",
        "note": note,
    }


def _rule(guess: _Guess, target: Field, direction: Direction, books: dict[str, list[str]]) -> tuple[str, str]:
    source, kind = guess.field, target.limits.kind
    leaf = guess.source.rpartition(".")[2].removesuffix("[]")
    closed = source if direction is Direction.INWARD else target
    if closed is not None and closed.limits.enumeration:
        words = closed.limits.enumeration
        is_same = source is not None and source.limits.enumeration == target.limits.enumeration
        if not is_same:
            books.setdefault(leaf.lower(), list(words))
            return "code", leaf.lower()
    if source is not None and _DATES & {word.lower() for word in _WORDS.findall(leaf)}:
        return "jalali_date", "YYYYMMDD" if kind is Kind.INTEGER else "YYYY/MM/DD"
    if source is not None and _are_codes(source, target):
        books.setdefault(leaf.lower(), [TO_FILL])
        return "code", leaf.lower()
    if leaf in RULES and leaf not in {"text", "code", "nil", "copy", "document"}:
        return leaf, ""
    if kind is Kind.INTEGER:
        return ("rial", "rial") if "rial" in target.name else ("integer", "")
    by_kind = {Kind.DECIMAL: "decimal", Kind.INSTANT: "datetime", Kind.BOOLEAN: "yes_no", Kind.BINARY: "document"}
    return by_kind.get(kind, "text"), ""


def _are_codes(source: Field, target: Field) -> bool:
    """Whether one side's words for something stand against the other's."""
    one, other = source.limits, target.limits
    is_text = other.kind is Kind.TEXT and one.kind in {Kind.TEXT, Kind.INTEGER}
    return is_text and bool(other.patterns) and bool(one.patterns) and one.patterns != other.patterns


def _service(draft: Draft, inward: Mapping[Operation, Route], outward: Mapping[str, Operation], gives: Paths) -> str:
    lines = [f'{name} = "{TO_FILL}"' for name in ("service_id", "title", "title_en")]
    lines += [f'pattern = "{draft.pattern}"', 'tier = "general"', 'kind = "service"']
    lines.append('stage = "draft"   # then "shadow", and "live" in the end')
    lines += [f'gateway = "{draft.gateway.title}"', f'system = "{draft.system.title}"']
    if draft.pattern == "inquiry":
        lines.append("answer_within_seconds = 2   # guess")
    lines += ["", "[promise]", "working_days = 0   # write the days that the service promises"]
    found = [path for path in gives if path.endswith(f".{NATIONAL_ID}") and "[]" not in path]
    if found:
        opening = next(iter(inward))
        lines += ["", "[business_key]", f'{opening} = ["{found[0]}"]   # guess']
        lines += ["", "[search]", f'{NATIONAL_ID} = "{found[0]}"']
    for operation, route in inward.items():
        lines += ["", f"[inward.{operation}]", f'operation = "{route.operation}"   # guess', f'table = "{route.table}"']
    lines += ["", "[outward]", *(f'{table} = "{operation}"' for table, operation in outward.items())]
    return "\n".join(lines) + "\n"


def _card() -> str:
    needed = [name for name, key in CARD_KEYS.items() if key.required]
    lines = [f'{name} = "{TO_FILL}"' for name in needed if CARD_KEYS[name].kind is str]
    lines += [f'{name} = ["{TO_FILL}"]' for name in needed if CARD_KEYS[name].kind is list and name not in ENTRIES]
    for part, (names, _) in ENTRIES.items():
        lines += ["", f"[[{part}]]", *(f'{name} = "{TO_FILL}"' for name in names)]
    return "\n".join(lines) + "\n"


def _book(words: Iterable[str]) -> str:
    rows = [{"gateway": word, "internal": TO_FILL, "title": TO_FILL, "note": _GUESS} for word in words]
    return _csv(("gateway", "internal", "title", "valid_from", "valid_to", "note"), rows)


def _cases(tables: Iterable[str], opening: str, sample: Payload) -> dict[str, str]:
    """One to be filled in for every table, and a refused one."""
    found = {}
    for table in tables:
        record = sample if table == opening else {}
        found[f"cases/an_ordinary_{table}.in.json"] = _json(
            {"table": table, "record": record, "exchange": {}, "case": {}}
        )
        found[f"cases/an_ordinary_{table}.out.json"] = _json({TO_FILL: "what the table gives for this record"})
    refused = {"table": opening, "record": {}, "exchange": {}, "case": {}}
    found[f"cases/a_refused_{opening}.in.json"] = _json(refused)
    found[f"cases/a_refused_{opening}.out.json"] = _json({"untranslatable": TO_FILL})
    return found


def _json(content: Payload) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
