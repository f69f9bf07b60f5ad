"""An installation beside the sandbox: a folder with settings, keys and a journal, ready for `panjereh run`."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TENANT, VILLAGE = "sample-city", "sample-village"
VILLAGE_SERVICES = ("no_violation_certificate", "site_visit", "urban_services_request")
"""Those that the village has tables of its own for."""
_CALLERS = {"village": (VILLAGE, "mobile")}
"""Callers that are not named as their channel, with tenant and channel: the mobile system of villages."""
_BINDINGS = {
    "window/1.0": "soap",
    "urban_core/1.0": "soap",
    "revenue/1.0": "rest",
    "complaints/1.0": "sql",
    "village/1.0": "file",
}
_STAND_INS = {
    "window/1.0": "gateway",
    "urban_core/1.0": "urban_core",
    "revenue/1.0": "revenue",
    "complaints/1.0": "complaints",
    "village/1.0": "village",
}


@dataclass(frozen=True, slots=True)
class Installation:
    """Where an installation lives, and the API key of each of its callers by name: the city's are their channels."""

    folder: Path
    settings: Path
    keys: Mapping[str, str]


def install(
    folder: Path,
    addresses: Mapping[str, str],
    *,
    services: Sequence[str],
    scale: float,
    port: int,
    database: str | None = None,
    gateway_binding: str = "soap",
    channels: Sequence[str] = ("national_window", "counter"),
    longest_wait_seconds: float | None = None,
    has_village: bool = False,
) -> Installation:
    """Write the folder; an existing journal and its master key stay as they are.

    `addresses` are the sandbox's by stand-in, `scale` multiplies every waiting time, none of which
    gets longer than `longest_wait_seconds`. With a village there is a second tenant, and a caller `village` of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _secret(folder / "master.key", secrets.token_hex(32))
    tenants = {TENANT: services} | ({VILLAGE: VILLAGE_SERVICES} if has_village else {})
    names = [*channels, *_CALLERS] if has_village else channels
    keys = {name: _secret(folder / f"{name}.key", secrets.token_urlsafe(24)) for name in names}
    embedded = f"sqlite:///{folder / 'journal.db'}"
    longest = [] if longest_wait_seconds is None else [f"longest_wait_seconds = {longest_wait_seconds}"]
    lines = [
        'node = "demo"',
        'environment = "demo"',
        f"database = {json.dumps(database or embedded)}",
        'master_key_file = "master.key"',
        'admin_socket = "admin.sock"',
        'log_level = "info"',
        *_section("http", 'host = "127.0.0.1"', f"port = {port}"),
        *_section("profile", 'name = "fast"', f"scale = {scale}", *longest),
        *_tenants(tenants, addresses, {**_BINDINGS, "window/1.0": gateway_binding}),
        *_callers(keys),
    ]
    settings = folder / "panjereh.toml"
    settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Installation(folder, settings, keys)


def _section(name: str, *lines: str) -> list[str]:
    return ["", f"[{name}]", *lines]


def _tenants(
    tenants: Mapping[str, Sequence[str]], addresses: Mapping[str, str], bindings: Mapping[str, str]
) -> list[str]:
    return [
        line
        for tenant, services in tenants.items()
        for line in (
            *_section(f"tenants.{tenant}", f"services = {json.dumps(list(services))}"),
            *_endpoints(tenant, addresses, bindings),
        )
    ]


def _endpoints(tenant: str, addresses: Mapping[str, str], bindings: Mapping[str, str]) -> list[str]:
    """Of the city everything but the village's office, of the village its office and the gateway."""
    theirs = {"window/1.0", "village/1.0"} if tenant == VILLAGE else set(_STAND_INS) - {"village/1.0"}
    return [
        line
        for contract, stand_in in _STAND_INS.items()
        if stand_in in addresses and contract in theirs
        for line in _section(
            f'tenants.{tenant}.endpoints."{contract}"',
            f"address = {json.dumps(addresses[stand_in])}",
            f"binding = {json.dumps(bindings[contract])}",
        )
    ]


def _callers(keys: Mapping[str, str]) -> list[str]:
    return [
        line
        for name, key in keys.items()
        for tenant, channel in [_CALLERS.get(name, (TENANT, name))]
        for line in _section(
            "[callers]",
            f"name = {json.dumps(name)}",
            f"tenant = {json.dumps(tenant)}",
            f"channel = {json.dumps(channel)}",
            f'key_sha256 = ["{hashlib.sha256(key.encode()).hexdigest()}"]',
        )
    ]


def _secret(path: Path, fresh: str) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(fresh, encoding="ascii")
    return path.read_text(encoding="ascii")
