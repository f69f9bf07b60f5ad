"""The internal systems that may tell their changes by themselves, each by the secret in its tenant's settings."""

from __future__ import annotations

from collections.abc import Mapping

from adapter.channels import Clock
from adapter.contract.model import Contract
from adapter.endpoints import EndpointName
from adapter.errors import FaultySettings
from connectors.webhook import Webhook, secrets_of
from ops.settings import Settings, secret_of

SETTING = "webhook_key_file"


def webhooks_of(settings: Settings, contracts: Mapping[str, Contract], clock: Clock) -> dict[EndpointName, Webhook]:
    """Who may tell, by tenant and contract; raises FaultySettings for a secret that cannot be one or is for nothing."""
    found: dict[EndpointName, Webhook] = {}
    faults: list[str] = []
    for tenant, its in settings.tenants.items():
        for title, endpoint in its.endpoints.items():
            if endpoint.webhook_key_file is None or title not in contracts:
                continue
            said = contracts[title].webhook
            place = f"tenants.{tenant}.endpoints.{title}"
            if said is None:
                faults.append(f"{place}.{SETTING}: contracts/{title} has no [webhook]: nothing can be told by it")
                continue
            try:
                secrets = secrets_of(secret_of(endpoint.webhook_key_file, SETTING))
            except FaultySettings as error:
                faults += [f"{place}.{fault}" for fault in error.faults]
                continue
            found[tenant, title] = Webhook(contracts[title], said, secrets, clock)
    if faults:
        raise FaultySettings(faults)
    return found


def path_of(endpoint: EndpointName) -> str:
    """Where a tenant's system calls."""
    tenant, title = endpoint
    return f"/webhooks/{tenant}/{title}"
