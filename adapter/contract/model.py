"""What a contract folder says, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from adapter.contract.codec import Codec, Shape
from adapter.contract.sheets import Sheets
from adapter.contract.statements import Statements
from adapter.exchange import Direction, Effect, KeySource, State, Verdict
from adapter.telemetry import DriftLog


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """One row of outcomes.csv: what a code at a place means."""

    where: str
    code: str
    verdict: Verdict
    fa: str
    en: str


@dataclass(frozen=True, slots=True)
class OperationContract:
    """One operation: its effect decides what an unclear outcome may become.

    `query` is the read operation that finds this one's effect by `reference`; `settle_after` how long the other
    side may need until the query tells the truth. `reference_path` is where the request carries our reference,
    `answer_reference` where the answer carries the other side's own number. `awaiting` is `field=value` in the
    answer that means "taken, answer later". `compare` pairs fields of the request with those of the query's answer
    that must agree before a found effect is taken for ours. `idempotency_key` tells where the key of a call to us
    comes from. `attachments` says how its binary content is sent: `inline`, or beside the message. `max_bytes` bounds a
    message without its large documents, `document_bytes` each of these and all together; where it says nothing
    `max_bytes` does. `base64` are the paths of the request's fields that hold documents.
    """

    name: str
    direction: Direction
    effect: Effect
    query: str | None = None
    settle_after: timedelta | None = None
    deadline: timedelta | None = None
    group: str = "default"
    reference_path: str | None = None
    answer_reference: str | None = None
    awaiting: str | None = None
    poll: str | None = None
    compare: tuple[tuple[str, str], ...] = ()
    max_bytes: int = 1024 * 1024
    idempotency_key: KeySource = KeySource.CARRIED
    attachments: str = "inline"
    document_bytes: int | None = None
    base64: tuple[str, ...] = ()

    @property
    def most_document_bytes(self) -> int:
        """How large a document may be."""
        return self.max_bytes if self.document_bytes is None else self.document_bytes


@dataclass(frozen=True, slots=True)
class ChangesContract:
    """Where a page of changes carries what; paths are dotted, `[]` repeats."""

    operation: str
    items: str
    event: str
    kind: str
    reference: str
    sequence: str
    changed_at: str
    kinds: Mapping[str, str]
    paging: str = "cursor"
    cursor: str = ""
    count: str = ""
    next_cursor: str = ""
    page: str = ""
    pages: str = ""
    page_size: int = 100


@dataclass(frozen=True, slots=True)
class WebhookContract:
    """How an internal system tells changes by itself: where its message carries what, and how it is signed.

    Without `items` the message is one change. `id`, `timestamp` (seconds since 1970) and `signature` are HTTP headers;
    `signed` is what is signed, of `{id}`, `{timestamp}` and `{body}`; `form` is how one signature of perhaps several
    is written, with `{base64}` or `{hex}` in it. `codec` reads the message as the answer to `operation`.
    """

    operation: str
    items: str | None
    event: str
    kind: str
    reference: str
    sequence: str
    changed_at: str
    kinds: Mapping[str, str]
    id: str
    timestamp: str
    signature: str
    signed: str
    form: str
    max_bytes: int
    codec: Codec


Told: TypeAlias = ChangesContract | WebhookContract
"""Where changes carry what, asked for or told."""


@dataclass(frozen=True, slots=True)
class StatementContract:
    """Where a page of the other side's ledger carries what; paths of an entry are relative to it.

    `states` tells what their words for an entry's state mean, `amounts` by operation which fields of the request an
    entry's amount is the sum of.
    """

    operation: str
    since: str
    until: str
    items: str
    reference: str
    name: str
    paging: str = "page"
    page: str = ""
    pages: str = ""
    cursor: str = ""
    next_cursor: str = ""
    page_size: int = 1
    tracking_code: str | None = None
    at: str | None = None
    amount_rial: str | None = None
    state: str | None = None
    states: Mapping[str, State] = field(default_factory=dict)
    amounts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DocumentsContract:
    """How a document is fetched that a change names by its number without its content; paths are dotted.

    `number`, `content`, `sha256` and `media_type` are the change's; `asks` is where the question says the number,
    `answer` where an answer carries the content that is not the content itself.
    """

    operation: str
    asks: str
    number: str
    content: str
    answer: str | None = None
    sha256: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class FindContract:
    """How a query operation answers: the request's reference field, where `found` stands, and the original answer."""

    reference: str
    found: str
    operation: str | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """A folder of `contracts/`, loaded. `bindings` holds the codecs that it has, by `soap`, `rest`, `sql` and `file`.

    `shapes` tells per operation which paths a request has and whether each must stand in its parent, as in
    `{"owners[]": False, "owners[].share_dang": True}`; `answer_shapes` tells the same of the answers. `sha256` is
    over every file, so that a contract can be pinned. `drift` is what came beyond it while it was in use.
    """

    name: str
    version: str
    status: str
    operations: Mapping[str, OperationContract]
    bindings: Mapping[str, Codec]
    outcomes: Mapping[tuple[str, str], OutcomeRow]
    code_paths: tuple[str, ...]
    ignore_codes_when: str | None
    soap_path: str
    finds: Mapping[str, FindContract]
    routes: Mapping[str, tuple[str, str]]
    health: str | None = None
    changes: ChangesContract | None = None
    webhook: WebhookContract | None = None
    statement: StatementContract | None = None
    documents: DocumentsContract | None = None
    sha256: str = ""
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    answer_shapes: Mapping[str, Shape] = field(default_factory=dict)
    own_door: str | None = None
    drift: DriftLog = field(default_factory=DriftLog)
    statements: Statements | None = None
    sheets: Sheets | None = None

    @property
    def door(self) -> str:
        """Where its paths begin when we serve it; two versions that are served at once have doors of their own."""
        return self.own_door or f"/{self.name}"

    @property
    def title(self) -> str:
        """`name/version`, as settings and messages write it."""
        return f"{self.name}/{self.version}"
