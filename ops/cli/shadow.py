"""`panjereh shadow`: a service in shadow beside the old way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from adapter.errors import NotFound, Refused
from ops.cli.asking import Where, ask
from ops.cli.exits import Exit
from ops.cli.printing import print_json, print_table, say

app = App(name="shadow", help="Compare what a service in shadow would send with the old way.", help_format="plaintext")

_HERE = Where()
_KINDS = (".json", ".xml")
_MOST_BYTES = 512 * 1024
"""Of payloads in one question: the operators' door takes a megabyte."""


@app.command
def compare(
    service: str,
    sent: Path,
    /,
    *,
    match: Annotated[
        list[str], Parameter(help="Where a payload tells which case it is, such as Applicant.NationalId.")
    ],
    operation: Annotated[str, Parameter(help="The operation of the gateway that led to it.")] = "SubmitRequest",
    tenant: str | None = None,
    ignore: Annotated[list[str] | None, Parameter(help="Places that may differ.")] = None,
    where: Where = _HERE,
) -> int:
    """Tell where what we would send differs from what the old way sent: a file of it, or a folder of .json and .xml."""
    order = {"service": service, "match": match, "operation": operation, "tenant": tenant, "ignore": ignore}
    answers = [ask(where, "shadow.compare", {**order, "payloads": part}) for part in _parts(_payloads(sent))]
    rows = [row for answer in answers for row in answer["payloads"]]
    without = set.intersection(*(set(answer["without_theirs"]) for answer in answers))
    equal = sum(answer["equal"] for answer in answers)
    if where.json:
        print_json({"equal": equal, "payloads": rows, "without_theirs": sorted(without)})
    else:
        print_table(("payload", "exchange", "place", "what"), (line for row in rows for line in _lines(row)))
        say(f"{equal} of {len(rows)} are equal; {len(without)} of ours stand in nothing that was given")
    return Exit.OK if equal == len(rows) else Exit.FINDINGS


def _lines(row: dict[str, Any]) -> list[list[Any]]:
    if row["id"] is None:
        return [[row["name"], None, None, row["note"]]]
    return [[row["name"], row["id"], one["place"], one["kind"]] for one in row["differences"]]


def _payloads(sent: Path) -> list[dict[str, Any]]:
    files = sorted(one for one in sent.iterdir() if one.suffix in _KINDS) if sent.is_dir() else [sent]
    if not files or not files[0].is_file():
        raise NotFound(f"{sent}: there is no payload; give a .json or .xml file, or a folder of them")
    return [payload for file in files for payload in _payloads_in(file)]


def _payloads_in(file: Path) -> list[dict[str, Any]]:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".xml":
        return [{"name": file.name, "message": text}]
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise Refused(f"{file}:{error.lineno}: not readable as JSON: {error.msg}") from error
    if not isinstance(found, list):
        return [{"name": file.name, "content": found}]
    return [{"name": f"{file.name}[{number}]", "content": one} for number, one in enumerate(found, start=1)]


def _parts(payloads: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The payloads in questions that are short enough; a single one that is too long is refused by the door."""
    parts: list[list[dict[str, Any]]] = [[]]
    size = 0
    for payload in payloads:
        size += len(json.dumps(payload).encode())
        if size > _MOST_BYTES and parts[-1]:
            parts.append([])
            size = len(json.dumps(payload).encode())
        parts[-1].append(payload)
    return parts
