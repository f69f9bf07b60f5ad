"""One endpoint over HTTP, with a witness of whether anything left; the only place that imports httpx.

One big httpx pool is quadratic in its connections and can be exhausted for ever by cancelled requests (httpcore
1.0), so each endpoint has a few clients of one connection each, lent to one call at a time and thrown away after
anything but a whole answer.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_random_exponential

from adapter.callers.arriving import Postponed, Taker
from adapter.callers.links import next_of
from adapter.callers.splicing import no_contents, spliced
from adapter.contract.codec import HttpForm
from adapter.contract.outcomes import Seen
from adapter.errors import DocumentDamaged, DocumentMissing
from adapter.mark import Mark, whole_size
from adapter.retry import time_for


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each step of a call may take; `total` covers all of them, for a message without large documents."""

    connect: timedelta = timedelta(seconds=3)
    write: timedelta = timedelta(seconds=15)
    first_byte: timedelta = timedelta(seconds=30)
    total: timedelta = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class InCallRetries:
    """Repeats within one call of what certainly never left, with full jitter; no more than `attempts` in `total`."""

    attempts: int = 3
    base: timedelta = timedelta(milliseconds=200)
    cap: timedelta = timedelta(seconds=5)
    total: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """A whole answer, of whatever status and content; `content_type` is the media type with its parameters.

    `link` is the absolute address of the next page, where the answer's headers name one.
    """

    status: int
    media_type: str
    retry_after: str | None
    body: bytes
    content_type: str = ""
    link: str | None = None


@dataclass(frozen=True, slots=True)
class WireFailure:
    """No whole answer; `seen` says whether anything may have left."""

    seen: Seen
    detail: str


Sleep = Callable[[float], Awaitable[None]]
Opens = Callable[[Mark], AsyncIterator[bytes]]
"""The content of a document of the message that is sent; raises DocumentMissing."""


def _no_documents(mark: Mark) -> AsyncIterator[bytes]:
    return no_contents("this call", mark)


