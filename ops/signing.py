"""Signing off: a tenant that asks for it is served by the tables it has signed, kept in a folder of their own.

`signed/<tenant>/current` names the digest of what was signed last; `signed/<tenant>/<digest>/mappings` holds it. What
changed on disk since is live for everybody else, and for this tenant only after its next sign-off.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from adapter.contract.model import Contract
from adapter.errors import Refused
from adapter.offer import Offer, Stopped
from adapter.service import TENANTS, Service, declared_id, layers_of, load_services, load_views
from adapter.service.contents import contents_of
from adapter.service.contents import digest_of as contents_digest
from adapter.tables import Fault
from ops.replacing import replace_text, sync
from ops.settings import Settings
from ops.swapping import settled

_CURRENT = "current"
_DIGITS = 32

Views = dict[tuple[str, str], Service | Stopped]


def signing_tenants(settings: Settings) -> list[str]:
    """The tenants that are served by what they signed alone."""
    return sorted(name for name, its in settings.tenants.items() if its.signs_off)


def digest_of(offer: Offer, tenant: str) -> str:
    """Of everything that the tenant is offered: the same files give the same."""
    lines = sorted(f"{name} {one.sha256}" for (owner, name), one in offer.by_name.items() if owner == tenant)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_DIGITS]


def signed_digest(settings: Settings, tenant: str) -> str | None:
    """What the tenant signed last; None while it has signed nothing."""
    current = _folder(settings, tenant) / _CURRENT
    return current.read_text(encoding="ascii").strip() if current.is_file() else None


def keep_signed(settings: Settings, tenant: str, offer: Offer) -> None:
    """Afterwards what the tenant is offered is kept, on disk, whatever becomes of the mappings; it is not yet served.

    Raises Refused for what does not lie there as it was read any more.
    """
    kept = _folder(settings, tenant) / digest_of(offer, tenant) / settings.mappings.name
    shutil.rmtree(kept, ignore_errors=True)
    with settled(settings.mappings):
        for name in settings.tenants[tenant].services:
            for part in (Path(name), Path(TENANTS) / tenant / name):
                if (settings.mappings / part).is_dir():
                    shutil.copytree(settings.mappings / part, kept / part)
    for (owner, name), service in offer.by_name.items():
        folders = layers_of(kept, tenant, name)[0].folders
        if owner == tenant and contents_digest(*map(contents_of, folders)) != service.sha256:
            raise Refused(f"{name} was changed meanwhile; look again")
    for path in (kept, *kept.rglob("*")):
        sync(path)


def serve_signed(settings: Settings, tenant: str, digest: str) -> None:
    """Afterwards the tenant is served by what was kept under this digest, from the next reading on."""
    folder = _folder(settings, tenant)
    replace_text(folder / _CURRENT, f"{digest}\n", room=folder)


def signed_views(
    settings: Settings, contracts: Mapping[str, Contract], *, today: date
) -> tuple[Views, dict[tuple[str, str], list[Fault]]]:
    """What each signing tenant is served by, and the faults in it; what it has not signed is stopped for it."""
    views: Views = {}
    faults: dict[tuple[str, str], list[Fault]] = {}
    for tenant in signing_tenants(settings):
        digest = signed_digest(settings, tenant)
        root = _folder(settings, tenant) / (digest or "") / settings.mappings.name
        is_there = digest is not None and root.is_dir()
        services, faulty = load_services(root, contracts, today=today) if is_there else ({}, {})
        own, faulty_own = load_views(root, contracts, today=today) if is_there else ({}, {})
        for name in settings.tenants[tenant].services:
            found: Service | Stopped | None = own.get((tenant, name), services.get(name))
            if found is None:
                faults |= _faults_of((tenant, name), faulty_own.get((tenant, name), faulty.get(name)))
                found = declared_id(settings.mappings / name), f"not signed off: panjereh tables signoff {tenant}"
            views[tenant, name] = found
    return views, faults


def _faults_of(at: tuple[str, str], found: Iterable[Fault] | None) -> dict[tuple[str, str], list[Fault]]:
    return {at: list(found)} if found else {}


def _folder(settings: Settings, tenant: str) -> Path:
    assert settings.signed is not None  # noqa: S101 - the settings are refused without it
    return settings.signed / tenant
