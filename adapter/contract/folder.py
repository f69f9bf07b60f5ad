"""The small files of a contract folder, read: contract.toml and outcomes.csv, every fault at once."""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapter.contract.model import OperationContract, OutcomeRow
from adapter.contract.packing import Way
from adapter.exchange import Direction, Effect, KeySource, State, Verdict

OUTCOME_COLUMNS = ("where", "code", "verdict", "fa", "en")
PLACES = ("body", "fault")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CodesFile(_Strict):
    """`[codes]`: where a business code stands in an answer, and when a code is a warning only."""

    paths: tuple[str, ...] = ()
    ignore_when: str | None = None


class OperationFile(_Strict):
    """`[operations.NAME]`."""

    direction: Direction
    effect: Effect
    query: str | None = None
    settle_seconds: float | None = Field(default=None, ge=0)
    deadline_seconds: float | None = Field(default=None, gt=0)
    group: str = "default"
    reference_path: str | None = None
    answer_reference: str | None = None
    awaiting: str | None = None
    poll: str | None = None
    compare: tuple[str, ...] | dict[str, str] = ()
    max_bytes: int = Field(default=1024 * 1024, gt=0)
    idempotency_key: KeySource = KeySource.CARRIED
    attachments: Way = Way.INLINE
    document_bytes: int | None = Field(default=None, gt=0)

    def named(self, name: str) -> OperationContract:
        """The operation as the engine knows it."""
        plain = self.model_dump(exclude={"settle_seconds", "deadline_seconds", "compare"})
        return OperationContract(
            name=name,
            settle_after=_duration(self.settle_seconds),
            deadline=_duration(self.deadline_seconds),
            compare=_pairs(self.compare),
            **plain,
        )


class FindFile(_Strict):
    """`[find.NAME]`."""

    reference: str
    found: str
    operation: str | None = None
    answer: str | None = None


class ChangesFile(_Strict):
    """`[changes]`."""

    operation: str
    paging: Literal["cursor", "page", "link"] = "cursor"
    cursor: str = ""
    count: str = ""
    next_cursor: str = ""
    page: str = ""
    pages: str = ""
    items: str
    event: str
    kind: str
    reference: str
    sequence: str
    changed_at: str
    kinds: dict[str, str]
    page_size: int = Field(default=100, gt=0)


class WebhookFile(_Strict):
    """`[webhook]`; what `[changes]` says too need not be said again, and the headers are those of Standard Webhooks."""

    operation: str
    openapi: str | None = None
    items: str | None = None
    event: str | None = None
    kind: str | None = None
    reference: str | None = None
    sequence: str | None = None
    changed_at: str | None = None
    kinds: dict[str, str] | None = None
    id: str = "webhook-id"
    timestamp: str = "webhook-timestamp"
    signature: str = "webhook-signature"
    signed: str = "{id}.{timestamp}.{body}"
    form: str = "v1,{base64}"
    max_bytes: int = Field(default=1024 * 1024, gt=0)


class StatementFile(_Strict):
    """`[statement]`."""

    operation: str
    since: str
    until: str
    paging: Literal["page", "cursor", "link"] = "page"
    page: str = ""
    pages: str = ""
    cursor: str = ""
    next_cursor: str = ""
    page_size: int = Field(default=1, gt=0)
    items: str
    reference: str
    name: str
    tracking_code: str | None = None
    at: str | None = None
    amount_rial: str | None = None
    state: str | None = None
    states: dict[str, State] = {}
    amounts: dict[str, str] = {}


class DocumentsFile(_Strict):
    """`[documents]`."""

    operation: str
    asks: str
    number: str
    content: str
    answer: str | None = None
    sha256: str | None = None
    media_type: str | None = None


