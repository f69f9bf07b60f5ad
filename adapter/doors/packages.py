"""Bodies that consist of parts: taken off the wire into nameless files, then one message as if all had come inline."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from starlette.requests import Request

from adapter.contract.attaching import RELATED, announced_version, opened_package, packed_json, root_of
from adapter.contract.envelopes import MEDIA_TYPES, Opened, read_envelope
from adapter.contract.mime import MediaType, media_type_of
from adapter.contract.multipart import BLOCK, Multipart
from adapter.contract.openapi import Packaging
from adapter.contract.soap import SoapCodec
from adapter.doors.reading import Limits, body_of, check_media_type, take_body
from adapter.errors import Unreadable
from adapter.exchange import Payload

_HEADS_AND_BOUNDARIES = 256 * 1024


async def envelope_of(request: Request, codec: SoapCodec, *, most: int, limits: Limits) -> Opened:
    """The SOAP message, its attachments in their places; a fault is told in the version that was seen last."""
    check_media_type(request, *MEDIA_TYPES, RELATED)
    media_type = media_type_of(request.headers["Content-Type"])
    announced = announced_version(media_type)
    if announced is not None:
        request.state.soap_version = announced
    if media_type.name == RELATED:
        async with _package(request, media_type, most=most, limits=limits, admit=codec.most_for) as package:
            opened = opened_package(media_type, package)
    else:
        opened = read_envelope(await body_of(request, most=most, limits=limits))
    request.state.soap_version = opened.version.name
    if announced not in {None, opened.version.name}:
        raise Unreadable(f"The media type is that of SOAP {announced}, the envelope of {opened.version.name}")
    return opened


async def fields_of(
    request: Request, media_type: MediaType, packaging: Packaging, *, most: int, limits: Limits
) -> Payload:
    """The fields of a multipart REST body, the files among them as Base64."""
    async with _package(request, media_type, most=most, limits=limits) as package:
        return packed_json(media_type, packaging, package.parts)


@asynccontextmanager
async def _package(
    request: Request,
    media_type: MediaType,
    *,
    most: int,
    limits: Limits,
    admit: Callable[[bytes], int] | None = None,
) -> AsyncIterator[Multipart]:
    """The whole package; its files are gone afterwards. `admit` tells by the message how much all of it may have.

    What a transfer encoding adds is borne by half as much again; decoded content is counted by the package.
    """
    with ExitStack() as files:
        package = Multipart(
            media_type,
            most=most,
            limits=limits.parts,
            open_file=lambda: files.enter_context(_nameless_file(limits.spool)),
        )
        is_admitted = admit is None

        def take(chunk: bytes) -> None:
            nonlocal is_admitted
            for start in range(0, len(chunk), BLOCK):
                package.feed(chunk[start : start + BLOCK])
                root = None if is_admitted else root_of(media_type, package.parts)
                if root is not None and admit is not None:
                    package.most = min(package.most, admit(root.content()))
                    is_admitted = True

        await take_body(request, take, most=most + most // 2 + _HEADS_AND_BOUNDARIES, limits=limits)
        package.close()
        yield package


def _nameless_file(folder: Path | None) -> BinaryIO:
    """A file of mode 0600 without a name: nobody else can open it, and no crash leaves it behind."""
    return tempfile.TemporaryFile(dir=folder, buffering=BLOCK)  # type: ignore[return-value] # it is one, behind a wrapper elsewhere
