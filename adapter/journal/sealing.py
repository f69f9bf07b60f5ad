"""Sealing: AES-256-GCM under a data key per case, itself wrapped by the master key; keyed hashes for search.

Erasing a case's wrapped data key makes everything sealed under it unreadable for ever.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapter.channels import Randomness
from adapter.errors import JournalUnusable

_NONCE_BYTES = 12
_TAG_BYTES = 16
SEAL_BYTES = _NONCE_BYTES + _TAG_BYTES
"""How much longer than its content what is sealed is."""

_KEY_BYTES = 32
_HASH_CONTEXT = b"panjereh hash key 1"
_WRAP_CONTEXT = b"panjereh wrap key 1"
_KEPT_SEALS = 4096


@dataclass(frozen=True, slots=True)
class Seal:
    """One case's data key at work; what it seals opens only under the same label."""

    cipher: AESGCM
    randomness: Randomness

    def close(self, content: bytes, label: str) -> bytes:
        """Nonce, ciphertext and tag; the label is bound in, so that rows cannot be swapped."""
        nonce = self.randomness(_NONCE_BYTES)
        return nonce + self.cipher.encrypt(nonce, content, label.encode())

    def open(self, sealed: bytes, label: str) -> bytes:
        """The content; raises JournalUnusable when the bytes, the label or the key are not those of the sealing."""
        try:
            return self.cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], label.encode())
        except (InvalidTag, ValueError) as error:
            raise JournalUnusable(f"{label}: a sealed payload does not open; was the master key changed?") from error

    def within(self, sealed_key: bytes, label: str) -> Seal:
        """The data key that is sealed under this one, at work."""
        return Seal(AESGCM(self.open(sealed_key, label)), self.randomness)


class Sealer:
    """The master key at work: mints and unwraps data keys, and hashes what must be found again."""

    def __init__(self, master_key: bytes, randomness: Randomness) -> None:
        self._randomness = randomness
        self._wrap = AESGCM(_derive(master_key, _WRAP_CONTEXT))
        self._inner, self._outer = _pads(_derive(master_key, _HASH_CONTEXT))
        self.seal_of = lru_cache(maxsize=_KEPT_SEALS)(self._seal_of)

    def new_data_key(self, case_id: str) -> tuple[Seal, bytes]:
        """A fresh data key at work, and the same key wrapped, to be kept with the case, or what else it is for."""
        key = self._randomness(_KEY_BYTES)
        nonce = self._randomness(_NONCE_BYTES)
        wrapped = nonce + self._wrap.encrypt(nonce, key, case_id.encode())
        return self.seal_of(case_id, wrapped), wrapped

    def _seal_of(self, case_id: str, wrapped: bytes) -> Seal:
        """The case's data key at work; raises JournalUnusable under another master key."""
        return Seal(AESGCM(self._unwrapped(case_id, wrapped)), self._randomness)

    def handed_over(self, label: str, wrapped: bytes, seal: Seal) -> bytes:
        """The data key that the master key wraps, sealed under a case's key instead: it goes with the case."""
        return seal.close(self._unwrapped(label, wrapped), label)

    def _unwrapped(self, label: str, wrapped: bytes) -> bytes:
        try:
            return self._wrap.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], label.encode())
        except (InvalidTag, ValueError) as error:
            raise JournalUnusable(f"case {label}: its data key does not open under this master key") from error

    def hash(self, *parts: str | bytes) -> bytes:
        """HMAC-SHA-256 over the parts, each with its length: a national id has too few values for a bare hash."""
        inner, outer = self._inner.copy(), self._outer.copy()
        for part in parts:
            raw = part.encode() if isinstance(part, str) else part
            inner.update(len(raw).to_bytes(4, "big") + raw)
        outer.update(inner.digest())
        return outer.digest()


def _pads(key: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    """Both halves of HMAC-SHA-256 under the key (RFC 2104), begun once: a hash costs a third of the library's.

    `hmac.digest` is as fast, but lets go of the interpreter and then waits for the journal's writer.
    """
    block = key.ljust(hashlib.sha256().block_size, b"\0")
    return hashlib.sha256(bytes(byte ^ 0x36 for byte in block)), hashlib.sha256(bytes(byte ^ 0x5C for byte in block))


def _derive(master_key: bytes, context: bytes) -> bytes:
    return hmac.new(master_key, context, hashlib.sha256).digest()
