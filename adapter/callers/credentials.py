"""What opens another side: a key in a header, or a token that is fetched, kept, and renewed before its end."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias
from urllib.parse import quote_plus, urlencode

from adapter.callers.wire import Wire, WireAnswer, WireFailure
from adapter.channels import Clock
from adapter.contract.codec import HttpForm
from adapter.contract.outcomes import Seen
from adapter.exchange import Payload
from adapter.refusals import RequestRefused
from adapter.strict_json import read_json

AUTHORIZATION = "Authorization"
SHORTEST_LIFE, USUAL_LIFE, LONGEST_LIFE = timedelta(seconds=1), timedelta(minutes=5), timedelta(days=1)
"""Of a token; the usual one where nothing is told."""

_EARLY = timedelta(seconds=30)
"""So long before its end a token is renewed, or a tenth of its life before, whichever is less."""

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,8192}=*")
"""RFC 6750, 2.1: what may stand in a header."""

_FORM = "application/x-www-form-urlencoded"
_REFUSING = frozenset({400, 401, 403})
_SUCCESS = 200

Headers: TypeAlias = Mapping[str, str]


class Opener(Protocol):
    """What opens the other side at each call."""

    async def headers(self) -> Headers | WireFailure:
        """The headers that open it now; the failure where there are none, and then nothing may be sent."""
        ...

    def refused(self, headers: Headers) -> bool:
        """Whether others can be had in place of these, which the other side has just refused."""
        ...

    async def aclose(self) -> None:
        """Afterwards no connection is open."""
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """The header that opens the other side, and the key in it."""

    header: str
    value: str = field(repr=False)

    async def headers(self) -> Headers:
        """The header with the key."""
        return {self.header: self.value}

    def refused(self, headers: Headers) -> bool:
        """False: there is no other."""
        del headers
        return False

    async def aclose(self) -> None:
        """Nothing was open."""


def basic(user: str, password: str) -> Credentials:
    """A user and a password (RFC 7617), in UTF-8."""
    return Credentials(AUTHORIZATION, f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}")


def bearer(token: str) -> Credentials:
    """A token that does not end (RFC 6750)."""
    return Credentials(AUTHORIZATION, f"Bearer {token}")


@dataclass(frozen=True, slots=True)
class Client:
    """Whom a token is given: an OAuth 2.0 client. `in_body`: it tells itself in the form, not by Basic."""

    name: str
    secret: str = field(repr=False)
    scope: str | None = None
    in_body: bool = False

    def form(self, path: str) -> HttpForm:
        """The request for a token by client credentials (RFC 6749, 4.4.2 and 2.3.1)."""
        fields = {"grant_type": "client_credentials"} | ({"scope": self.scope} if self.scope else {})
        if self.in_body:
            fields |= {"client_id": self.name, "client_secret": self.secret}
        return HttpForm("POST", path, _FORM, {"Accept": "application/json"}, urlencode(fields).encode())

    def headers(self) -> Headers:
        """What tells who asks, beside the form."""
        if self.in_body:
            return {}
        told = basic(quote_plus(self.name), quote_plus(self.secret))
        return {told.header: told.value}


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    until: datetime


@dataclass(slots=True, eq=False)
class Tokens:
    """A token of one client, fetched at `path` of the wire when it is first needed, by one call for all who wait."""

    client: Client
    wire: Wire
    path: str
    clock: Clock
    _token: _Token | None = field(default=None, init=False, repr=False)
    _fetching: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def headers(self) -> Headers | WireFailure:
        """The token that is kept, or a new one; SHUT where it is refused to us, UNSENT where it cannot be asked for."""
        async with self._fetching:
            if self._token is None or self._token.until <= self.clock():
                fetched = await self._fetched()
                if isinstance(fetched, WireFailure):
                    return fetched
                self._token = fetched
            return {AUTHORIZATION: f"Bearer {self._token.value}"}

    def refused(self, headers: Headers) -> bool:
        """True: the token is forgotten, unless another has taken its place already."""
        if self._token is not None and headers.get(AUTHORIZATION) == f"Bearer {self._token.value}":
            self._token = None
        return True

    async def aclose(self) -> None:
        """Afterwards no connection is open."""
        await self.wire.aclose()

    async def _fetched(self) -> _Token | WireFailure:
        asked_at = self.clock()
        answer = await self.wire.call(self.client.form(self.path), self.client.headers())
        if isinstance(answer, WireFailure):
            seen = answer.seen if answer.seen is Seen.CERTIFICATE else Seen.UNSENT
            return WireFailure(seen, f"no token: {answer.detail}")
        if answer.status != _SUCCESS:
            return WireFailure(
                Seen.SHUT if answer.status in _REFUSING else Seen.UNSENT, f"no token: http-{answer.status}"
            )
        token = _read(answer, asked_at)
        return token or WireFailure(Seen.UNSENT, "no token: the answer has none that can be read")


def _read(answer: WireAnswer, asked_at: datetime) -> _Token | None:
    """The token of an answer (RFC 6749, 5.1), valid until a little before its end."""
    try:
        content: Payload = read_json(answer.body)
    except RequestRefused:
        return None
    told = content if isinstance(content, dict) else {}
    value, kind, seconds = (told.get(name) for name in ("access_token", "token_type", "expires_in"))
    if not isinstance(value, str) or not _TOKEN.fullmatch(value) or str(kind or "bearer").lower() != "bearer":
        return None
    is_told = isinstance(seconds, int | str) and re.fullmatch("[0-9]{1,9}", str(seconds))
    life = timedelta(seconds=int(str(seconds))) if is_told else USUAL_LIFE
    life = min(max(life, SHORTEST_LIFE), LONGEST_LIFE)
    return _Token(value, asked_at + life - min(_EARLY, life / 10))
