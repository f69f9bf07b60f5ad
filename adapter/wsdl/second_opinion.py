"""A second opinion on a WSDL: zeep loads the same documents, and what it finds otherwise is told."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_HERE = "http://contract/"
"""Where the documents lie for zeep, which resolves their references as addresses; nothing is there but them."""

_log = logging.getLogger("zeep")


def second_opinion(documents: Mapping[str, bytes], messages: Mapping[str, Sequence[str]]) -> list[str]:
    """What zeep finds otherwise than we do, in sentences; nothing when it agrees.

    `documents` are those of a WSDL that was read, the WSDL first; `messages` are each operation's tags, the request's
    first. Nothing else is opened. zeep knows less of XSD than we do: what it cannot load may be right all the same.
    """
    quiet, _log.disabled = _log.disabled, True
    try:
        theirs = _operations_by_zeep(documents)
    except Exception as error:  # noqa: BLE001 - whatever a foreign library stumbles over is its opinion
        return [f"zeep cannot load it: {type(error).__name__}: {error}"]
    finally:
        _log.disabled = quiet
    return sorted(_differences(theirs, messages))


def _differences(theirs: Mapping[str, tuple[str | None, ...]], ours: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for name in ours.keys() - theirs.keys():
        yield f"{name}: zeep finds no such operation"
    for name in theirs.keys() - ours.keys():
        yield f"{name}: zeep finds this operation, we do not"
    for name in ours.keys() & theirs.keys():
        for tag in filter(None, theirs[name]):
            if tag not in ours[name]:
                yield f"{name}: zeep finds the message {tag}, we find {', '.join(ours[name])}"


def _operations_by_zeep(documents: Mapping[str, bytes]) -> dict[str, tuple[str | None, ...]]:
    """By operation the tags of request and answer; of an rpc message, which has none of its own, None."""
    from zeep import Settings  # noqa: PLC0415 - 0.2 s and 30 MB that the daemon never pays
    from zeep.wsdl import Document  # noqa: PLC0415 - as above

    settings = Settings(forbid_dtd=True, forbid_entities=True, forbid_external=False, strict=True)
    load: Any = Document
    loaded = load(_HERE + next(iter(documents)), _Only(documents), settings=settings)
    return {
        name: tuple(_tag(message) for message in (operation.input, operation.output))
        for service in loaded.services.values()
        for port in service.ports.values()
        for name, operation in port.binding.all().items()
    }


def _tag(message: Any) -> str | None:
    element: Any = getattr(message, "body", None)
    is_declared = element is not None and message.operation.style == "document"
    return str(element.qname) if is_declared else None


class _Only:
    """zeep's transport, which knows these documents alone."""

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        self._documents = documents

    def load(self, location: str) -> bytes:
        return self._documents[location.removeprefix(_HERE)]
