"""`panjereh tables`: a service's tables as a workbook for a spreadsheet program, and back."""

from __future__ import annotations

import shlex
import tempfile
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from adapter.errors import NotFound, Refused
from adapter.service import service_folders
from adapter.service.differing import Differs
from adapter.tables import near
from adapter.workbench.sides import fields_of
from ops.cli import live
from ops.cli.checking import FOLDER_NAME, Config, Contracts, Json, Mappings, folders_of, load_contracts, named_folders
from ops.cli.exits import Exit
from ops.cli.printing import print_json, say
from ops.swapping import swap

if TYPE_CHECKING:  # openpyxl is loaded only by who needs it
    from ops.sheets.taking import Taken

app = App(
    name="tables",
    help="A service's tables as a workbook and back; all tables read anew, or signed off.",
    help_format="plaintext",
)
app.command(live.reload)
app.command(live.signoff)
app.command("ops.cli.promoting:promote", name="promote", help="Carry services over from one installation to another.")

_SUFFIX = ".xlsx"


@app.command
def export(
    service: str,
    file: Path | None = None,
    /,
    *,
    overwrite: Annotated[bool, Parameter(negative="", help="Write over a workbook that is there already.")] = False,
    contracts: Contracts = None,
    mappings: Mappings = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Write the service's documents, tables and codes into a workbook, a sheet each; SERVICE.xlsx unless named."""
    from ops.sheets.pages import pages_of  # noqa: PLC0415 - openpyxl is loaded only by who needs it
    from ops.sheets.words import choices_of  # noqa: PLC0415 - as above
    from ops.sheets.writing import write_workbook  # noqa: PLC0415 - as above

    folders = folders_of(config, contracts=contracts, mappings=mappings)
    folder = _folder_of(service, folders["mappings"])
    target = file or Path(f"{service}{_SUFFIX}")
    if target.suffix.lower() != _SUFFIX:
        raise Refused(f"{target}: a workbook is written as {_SUFFIX}; name it {target.with_suffix(_SUFFIX).name}")
    if target.exists() and not overwrite:
        raise Refused(f"{target} is there already and may hold somebody's work; name another file or add --overwrite")
    sound, _ = load_contracts(folders["contracts"])
    pages = pages_of(folder)
    write_workbook(target, service, pages, choices_of(folder, sound))
    if json:
        print_json({"service": service, "file": str(target), "sheets": [page.file for page in pages]})
    else:
        back = f"panjereh tables import {shlex.quote(str(target))}"
        command = named_folders(back, config, contracts=contracts, mappings=mappings)
        say(f"{target}: {len(pages)} sheets of {service}; give it back with: {command}")
    return Exit.OK


@app.command(name="import")
def import_(
    file: Path,
    service: str | None = None,
    /,
    *,
    new: Annotated[bool, Parameter(negative="", help="Make the folder of SERVICE, which is not there yet.")] = False,
    apply: Annotated[bool, Parameter(negative="", help="Do it; without this only what would happen is told.")] = False,
    contracts: Contracts = None,
    mappings: Mappings = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Take a workbook's tables into a service's folder, all or nothing; SERVICE is what it was made of unless named.

    Faults are told by their cells and stand in a copy of the workbook, FILE.faults.xlsx, on the very cells.
    """
    from ops.sheets.marking import mark  # noqa: PLC0415 - openpyxl is loaded only by who needs it
    from ops.sheets.reading import open_workbook, service_of  # noqa: PLC0415 - as above
    from ops.sheets.taking import take  # noqa: PLC0415 - as above
    from ops.sheets.trying import apply as write_files  # noqa: PLC0415 - as above

    folders = folders_of(config, contracts=contracts, mappings=mappings)
    workbook = open_workbook(file)
    name = service or service_of(workbook)
    if name is None:
        raise Refused(f"{file}: its guide names no service; say which one: panjereh tables import {file} SERVICE")
    folder = _target(name, folders["mappings"], is_new=new)
    sound, _ = load_contracts(folders["contracts"])
    fields = {title: fields_of(folders["contracts"] / title, one) for title, one in sound.items()}
    taken = take(workbook, folder, sound, fields)
    marked = None
    if taken.is_sound and apply and new:
        _make(taken.changes, folder)
    elif taken.is_sound and apply:
        write_files(taken.changes, folder)
    if taken.faults:
        marked = file.with_name(f"{file.stem.removesuffix('.faults')}.faults{_SUFFIX}")
        mark(workbook, taken.faults, marked)
    told = {"service": name, "is_new": new, "applied": taken.is_sound and apply, **_told(taken, marked, is_new=new)}
    if json:
        print_json(told)
    else:
        _print_taken(told, taken.differences, is_sound=taken.is_sound)
        if told["applied"]:
            command = named_folders(
                f"panjereh {'check' if new else 'test'} {name}", config, contracts=contracts, mappings=mappings
            )
            say(f"now run: {command}")
    return Exit.OK if taken.is_sound else Exit.FINDINGS


def _told(taken: Taken, marked: Path | None, *, is_new: bool) -> dict[str, Any]:
    return {
        "makes": _described(taken.changes) if is_new and taken.is_sound else None,
        "changed": sorted(taken.changes),
        "to_do": [str(fault) for fault in taken.to_do],
        "new": sorted(taken.new),
        "differences": [
            {"file": one.file, "key": one.key, "change": one.change, "columns": dict(one.columns)}
            for one in taken.differences
        ],
        "faults": [str(fault) for fault in (*sorted(taken.faults), *taken.beside)],
        "marked": None if marked is None else str(marked),
    }


def _print_taken(told: dict[str, Any], differences: Sequence[Differs], *, is_sound: bool) -> None:
    faults, changed = told["faults"], told["changed"]
    for fault in faults:
        print(fault)
    if not is_sound:
        where = f"; they stand on the cells of {told['marked']}" if told["marked"] else ""
        say(f"{len(faults)} faults, so nothing was changed{where}")
        return
    for name in changed:
        print(f"{name} (new)" if name in told["new"] and not told["is_new"] else name)
    if told["is_new"]:
        for fault in told["to_do"]:
            say(f"still to be done: {fault}")
        print(told["makes"])
        done = "were made" if told["applied"] else "would be made; do it with --apply"
        say(f"{told['service']}: {len(changed)} files of a new service {done}")
        return
    for one in differences:
        print(f"  {one.sentence}")
    counts = Counter(one.change for one in differences)
    rows = ", ".join(f"{counts[change]} {change}" for change in ("added", "changed", "removed"))
    done = "changed" if told["applied"] else "would change; do it with --apply"
    say(f"{told['service']}: {len(changed)} files (rows and keys: {rows}) {done}")


def _folder_of(service: str, mappings: Path, hint: str = "") -> Path:
    known = {folder.name: folder for folder in service_folders(mappings)} if mappings.is_dir() else {}
    if service not in known:
        raise NotFound(f"{mappings}: there is no service {service!r}; {near(service, known)}{hint}")
    return known[service]


def _target(service: str, mappings: Path, *, is_new: bool) -> Path:
    """The folder that a workbook is taken into; a new one is not there yet."""
    if not is_new:
        return _folder_of(service, mappings, hint="; --new makes its folder of the workbook")
    if FOLDER_NAME.fullmatch(service) is None:
        raise Refused(f"{service!r} does not name a folder; write small letters, digits and _, as in building_permit")
    if (mappings / service).exists():
        raise Refused(f"{mappings / service} is there already; choose another name, or import without --new")
    return mappings / service


def _described(changes: Mapping[str, str]) -> str:
    """What the new service says of itself."""
    said = tomllib.loads(changes["service.toml"])
    stage = said.get("stage", "live")
    between = " and ".join(str(said[name]) for name in ("gateway", "system") if name in said)
    return f"{said['service_id']} {said['title']}: {said['pattern']} between {between}, stage {stage}"


def _make(changes: Mapping[str, str], folder: Path) -> None:
    """Afterwards the whole folder is there, or none of it."""
    from ops.sheets.trying import apply as write_files  # noqa: PLC0415 - openpyxl is loaded only by who needs it

    with tempfile.TemporaryDirectory() as room:
        write_files(changes, Path(room) / folder.name)
        swap(folder.parent, {folder.name: Path(room) / folder.name})
