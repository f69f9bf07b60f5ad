"""Who may call us: the callers of the settings by the digests of their keys, none to be taken for another."""

from __future__ import annotations

import hashlib
import re

from adapter.errors import FaultySettings
from adapter.exchange import Caller
from adapter.offer import Offer
from adapter.tables import near
from ops.settings import Settings

_DIGEST = re.compile(r"[0-9a-f]{64}")


def callers_of(settings: Settings) -> dict[str, Caller]:
    """Callers by the SHA-256 of each of their keys; raises FaultySettings where one could be taken for another."""
    faults: list[str] = []
    names: dict[tuple[str, str], int] = {}
    digests: dict[str, int] = {}
    for number, caller in enumerate(settings.callers):
        first = names.setdefault((caller.tenant, caller.name), number)
        told = [("tenant", _tenant_fault(caller.tenant, settings))]
        told += [("name", None if first == number else f"{caller.name!r} stands at callers.{first} already")]
        told += [("key_sha256", _digest_fault(digest.lower(), number, digests)) for digest in caller.key_sha256]
        faults += [f"callers.{number}.{setting}: {fault}" for setting, fault in told if fault]
    if faults:
        raise FaultySettings(faults)
    callers = [Caller(caller.name, caller.tenant, caller.channel) for caller in settings.callers]
    return {digest: callers[number] for digest, number in digests.items()}


def channel_doubts(settings: Settings, offer: Offer) -> list[str]:
    """Callers through a channel that no card of their tenant's services names: it may be misspelt."""
    told = []
    for number, caller in enumerate(settings.callers):
        services = [service for (tenant, _), service in offer.by_name.items() if tenant == caller.tenant]
        known = {channel for service in services for channel in (*service.card.get("channels", ()), *service.channels)}
        if known and caller.channel not in known:
            hint = f"no service of {caller.tenant} has it on its card; {near(caller.channel, known)}"
            told.append(f"callers.{number}.channel: {caller.channel!r}: {hint}")
    return told


def _tenant_fault(tenant: str, settings: Settings) -> str | None:
    return None if tenant in settings.tenants else f"there is no tenant {tenant!r}; {near(tenant, settings.tenants)}"


def _digest_fault(digest: str, number: int, seen: dict[str, int]) -> str | None:
    """What is wrong with the digest, without telling it: it may be a key that was put in its place."""
    if not _DIGEST.fullmatch(digest):
        return 'a digest has 64 hexadecimal digits: printf %s "$KEY" | sha256sum'
    if digest == key_digest(""):
        return "this is the digest of no key at all"
    if digest in seen:
        return f"the same digest stands at callers.{seen[digest]} already"
    seen[digest] = number
    return None


def key_digest(key: str) -> str:
    """How an API key is written in the settings."""
    return hashlib.sha256(key.encode()).hexdigest()
