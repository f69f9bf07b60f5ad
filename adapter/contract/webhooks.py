"""`[webhook]` of a contract: a system's own message, which is read as an answer for which nobody asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from adapter.contract.aliases import Aliases
from adapter.contract.codec import Shape
from adapter.contract.folder import ContractFile
from adapter.contract.json_schema import Schema
from adapter.contract.model import ChangesContract, Contract, WebhookContract
from adapter.contract.openapi import METHODS, declared_names, operations_of
from adapter.contract.rest import RestCodec
from adapter.refusals import RequestRefused
from adapter.strict_json import read_json
from adapter.telemetry import DriftLog

FIELDS = ("event", "kind", "reference", "sequence", "changed_at", "kinds")
"""What is as in `[changes]` where it is not said."""

_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_PLACES = re.compile(r"\{(\w*)\}")


def read_webhook(
    folder: Path, file: ContractFile, faults: list[str], *, aliases: Aliases, drift: DriftLog | None
) -> WebhookContract | None:
    """What the section and its OpenAPI document say; None without the section, or when it has faults, then added."""
    if (said := file.webhook) is None:
        return None
    name = said.openapi or file.openapi
    place, before = f"{folder / 'contract.toml'}: webhook", len(faults)
    told: dict[str, Any] = {one: getattr(said, one) or getattr(file.changes, one, None) for one in FIELDS}
    faults += [f"{place}.{one}: is missing; [changes] does not say it either" for one in FIELDS if told[one] is None]
    faults += [f"{place}.{fault}" for fault in _unusable(said.model_dump())]
    if name is None:
        faults.append(f"{place}.openapi: is missing; name the OpenAPI document whose webhooks have {said.operation}")
        return None
    document = _document(folder / name, faults)
    codec = _codec(document, file, faults, place=str(folder / name), aliases=aliases, drift=drift)
    if document and said.operation not in codec.operations:
        faults.append(f"{place}.operation: {name} has no {said.operation} among its webhooks")
    if len(faults) > before:
        return None
    plain = said.model_dump(exclude={*FIELDS, "openapi"})
    return WebhookContract(**plain, **told, codec=codec)


def row_faults(webhook: WebhookContract, changes: ChangesContract | None, asked: Shape) -> Iterator[str]:
    """What does not stand in the message, or stands otherwise in a change that is asked for; `asked` is that answer."""
    row = row_shape(webhook)
    if webhook.items is not None and not row:
        yield f"webhook.items: '{webhook.items}' is not a list there"
        return
    for key in ("event", "kind", "reference", "sequence", "changed_at"):
        if (path := getattr(webhook, key)) not in row:
            yield f"webhook.{key}: '{path}' is not a field there"
    there = {} if changes is None else below(asked, changes.items)
    if there and (differing := sorted(path for path in {*row, *there} if row.get(path) != there.get(path))):
        yield f"webhook: its changes and those of {changes.operation if changes else ''} differ at {differing[0]}"


def row_shape(webhook: WebhookContract) -> Shape:
    """The fields of one change."""
    shape = webhook.codec.answer_shape(webhook.operation)
    return shape if webhook.items is None else below(shape, webhook.items)


def change_shape(contract: Contract) -> Shape:
    """The fields of one change, asked for or told: they are the same where both are."""
    if contract.changes is not None:
        return below(contract.answer_shapes.get(contract.changes.operation, {}), contract.changes.items)
    return {} if contract.webhook is None else row_shape(contract.webhook)


def below(shape: Shape, items: str) -> dict[str, bool]:
    """The fields of one entry of a list."""
    prefix = f"{items}[]."
    return {path.removeprefix(prefix): must for path, must in shape.items() if path.startswith(prefix)}


def _unusable(said: Mapping[str, str]) -> Iterator[str]:
    headers = [said[key] for key in ("id", "timestamp", "signature")]
    for key, header in zip(("id", "timestamp", "signature"), headers, strict=True):
        if not _HEADER.fullmatch(header):
            yield f"{key}: '{header}' is not the name of a header"
    if len({one.lower() for one in headers}) < len(headers):
        yield "signature: id, timestamp and signature are three headers"
    signed = _PLACES.findall(said["signed"])
    if not {"timestamp", "body"} <= set(signed) <= {"id", "timestamp", "body"} or len(signed) > len(set(signed)):
        yield "signed: has {timestamp} and {body} once, and {id} if that is signed too"
    if _PLACES.findall(said["form"]) not in (["hex"], ["base64"]) or " " in said["form"]:
        yield "form: has either {hex} or {base64} once, as in sha256={hex}, and no blank"


def _document(path: Path, faults: list[str]) -> Schema:
    try:
        found: Schema = read_json(path.read_bytes())
    except FileNotFoundError:
        faults.append(f"{path}: is missing; contract.toml: webhook.openapi names it")
    except RequestRefused as error:
        faults.append(f"{path}: {error}")
    else:
        return found
    return {}


def _codec(
    document: Schema, file: ContractFile, faults: list[str], *, place: str, aliases: Aliases, drift: DriftLog | None
) -> RestCodec:
    """The messages of the document's webhooks, each as the answer to its operation."""
    paths = {
        f"/{name}": {method: _as_answer(entry[method]) for method in METHODS if method in entry}
        for name, entry in document.get("webhooks", {}).items()
    }
    operations = operations_of({**document, "paths": paths}, faults, place=place) if document else {}
    names = declared_names(document)
    limits = dict.fromkeys(operations, file.webhook.max_bytes if file.webhook else 0)
    return RestCodec(operations, limits, aliases=aliases, names=names, drift=drift)


def _as_answer(entry: Schema) -> Schema:
    return {"operationId": entry.get("operationId"), "responses": {"200": entry.get("requestBody", {"content": {}})}}
