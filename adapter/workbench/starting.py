"""The small files of a new contract folder: the safest word everywhere, and beside it what is to be decided."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from adapter.contract.aliases import ALIAS_COLUMNS
from adapter.contract.folder import OUTCOME_COLUMNS
from adapter.workbench.fields import Messages, flat
from adapter.workbench.totality import Codes

UNWRITTEN = "Not decided yet: "
"""How the sentence of a row begins that nobody has written."""

_CODE_NAMES = frozenset({"code", "resultcode", "errorcode", "errorkey", "returncode", "responsecode"})
"""Fields of answers that most likely carry a business code, without case and underscores."""

_VERBS = re.compile(r"(?P<verb>[A-Z]?[a-z]+)_?(?P<rest>[A-Z].*)?")
_READING = frozenset({"get", "find", "query", "list", "search", "check", "inquire", "ask", "ping", "read", "is", "has"})
_ENGLISH = str.maketrans("", "", "_")


@dataclass(frozen=True, slots=True)
class Start:
    """What a new contract.toml begins with. `directions` are those that the document itself says."""

    name: str
    version: str
    binding: str
    document: str
    direction: str
    directions: Mapping[str, str]
    code_paths: tuple[str, ...]
    path: str = "/"


def guessed_code_paths(messages: Messages) -> tuple[str, ...]:
    """Where answers most likely carry a business code."""
    found = {
        path
        for message in messages.values()
        for path, field in flat(message.answer)
        if not field.is_section and field.name.translate(_ENGLISH).lower() in _CODE_NAMES
    }
    return tuple(sorted(found))


def contract_toml(start: Start, operations: Iterable[str]) -> str:
    """A contract.toml that loads, every operation in it, every key explained once."""
    key = {"soap": "soap", "rest": "openapi"}[start.binding]
    path = f'soap_path = "{start.path}"\n' if start.binding == "soap" else ""
    sections = "\n".join(_section(start, name) for name in operations)
    paths = ", ".join(f'"{path}"' for path in start.code_paths)
    return f"""{_HEAD}name = "{start.name}"
version = "{start.version}"
status = "published"
{key} = "{start.document}"
{path}# health = "Ping"  the operation that is asked whether they are there; one with effect read and nothing to fill

[codes]
# Where an answer carries their business code; outcomes.csv says what each one means. Guessed from the names of fields.
paths = [{paths}]
# ignore_when = "ErrorAction = 1"  a code beside which this holds is a warning only

{_KEYS}
{sections}"""


def _section(start: Start, name: str) -> str:
    found = _VERBS.fullmatch(name)
    verb, rest = (found["verb"].lower(), found["rest"] or name) if found else ("", name)
    direction = start.directions.get(name, start.direction)
    hint = "  # by its name it reads: then 'read'" if verb in _READING else ""
    return f"""[operations.{name}]
direction = "{direction}"
effect = "neither"{hint}
group = "{_snake(rest)}"
max_bytes = 1048576
"""


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name).strip("_").lower()


def outcomes_csv(codes: Codes) -> str:
    """A row for every code that the schemas know, parked until somebody decides."""
    rows = [
        (place, code, "parked", f"معنای کد {code} هنوز نوشته نشده است", f"{UNWRITTEN}{code} ({where})")
        for (place, code), where in sorted(codes.known.items())
    ]
    return _csv(OUTCOME_COLUMNS, rows)


def aliases_csv() -> str:
    """No spelling is known yet."""
    return _csv(ALIAS_COLUMNS, [])


def _csv(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


_HEAD = """# Directions are seen from the municipality: inward = they call us, or we hand inward to an internal system;
# outward = we call the gateway. An internal system has inward operations only.
"""

_KEYS = """# Per operation:
#   direction         inward or outward
#   effect            what an unclear outcome may become:
#                       read        nothing changes there; it is simply asked again
#                       idempotent  the same reference twice has one effect; it is sent again
#                       queryable   they can be asked by our reference whether it arrived; needs query and [find.QUERY]
#                       neither     never sent again by itself, a person decides: the safe beginning
#   query             the operation with effect read that finds this one by our reference
#   settle_seconds    how long after sending the query tells the truth
#   deadline_seconds  after this nothing is tried any more and a person is told
#   group             one word for what belongs together in figures and breakers
#   reference_path    where the request carries our reference
#   answer_reference  where the answer carries their number
#   awaiting          "Field = value" in the answer that means: taken, the answer comes later; needs poll
#   compare           fields that must agree when an effect is found
#   max_bytes         the largest message
#
# [find.QUERY]  reference, found, and if they are told operation and answer: where the query carries what
# [changes]     the operation that pages what changed there; [statement] the one that pages their ledger
# contracts/README.md and the other contracts show them.
"""
