"""The limits of a connection before its request is read: what uvicorn leaves open.

Uvicorn's only timer starts after a first answer, its heads have no end, and who merely connects counts as a call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NoReturn, cast

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from adapter.doors import Limits
from adapter.doors.problems import as_json, problem_of
from adapter.refusals import RequestRefused, TooBusy, TooLarge
from ops.settings import LOOPBACK

_RETRY_AFTER_SECONDS = 2
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What connections may take; a head is a request line with its headers.

    `spared` networks are not held to `per_peer`: a reverse proxy on this machine brings everybody from one address.
    """

    head_time: timedelta = timedelta(seconds=5)
    head: Limits = Limits()  # noqa: RUF009 - frozen
    connections: int = 256
    per_peer: int = 32
    spared: tuple[IPv4Network | IPv6Network, ...] = LOOPBACK


def is_within(host: str | None, networks: Collection[IPv4Network | IPv6Network]) -> bool:
    """Whether a peer's address lies in one of the networks; a peer without an address lies in none."""
    return host is not None and any(ip_address(host) in network for network in networks)


def limited(limits: ConnectionLimits) -> type[HttpToolsProtocol]:
    """Uvicorn's protocol, its connections held to these limits."""

    class Connection(_Connection):
        most = limits

    return Connection


class _Connection(HttpToolsProtocol):
    most: ConnectionLimits
    _head_bytes: int | None = 0
    """How many have come of a head that is not complete; None while a body comes.

    A read that also completes a head is not counted: the parser's callbacks begin anew, and see that head whole.
    """
    _late: asyncio.TimerHandle | None = None
    peer: str | None = None
    idle_since: float
    """By the system's monotonic clock: the loop's own stands still while it works, and who came first would be lost."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self.peer = self.client[0] if self.client else None
        self.idle_since = time.monotonic()
        if self._has_room():
            self._expect_head()
        else:
            self.connections.discard(self)
            _log.warning("connection_refused", peer=self.peer, connections=len(self.connections))
            self._refuse(TooBusy(retry_after=_RETRY_AFTER_SECONDS))

    def data_received(self, data: bytes) -> None:
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        if self._head_bytes is not None or not self._is_answering:  # or a body goes on that was answered already
            self._expect_head()
        super().data_received(data)
        if (self._head_bytes or 0) > self.most.head.header_bytes and not self.transport.is_closing():
            self._refuse(_head_too_large())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > self.most.head.headers:  # trailers come here too
            self._refuse_head()

    def on_headers_complete(self) -> None:
        self._forget_head()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self.most.head.header_bytes:
            self._refuse_head()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._head_bytes = 0

    def on_response_complete(self) -> None:
        self.idle_since = time.monotonic()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Only where nothing was told yet: uvicorn calls it for every error out of its parser."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        """Unless the head is complete in time the connection is closed, after the answer to a request under way."""
        if self._late is None:
            self._late = self.loop.call_later(self.most.head_time.total_seconds(), self.shutdown)

    def _forget_head(self) -> None:
        self._head_bytes = None
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _has_room(self) -> bool:
        """Whether there is room for this one, made by whoever is idle longest: of its own peer first, then of all."""
        if not is_within(self.peer, self.most.spared):
            own = [one for one in self._others() if one.peer == self.peer]
            if not _make_room(own, self.most.per_peer):
                return False
        return _make_room(self._others(), self.most.connections)

    def _others(self) -> set[_Connection]:
        return cast("set[_Connection]", self.connections - {self})

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way; who does not read his answer has none."""
        return self.flow.write_paused or not self._is_answering

    def give_way(self) -> None:
        """It counts no longer, and is closed at once."""
        self.connections.discard(self)
        self.transport.abort()

    def _refuse_head(self) -> NoReturn:
        """Close, and raise what stops the parser within its callback."""
        error = _head_too_large()
        self._refuse(error)
        raise error

    def _refuse(self, refusal: RequestRefused) -> None:
        """Tell the problem and close; in the midst of another answer only close."""
        if self._is_answering:
            self.transport.abort()
            return
        response = as_json(problem_of(refusal))
        headers = [*response.raw_headers, (b"connection", b"close")]
        lines = b"".join(b"%s: %s\r\n" % (name, value) for name, value in headers)
        self.transport.write(STATUS_LINE[response.status_code] + lines + b"\r\n" + bytes(response.body))
        self.transport.close()


def _make_room(others: Collection[_Connection], most: int) -> bool:
    if len(others) < most:
        return True
    idle = [one for one in others if one.is_idle]
    if idle:
        min(idle, key=lambda one: one.idle_since).give_way()
    return bool(idle)


def _head_too_large() -> TooLarge:
    return TooLarge("The headers are too many or too large", status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
