"""How we open the doors of other sides: what an endpoint's settings say, with the secret in its key file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from adapter.callers import Client, Credentials, InCallRetries, Opener, Timeouts, Tokens, Wire, basic, bearer
from adapter.channels import Clock
from ops.settings import EndpointSettings, key_of

_TOKEN_CONNECTIONS = 1


def opener_of(endpoint: EndpointSettings, timeouts: Timeouts, retries: InCallRetries, clock: Clock) -> Opener | None:
    """What opens the endpoint, if it wants anything; raises FaultySettings for a key file that is none."""
    key = key_of(endpoint)
    if key is None:
        return None
    secret = key.get_secret_value()
    if endpoint.authentication == "oauth2":
        return _tokens(endpoint, secret, timeouts, retries, clock)
    return _BY_HEADER[endpoint.authentication](endpoint, secret)


_BY_HEADER: Mapping[str, Callable[[EndpointSettings, str], Credentials]] = {
    "api_key": lambda endpoint, secret: Credentials(endpoint.key_header, secret),
    "basic": lambda endpoint, secret: basic(endpoint.user or "", secret),
    "bearer": lambda _, secret: bearer(secret),
}


def _tokens(
    endpoint: EndpointSettings, secret: str, timeouts: Timeouts, retries: InCallRetries, clock: Clock
) -> Tokens:
    place = urlsplit(endpoint.token_address or "")
    wire = Wire(f"{place.scheme}://{place.netloc}", timeouts, retries, connections=_TOKEN_CONNECTIONS)
    client = Client(endpoint.user or "", secret, endpoint.scope, in_body=endpoint.client_in == "body")
    return Tokens(client, wire, place.path, clock)
