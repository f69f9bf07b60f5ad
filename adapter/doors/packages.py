"""Bodies that consist of parts: taken off the wire as they come, then one message as if all had come inline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from starlette.requests import Request

from adapter.contract.attaching import RELATED, is_json_part, is_root, opened_package, packed_json
from adapter.contract.envelopes import MEDIA_TYPES, Opened, read_envelope
from adapter.contract.mime import MediaType, PartHead, media_type_of
from adapter.contract.multipart import BLOCK, Multipart
from adapter.contract.openapi import Packaging
from adapter.doors.arriving import Arrivals, Bringing, Room
from adapter.doors.reading import Limits, body_of, check_media_type, take_body
from adapter.exchange import Payload
from adapter.refusals import TooLarge, Unreadable

_HEADS_AND_BOUNDARIES = 256 * 1024

Narrow = Callable[[bytes], Awaitable[Room]]
"""The room of a message by what it says itself, before any document is in its place."""


@dataclass(frozen=True, slots=True)
class Taking:
    """How a package is taken: `bringing` leads large parts into the store, if there is one."""

    room: Room
    limits: Limits
    narrow: Narrow
    bringing: Bringing


async def envelope_of(request: Request, taking: Taking) -> Opened:
    """The SOAP message, its attachments in their places; a fault is told in the version that was seen last.

    A package is of the version of its envelope: some clients announce SOAP 1.1 for both (Node's soap 1.6).
    """
    check_media_type(request, *MEDIA_TYPES, RELATED)
    media_type = media_type_of(request.headers["Content-Type"])
    announced = MEDIA_TYPES.get(media_type.name)
    if announced is None:
        async with _package(request, media_type, taking, is_message=partial(is_root, media_type)) as package:
            opened = opened_package(media_type, package)
    else:
        request.state.soap_version = announced
        opened = read_envelope(await body_of(request, most=taking.room.message, limits=taking.limits))
    request.state.soap_version = opened.version.name
    if announced not in {None, opened.version.name}:
        raise Unreadable(f"The media type is that of SOAP {announced}, the envelope of {opened.version.name}")
    return opened


async def fields_of(request: Request, packaging: Packaging, taking: Taking) -> Payload:
    """The fields of a multipart REST body, the files among them as Base64 or as marks."""
    media_type = media_type_of(request.headers["Content-Type"])
    is_message = partial(is_json_part, media_type, packaging)
    async with _package(request, media_type, taking, is_message=is_message) as package:
        return packed_json(media_type, packaging, package.parts)


@asynccontextmanager
async def _package(
    request: Request, media_type: MediaType, taking: Taking, *, is_message: Callable[[PartHead, int], bool]
) -> AsyncIterator[Multipart]:
    """The whole package; its files are gone afterwards. Once the message itself is whole, its own room is held.

    What a transfer encoding adds is borne by half as much again; decoded content is counted by the package.
    """
    limits, most = taking.limits, taking.room.whole
    with ExitStack() as files:
        arrivals = Arrivals(taking.room, is_message, taking.bringing, files, limits.spool)
        parts = replace(limits.parts, part_bytes=max(limits.parts.part_bytes, taking.room.documents))
        package = Multipart(media_type, most=most, limits=parts, open_file=arrivals.open)
        is_narrowed = False

        async def take(chunk: bytes) -> None:
            nonlocal is_narrowed
            for start in range(0, len(chunk), BLOCK):
                package.feed(chunk[start : start + BLOCK])
                root = None if is_narrowed else _whole_message(package, is_message)
                if root is not None:
                    is_narrowed = True
                    arrivals.room = await taking.narrow(root)
                    package.most = arrivals.room.whole
                await arrivals.take_in(package)

        await take_body(request, take, most=most + most // 2 + _HEADS_AND_BOUNDARIES, limits=limits)
        package.close()
        if package.held > arrivals.room.message:
            raise TooLarge(f"The message may have at most {arrivals.room.message} bytes with what stays in it")
        yield package


def _whole_message(package: Multipart, is_message: Callable[[PartHead, int], bool]) -> bytes | None:
    for number, part in enumerate(package.parts):
        if part.is_whole and is_message(part.head, number):
            return part.content()
    return None