class Wire:
    """An endpoint: its address, its clients, its limits. Every call ends with an answer or a failure as a value."""

    def __init__(
        self,
        address: str,
        timeouts: Timeouts,
        retries: InCallRetries,
        *,
        tls: ssl.SSLContext | None = None,
        connections: int = 16,
        largest_answer: int = 16 * 1024 * 1024,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._address = address.rstrip("/")
        self._timeouts = timeouts
        self._retries = retries
        self._tls = tls or (ssl.create_default_context() if address.startswith("https:") else _NO_TLS)
        self._largest_answer = largest_answer
        self._sleep = sleep
        self._free = asyncio.Semaphore(connections)
        self._idle: list[httpx.AsyncClient] = []

    async def call(
        self,
        form: HttpForm,
        headers: Mapping[str, str],
        *,
        contents: Opens = _no_documents,
        taker: Taker | None = None,
    ) -> WireAnswer | WireFailure:
        """Send, and send again only what never left; `contents` gives the documents whose marks the form holds.

        What `taker` takes of the answer is not in its body. Raises what it refuses.
        """
        retries = self._retries
        repeating = AsyncRetrying(
            stop=stop_after_attempt(retries.attempts) | stop_after_delay(retries.total.total_seconds()),
            wait=wait_random_exponential(retries.base.total_seconds(), retries.cap.total_seconds()),
            retry=retry_if_result(_never_left),
            retry_error_callback=_last_failure,
            sleep=self._sleep,
            reraise=True,
        )
        return await repeating(self._call_once, form, headers, contents, taker)

    async def aclose(self) -> None:
        """Afterwards no connection is open."""
        while self._idle:
            await self._idle.pop().aclose()

    async def _call_once(
        self, form: HttpForm, headers: Mapping[str, str], contents: Opens, taker: Taker | None
    ) -> WireAnswer | WireFailure:
        witness, size = _Witness(), whole_size(form.body)
        limit = self._timeouts.total + time_for(size - len(form.body))
        try:
            async with (
                asyncio.timeout(limit.total_seconds()) as deadline,
                self._client() as client,
                spliced(form.body, contents) as blocks,
            ):
                witness.is_watching = True
                body = form.body if size == len(form.body) else blocks
                length = {} if body is form.body else {"Content-Length": str(size)}
                request = self._request(client, form, {**headers, **length}, body=body, witness=witness)
                return await self._exchange(client, request, taker and Postponed(taker, deadline))
        except (DocumentMissing, DocumentDamaged) as error:
            return WireFailure(Seen.BROKEN_OFF if witness.has_sent else Seen.WITHHELD, error.detail)
        except _AnswerTooLargeError:
            return WireFailure(Seen.UNREADABLE, f"larger than {self._largest_answer} bytes")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            return WireFailure(_seen(error, witness), _told(error))

    def _request(
        self,
        client: httpx.AsyncClient,
        form: HttpForm,
        headers: Mapping[str, str],
        *,
        body: bytes | AsyncIterator[bytes],
        witness: _Witness,
    ) -> httpx.Request:
        content_type = {"Content-Type": form.media_type} if form.media_type else {}
        return client.build_request(
            form.method,
            self._address + form.path,
            content=body,
            headers={**form.headers, **content_type, **headers},
            extensions={"trace": witness},
        )

    async def _exchange(self, client: httpx.AsyncClient, request: httpx.Request, taker: Taker | None) -> WireAnswer:
        # The client has the time-outs; `send` reads them from the request's extensions, which the witness shares.
        response = await client.send(request, stream=True)
        try:
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise httpx.DecodingError("an encoding was not asked for", request=request)
            content_type = response.headers.get("Content-Type", "")
            is_taken = taker is not None and taker.takes(response.status_code, content_type)
            body = bytearray()
            async for chunk in response.aiter_raw():
                if taker is not None and is_taken:
                    await taker.take(chunk)
                    continue
                body += chunk
                if len(body) > self._largest_answer:
                    raise _AnswerTooLargeError
        finally:
            await response.aclose()
        media_type = content_type.partition(";")[0].strip().lower()
        wait = response.headers.get("Retry-After")
        link = next_of(", ".join(response.headers.get_list("Link")), str(request.url))
        return WireAnswer(response.status_code, media_type, wait, bytes(body), content_type, link)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client for one call; it comes back only when the call ended with a whole answer."""
        async with self._free:
            client = self._idle.pop() if self._idle else self._new_client()
            is_whole = False
            try:
                yield client
                is_whole = True
            finally:
                if is_whole:
                    self._idle.append(client)
                else:
                    with suppress(httpx.HTTPError, OSError, RuntimeError):
                        await client.aclose()

    def _new_client(self) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(
            verify=self._tls,
            trust_env=False,
            retries=0,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_IDLE_SECONDS),
        )
        return httpx.AsyncClient(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "panjereh"},
            timeout=httpx.Timeout(
                connect=self._timeouts.connect.total_seconds(),
                write=self._timeouts.write.total_seconds(),
                read=self._timeouts.first_byte.total_seconds(),
                pool=self._timeouts.connect.total_seconds(),
            ),
        )


_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For plain addresses: httpx would else load the whole certificate store for each client."""

_IDLE_SECONDS = 3.0
"""Shorter than servers keep an idle connection (commonly 5 s), lest a request race with their closing it."""


class _AnswerTooLargeError(Exception):
    """The answer went past the limit; the rest was not read."""


class _Witness:
    """Stands below the client, in httpcore: told when the first byte of the request is about to be written."""

    def __init__(self) -> None:
        self.is_watching = False
        self.has_sent = False

    async def __call__(self, event: str, info: object) -> None:
        del info
        if event.endswith("send_request_headers.started"):
            self.has_sent = True


_BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def _seen(error: Exception, witness: _Witness) -> Seen:
    """Never left only if the witness saw nothing and the error's class says so too: neither is believed alone.

    While no client was lent yet there was nothing to witness, and nothing that could have left.
    """
    if not witness.is_watching:
        return Seen.UNSENT
    if witness.has_sent or not isinstance(error, _BEFORE_SENDING):
        return Seen.UNREADABLE if isinstance(error, httpx.DecodingError) else Seen.LOST
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error)):
        return Seen.CERTIFICATE
    return Seen.UNSENT


def _told(error: Exception) -> str:
    """The error's name, and what the system said, such as that nothing listens there; no address."""
    numbers = (one.errno for one in _causes(error) if isinstance(one, OSError) and not isinstance(one, ssl.SSLError))
    said = next((os.strerror(number) for number in numbers if number is not None and number > 0), None)
    return type(error).__name__ if said is None else f"{type(error).__name__}: {said}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it, each once: a chain of contexts may lead back to its beginning."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _never_left(result: WireAnswer | WireFailure) -> bool:
    return isinstance(result, WireFailure) and result.seen is Seen.UNSENT


def _last_failure(state: RetryCallState) -> WireAnswer | WireFailure:
    if state.outcome is None:
        raise RuntimeError("a call that was never tried has no end")
    result: WireAnswer | WireFailure = state.outcome.result()
    return result
