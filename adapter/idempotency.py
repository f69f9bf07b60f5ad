"""Idempotency: what makes two calls one. The key, carried or minted; the content's fingerprint; the subject."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from adapter.exchange import PAYMENT_OPERATIONS, Caller, Case, KeySource, Operation, Record
from adapter.mark import Brought
from adapter.refusals import KeyMissing, KeyUnusable
from adapter.service import Service, business_key_of
from adapter.text import composed

Hash = Callable[..., bytes]
"""The journal's keyed hash over parts of text or bytes: no value can be guessed from what it gives."""

_KEY = re.compile(r"[A-Za-z0-9._:-]{16,255}")
_TIMESTAMPS = frozenset({"submitted_at"})
_CANONICAL_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
_ONE_FOR_THE_SERVICE = PAYMENT_OPERATIONS
"""A payment is one payment whichever case it is told of; a document or a correction is one within its case."""
_ONE_IN_A_CASE = frozenset({Operation.WITHDRAW_REQUEST, Operation.SUBMIT_SURVEY})
"""The case itself is the subject."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that changes something, and what it is about: its service, and its case unless it opens one.

    `fruitless` is how many withdrawals of the case came to nothing: after each it may be asked for anew. `brought` are
    the large documents that came with it.
    """

    caller: Caller
    operation: Operation
    record: Record = field(repr=False)
    service: Service
    case: Case | None = None
    fruitless: int = 0
    brought: tuple[Brought, ...] = field(default=(), repr=False)

    @property
    def brought_ids(self) -> frozenset[str]:
        """The large documents that came with it, by what the store calls them."""
        return frozenset(one.id for one in self.brought)


@dataclass(frozen=True, slots=True)
class Identity:
    """By what a call is known again, as keyed hashes: its key in its scope, its content, its subject if it has one."""

    scope: bytes
    fingerprint: bytes
    subject: bytes | None


def usable(key: str | None) -> str | None:
    """The key that a call carries, None when it carries none; raises KeyUnusable."""
    if key and not _KEY.fullmatch(key):
        raise KeyUnusable
    return key or None


def identity_of(
    call: Call, key: str | None, *, source: KeySource, scoped_by: tuple[str, ...], hashed: Hash
) -> Identity:
    """By what the call is known again; `scoped_by` is the journal's. Raises KeyMissing when no key is to be had."""
    fingerprint = hashed("fingerprint", canonical(call.record))
    subject = _subject(call, hashed)
    if key is None:
        key = _KEYS[source](call, fingerprint, subject, hashed)
    scope = hashed(call.caller.tenant, call.caller.name, call.operation, *scoped_by, key)
    return Identity(scope, fingerprint, subject)


def canonical(record: Record) -> str:
    """The record as text in which equal content is equal: sorted, NFC, ASCII digits, without time of sending."""
    kept = {name: value for name, value in record.items() if name not in _TIMESTAMPS}
    return composed(_CANONICAL_JSON.encode(kept))


def _subject(call: Call, hashed: Hash) -> bytes | None:
    key = business_key_of(call.service, call.operation, call.record)
    if key is None and call.operation in _ONE_IN_A_CASE:
        key = str(call.fruitless)
    if key is None:
        return None
    within = "" if call.case is None or call.operation in _ONE_FOR_THE_SERVICE else call.case.id
    return hashed("business", call.caller.tenant, call.service.name, call.operation, within, key)


def _missing(_call: Call, _fingerprint: bytes, _subject: bytes | None, _hashed: Hash) -> str:
    raise KeyMissing


def _minted(call: Call, fingerprint: bytes, subject: bytes | None, hashed: Hash) -> str:
    """A key of the subject, else of the case, and of the content: a record corrected is another revision of it."""
    about = subject or (call.case.tracking_code if call.case else None)
    if about is None:
        paths = ", ".join(one.path for one in call.service.business_key.get(call.operation, ()))
        raise KeyMissing(f"No key is carried and none can be made: the record holds nothing of {paths or 'a subject'}")
    return f"minted:{hashed('minted', call.service.name, call.operation, about, fingerprint).hex()}"


_KEYS: dict[KeySource, Callable[[Call, bytes, bytes | None, Hash], str]] = {
    KeySource.CARRIED: _missing,
    KeySource.MINTED: _minted,
}
