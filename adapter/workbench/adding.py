"""A partner's WSDL or OpenAPI document becomes a contract folder: every operation, every code, examples of all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lxml import etree

from adapter.contract.loading import load_contract
from adapter.contract.model import Contract
from adapter.contract.openapi_30 import as_31
from adapter.contract.soap import ENVELOPE
from adapter.strict_json import read_json
from adapter.workbench import starting
from adapter.workbench.examples import Example, example_name, refusal
from adapter.workbench.fields import Field, Kind, Limits, Messages
from adapter.workbench.json_fields import json_messages
from adapter.workbench.sampling import as_record, as_xml, lacking, least, whole
from adapter.workbench.totality import codes_of
from adapter.workbench.wsdl_messages import wsdl_messages
from adapter.xml.types import WsdlReader

_STRANGE = "a_field_that_nobody_knows"
_FILLED, _LEAST = "with_everything", "with_the_least"


@dataclass(frozen=True, slots=True)
class Asked:
    """What shall become of a document: `documents` are its files, the document first."""

    name: str
    version: str
    binding: str
    direction: str
    documents: Mapping[str, bytes]


def write_folder(folder: Path, asked: Asked, read_wsdl: WsdlReader) -> tuple[Contract, list[str]]:
    """Afterwards the folder is a whole contract; what is left to do by hand is returned.

    Raises FaultyTables where the document says what cannot be carried.
    """
    for name, content in asked.documents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    document, content = next(iter(asked.documents.items()))
    parsed = as_31(read_json(content)) if asked.binding == "rest" else {}
    messages = json_messages(parsed) if asked.binding == "rest" else wsdl_messages(asked.documents)
    start = starting.Start(
        name=asked.name,
        version=asked.version,
        binding=asked.binding,
        document=document,
        direction=asked.direction,
        directions=_said(parsed),
        code_paths=starting.guessed_code_paths(messages),
        path="/" if asked.binding == "rest" else _soap_path(content),
    )
    _write(folder / "contract.toml", starting.contract_toml(start, messages))
    _write(folder / "outcomes.csv", starting.outcomes_csv(codes_of([messages], start.code_paths)))
    _write(folder / "aliases.csv", starting.aliases_csv())
    contract = load_contract(folder, read_wsdl, is_strict=True)
    return contract, list(_write_examples(folder, contract, messages))


def _write_examples(folder: Path, contract: Contract, messages: Messages) -> Iterator[str]:
    """Write what the codec judges as its folder says; tell of each message for which nothing fits."""
    for kind in ("valid", "invalid"):
        (folder / "examples" / kind).mkdir(parents=True)
    for operation, message in messages.items():
        for is_answer, field in ((False, message.request), (True, message.answer)):
            if is_answer and not contract.answer_shapes.get(operation):
                continue  # a document's own bytes
            maker = _Maker(folder, contract, operation, is_answer=is_answer)
            valid = [
                maker.write(_LEAST, least(field), is_valid=True),
                maker.write(_FILLED, whole(field), is_valid=True),
            ]
            invalid = [maker.write(f"no_{_word(name)}", one, is_valid=False) for name, one in lacking(least(field))]
            for sentence, change in _OTHERWISE:
                if not any(invalid):
                    invalid.append(maker.write(sentence, change(field), is_valid=False))
            what = f"{operation}: {'answer' if is_answer else 'request'}"
            if not any(valid):
                yield f"{what}: no valid example could be made; write one"
            if not any(invalid):
                yield f"{what}: nothing that was tried is invalid; write an example that is"


class _Maker:
    """Examples of one message."""

    def __init__(self, folder: Path, contract: Contract, operation: str, *, is_answer: bool) -> None:
        self._folder = folder
        self._contract = contract
        self._operation = operation
        self._is_answer = is_answer
        self._is_envelope = "soap" in contract.bindings

    def write(self, sentence: str, message: Field, *, is_valid: bool) -> bool:
        """Whether the example was what it should be; only then it is left there."""
        name = example_name(self._operation, sentence, is_answer=self._is_answer, is_envelope=self._is_envelope)
        path = self._folder / "examples" / ("valid" if is_valid else "invalid") / name
        path.write_bytes(_envelope(message) if self._is_envelope else _record(message))
        example = Example(path, name, self._operation, self._is_answer, is_valid)
        is_right = (refusal(self._contract, example) is None) is is_valid
        if not is_right:
            path.unlink()
        return is_right


def _envelope(message: Field) -> bytes:
    root = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"soap": ENVELOPE})
    etree.SubElement(root, f"{{{ENVELOPE}}}Body").append(as_xml(message))
    etree.indent(root)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8") + b"\n"


def _record(message: Field) -> bytes:
    return json.dumps(as_record(message), ensure_ascii=False, indent=2).encode() + b"\n"


def _with_strange(field: Field) -> Field:
    message = least(field)
    namespace = etree.QName(message.tag).namespace if message.tag else None
    tag = f"{{{namespace}}}{_STRANGE}" if namespace else _STRANGE
    strange = Field(_STRANGE, Limits(Kind.TEXT), tag=tag)
    return Field(message.name, message.limits, (*message.parts, strange), tag=message.tag)


def _with_wrong(field: Field) -> Field:
    """Every value at the top is a text that no enumeration, number or pattern takes."""
    wrong = Limits(enumeration=("(not a value)",))
    parts = (replace(part, limits=wrong) if not part.is_section else part for part in whole(field).parts)
    return replace(whole(field), parts=tuple(parts))


_OTHERWISE = ((_STRANGE, _with_strange), ("a_value_of_another_kind", _with_wrong))
"""Tried one after the other where a message has no field that it must have."""


def _word(path: str) -> str:
    """A path as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9]+", "_", path)


def _said(document: Mapping[str, Any]) -> dict[str, str]:
    """The directions that an OpenAPI document says itself."""
    entries = (entry for methods in document.get("paths", {}).values() for entry in methods.values())
    named = (entry for entry in entries if isinstance(entry, dict) and "operationId" in entry)
    return {entry["operationId"]: entry["x-direction"] for entry in named if "x-direction" in entry}


def _soap_path(content: bytes) -> str:
    """The path of the first address in the WSDL; the host is the installation's affair."""
    address = next((one for one in etree.fromstring(content).iter("{*}address") if one.get("location")), None)
    location = address.get("location", "") if address is not None else ""
    found = re.fullmatch(r"(?i)https?://[^/]+(/[A-Za-z0-9_./-]*).*", location)
    return found[1] if found else "/"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
