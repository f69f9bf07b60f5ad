"""Sheets that come in: taken when they are complete, told row by row, put away once their rows are kept."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from adapter.channels import ChangePage, Clock
from adapter.contract.instants import read_instant
from adapter.contract.model import ChangesContract
from adapter.contract.sheets import Sheet
from adapter.contract.sifting import UNREADABLE
from adapter.exchange import Change, Payload
from connectors.cells import Refused, Row, UnreadableSheetError, read_rows, value_of

DONE, REFUSED = "done", "refused"
READY = ".done"
"""A file of this name more beside another says that the other is complete."""
REPORT = ("file", "sheet", "line", "column", "fault")

_log = structlog.get_logger(__name__)
_LINES = 1000
"""The place of a row in time: its file's millisecond, then its line; more lines reach into the next millisecond."""
_MILLISECOND = 1_000_000

Fault = tuple[str, str, int, str, str]


@dataclass(frozen=True, slots=True)
class _Taken:
    """A file read: its rows as changes, and what is wrong with some."""

    digest: str
    changes: tuple[Change, ...]
    faults: tuple[Fault, ...]


@dataclass(slots=True)
class Incoming:
    """`still` is how long a file must have stood unchanged, unless a READY beside it says that it is whole."""

    folder: Path
    clock: Clock
    still: timedelta
    zone: ZoneInfo
    _looks: dict[Path, tuple[int, int, datetime]] = field(default_factory=dict, init=False)
    _read: _Taken | None = field(default=None, init=False)

    def page(self, sheet: Sheet, said: ChangesContract, cursor: str | None, *, most_bytes: int) -> ChangePage:
        """So many rows behind the cursor, which tells a file by its digest and how many of its rows were kept.

        Raises OSError when the folder cannot be read.
        """
        kept = _cursor(cursor)
        for path in self._complete(self.folder / str(sheet.folder)):
            try:
                taken = self._taken(path, sheet, said, most_bytes)
            except UnreadableSheetError as error:
                self._put_away(path, REFUSED, [(path.name, "", 0, "", str(error))])
                continue
            begin = kept[1] if kept[0] == taken.digest else 0
            changes = taken.changes[begin : begin + said.page_size]
            if not changes:
                self._put_away(path, DONE, taken.faults)
                continue
            return ChangePage(changes, json.dumps([taken.digest, begin + len(changes)]), more=True)
        return ChangePage((), cursor or "")

    def _complete(self, folder: Path) -> list[Path]:
        """The files that may be read, the oldest first. One that is still growing waits."""
        found: list[tuple[int, str, Path]] = []
        looks: dict[Path, tuple[int, int, datetime]] = {}
        now = self.clock()
        for path in folder.iterdir():
            if path.name.startswith((".", "~")) or path.name.endswith(READY) or path.is_symlink() or not path.is_file():
                continue
            size, changed = path.stat().st_size, path.stat().st_mtime_ns
            known = self._looks.get(path)
            since = known[2] if known is not None and known[:2] == (size, changed) else now
            looks[path] = (size, changed, since)
            is_still = known is not None and now - since >= self.still and known[:2] == (size, changed)
            if is_still or path.with_name(path.name + READY).exists():
                found.append((changed, path.name, path))
        self._looks = looks
        return [path for _, _, path in sorted(found)]

    def _taken(self, path: Path, sheet: Sheet, said: ChangesContract, most_bytes: int) -> _Taken:
        if path.stat().st_size > most_bytes:
            raise UnreadableSheetError(f"is larger than {most_bytes} bytes")
        content = path.read_bytes()
        digest = hashlib.sha256(path.name.encode() + b"\0" + content).hexdigest()[:32]
        if self._read is None or self._read.digest != digest:
            changed_ns = path.stat().st_mtime_ns
            faults: list[Fault] = []
            rows = read_rows(path.name, content, sheet.title, sheet.columns)
            changes = tuple(self._changes(path.name, rows, sheet, said, changed_ns=changed_ns, faults=faults))
            self._read = _Taken(digest, changes, tuple(faults))
            for file, title, line, column, fault in faults:
                _log.warning("row_unreadable", file=file, sheet=title, line=line, column=column, fault=fault)
        return self._read

    def _changes(
        self,
        name: str,
        rows: Sequence[Row],
        sheet: Sheet,
        said: ChangesContract,
        *,
        changed_ns: int,
        faults: list[Fault],
    ) -> Iterator[Change]:
        """Each row that can be told: one that breaks the contract as such, and only if its case can be read."""
        at, seen = datetime.fromtimestamp(changed_ns / 1_000_000_000, UTC), dict[str, int]()
        for row in rows:
            told = {one.name: value_of(row, one, self.zone) for one in sheet.columns}
            readable = {
                key: value for key, value in told.items() if value is not None and not isinstance(value, Refused)
            }
            wrong = [(key, value.why) for key, value in told.items() if isinstance(value, Refused)]
            refused = {key for key, _ in wrong}
            wrong += [
                (one.path, f"expected {one.expected}")
                for one in sheet.row.violations(readable)
                if one.path not in refused
            ]
            faults += [(name, row.sheet, row.line, column, why) for column, why in wrong]
            content = hashlib.sha256(json.dumps(readable, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:24]
            seen[content] = seen.get(content, 0) + 1
            given: Payload = {
                "file": name,
                "line": row.line,
                "row_id": f"{content}-{seen[content]}",
                "row_order": changed_ns // _MILLISECOND * _LINES + row.line,
                "file_time": at.isoformat(),
            }
            if (change := _change({**readable, **given}, said, at=at, wrong=wrong)) is not None:
                yield change

    def _put_away(self, path: Path, where: str, faults: Sequence[Fault]) -> None:
        """Move a file whose rows are kept, or that nobody can read; what is wrong with it is told beside it."""
        folder = path.parent / where
        folder.mkdir(exist_ok=True)
        target = folder / path.name
        if target.exists():
            target = folder / f"{path.stem}.{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}{path.suffix}"
        if faults:
            text = io.StringIO(newline="")
            csv.writer(text).writerows([REPORT, *faults])
            target.with_name(f"{target.name}.report.csv").write_bytes(text.getvalue().encode("utf-8-sig"))
        path.rename(target)
        path.with_name(path.name + READY).unlink(missing_ok=True)
        _log.info("sheet_put_away", file=path.name, where=where, faults=len(faults))


def _change(record: Payload, said: ChangesContract, *, at: datetime, wrong: Sequence[tuple[str, str]]) -> Change | None:
    if record.get(said.reference) is None or record.get(said.event) is None:
        return None
    kind = str(record.get(said.kind, ""))
    if wrong:
        kind = UNREADABLE
        told = "; ".join(f"{column}: {why}" for column, why in wrong)
        record = {**record, "why": f"{record['file']}:{record['line']}: {told}"}
    sequence = record.get(said.sequence)
    return Change(
        event_id=str(record[said.event]),
        kind=said.kinds.get(kind, kind),
        reference=str(record[said.reference]),
        sequence=sequence if type(sequence) is int else int(record["row_order"]),
        changed_at=read_instant(record.get(said.changed_at)) or at,
        record=record,
    )


def _cursor(text: str | None) -> tuple[str, int]:
    """The digest of the file and the rows of it that were kept; none of any for a cursor that is not ours."""
    try:
        digest, told = json.loads(text or "")
        return str(digest), int(told)
    except (ValueError, TypeError):
        return "", 0