class ContractFile(_Strict):
    """A whole contract.toml."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: str = Field(pattern=r"^[0-9]+(\.[0-9]+)*$")
    status: Literal["assumption", "published"]
    soap: str | None = None
    openapi: str | None = None
    sql: str | None = None
    file: str | None = None
    soap_path: str = "/"
    soap_version: Literal["1.1", "1.2"] | None = None
    door: str | None = Field(default=None, pattern=r"^(/[a-z0-9_.-]+)+$")
    health: str | None = None
    codes: CodesFile = CodesFile()
    operations: dict[str, OperationFile]
    find: dict[str, FindFile] = {}
    changes: ChangesFile | None = None
    webhook: WebhookFile | None = None
    statement: StatementFile | None = None
    documents: DocumentsFile | None = None


def pages_of(file: ContractFile) -> dict[str, dict[str, str]]:
    """By the operation that tells changes: which of its fields carry the pages."""
    if file.changes is None:
        return {}
    names = ("cursor", "count", "items", "next_cursor")
    return {file.changes.operation: {name: getattr(file.changes, name) for name in names}}


def read_contract_file(path: Path, faults: list[str]) -> ContractFile | None:
    """contract.toml, or None when it has faults, which are then added."""
    try:
        return ContractFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        faults.append(f"{path}: is missing; a contract folder begins with it")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"{path}: is not TOML in UTF-8: {error}")
    except ValidationError as error:
        faults.extend(f"{path}: {_where(one)}: {_what(one)}" for one in error.errors())
    return None


def _where(fault: Any) -> str:
    return ".".join(map(str, fault["loc"]))


def _what(fault: Any) -> str:
    if fault["type"] != "extra_forbidden":
        return str(fault["msg"])
    known = {name for model in _Strict.__subclasses__() for name in model.model_fields}
    name = str(fault["loc"][-1])
    near = difflib.get_close_matches(name, known, n=1)
    return f"'{name}' is not a key here" + (f"; did you mean '{near[0]}'?" if near else "")


def read_outcomes(path: Path, faults: list[str]) -> dict[tuple[str, str], OutcomeRow]:
    """outcomes.csv by place and code; faulty rows are added to the faults as `file:line: column: what`."""
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), strict=True))
    except FileNotFoundError:
        faults.append(f"{path}: is missing; every contract says what its codes mean")
        return {}
    except (UnicodeDecodeError, csv.Error) as error:
        faults.append(f"{path}: is not CSV in UTF-8: {error}")
        return {}
    if not rows or tuple(rows[0]) != OUTCOME_COLUMNS:
        faults.append(f"{path}:1: the header must be {','.join(OUTCOME_COLUMNS)}")
        return {}
    found: dict[tuple[str, str], OutcomeRow] = {}
    for line, cells in enumerate(rows[1:], start=2):
        if row := _outcome(cells, f"{path}:{line}", faults):
            if (row.where, row.code) in found:
                faults.append(f"{path}:{line}: code: '{row.code}' stands twice for {row.where}; keep one")
            found[row.where, row.code] = row
    return found


def _outcome(cells: list[str], place: str, faults: list[str]) -> OutcomeRow | None:
    if len(cells) != len(OUTCOME_COLUMNS):
        faults.append(f"{place}: has {len(cells)} cells, the header {len(OUTCOME_COLUMNS)}")
        return None
    where, code, verdict, fa, en = (cell.strip() for cell in cells)
    wrong = [
        f"{place}: {column}: {text}"
        for column, text, is_right in (
            ("where", f"'{where}' is not a place; use {' or '.join(PLACES)}", where in PLACES),
            ("code", "is empty; give the code as they write it", bool(code)),
            ("verdict", f"'{verdict}' is not a verdict; use {', '.join(Verdict)}", verdict in set(Verdict)),
            ("fa", "is empty; citizens and clerks read it", bool(fa)),
            ("en", "is empty; operators read it", bool(en)),
        )
        if not is_right
    ]
    faults.extend(wrong)
    return None if wrong else OutcomeRow(where, code, Verdict(verdict), fa, en)


def digest(folder: Path) -> str:
    """SHA-256 over the names and bytes of every file, so that a contract can be pinned."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            whole.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def _pairs(compare: tuple[str, ...] | dict[str, str]) -> tuple[tuple[str, str], ...]:
    """A path alone stands at the same place in the request and in the query's answer."""
    return tuple(compare.items() if isinstance(compare, dict) else ((path, path) for path in compare))


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
