"""The REST binding of a contract: requests and answers as JSON, validated both ways."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from adapter.contract.aliases import Aliases, rename_json
from adapter.contract.attaching import packed_json, unpacked
from adapter.contract.codec import Decoded, Fault, HttpForm, Row, Shape
from adapter.contract.drift import Known, known_of, set_aside_in_json
from adapter.contract.json_schema import Validator
from adapter.contract.mime import MediaType
from adapter.contract.multipart import Multipart
from adapter.contract.openapi import JSON, Packaging, RestOperation
from adapter.contract.packing import Way, boundary_in, is_packed, pack_fields
from adapter.contract.paths import put, value_at
from adapter.contract.sifting import sift
from adapter.exchange import Payload
from adapter.refusals import SchemaViolation, TooLarge, Unreadable, Violation
from adapter.strict_json import faults_in, parse_json, read_json, write_json
from adapter.telemetry import DriftLog

PROBLEM = "application/problem+json"
_LARGEST_CODE = 64


_STRICT = Aliases()


class RestCodec:
    """One contract's REST operations. `limits` are the largest requests in bytes, by operation.

    `aliases` are the spellings that are accepted on input; `names` are all that the contract has; what it
    does not know is set aside and told to `drift`, without which it is refused.
    """

    answer_media_types = frozenset({JSON, PROBLEM})

    def __init__(
        self,
        operations: Mapping[str, RestOperation],
        limits: Mapping[str, int],
        *,
        aliases: Aliases = _STRICT,
        names: frozenset[str] = frozenset(),
        drift: DriftLog | None = None,
        ways: Mapping[str, Way] | None = None,
    ) -> None:
        self._operations = operations
        self._ways = ways or {}
        self._limits = limits
        self._aliases = aliases
        self._requests = {name: known_of(names, one.shape) for name, one in operations.items()}
        self._answers = {name: known_of(names, one.answer_shape) for name, one in operations.items()}
        self._drift = drift

    @property
    def operations(self) -> frozenset[str]:
        """The operations that this binding carries."""
        return frozenset(self._operations)

    @property
    def routes(self) -> dict[str, tuple[str, str]]:
        """Method and path template of each operation."""
        return {name: (one.method, one.path) for name, one in self._operations.items()}

    def request_shape(self, operation: str) -> Shape:
        """The fields of a request."""
        return self._operations[operation].shape

    def answer_shape(self, operation: str) -> Shape:
        """The fields of an answer."""
        return self._operations[operation].answer_shape

    def base64_fields(self, operation: str) -> tuple[str, ...]:
        """The fields of a request that hold documents."""
        return self._operations[operation].base64

    def encode_request(self, operation: str, content: Payload, *, key: str | None = None) -> bytes:
        """`METHOD path?query`, an empty line, the JSON body. The key travels as a header and is not frozen here."""
        del key
        known = self._operations[operation]
        known.content.check(content)
        path = re.sub(r"\{(\w+)\}", lambda found: quote(_text(content[found[1]]), safe=""), known.path)
        query = urlencode({name: _text(content[name]) for name in known.query_names if name in content})
        elsewhere = {*known.path_names, *known.query_names}
        body = {name: value for name, value in content.items() if name not in elsewhere}
        head = f"{known.method} {path}?{query}" if query else f"{known.method} {path}"
        frozen = head.encode() + b"\n\n" + (self._body(known, body) if known.has_body else b"")
        if len(frozen) > self._limits[operation]:
            raise SchemaViolation([_too_long(len(frozen), self._limits[operation])])
        return frozen

    def thaw(self, operation: str, frozen: bytes) -> Payload:
        """The content of a request that `encode_request` froze."""
        head, _, body = frozen.partition(b"\n\n")
        path, _, query = head.decode().partition(" ")[2].partition("?")
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]*)", self._operations[operation].path)
        steps = re.fullmatch(pattern, path)
        parameters = {name: unquote(value) for name, value in steps.groupdict().items()} if steps else {}
        parameters |= dict(parse_qsl(query, keep_blank_values=True))
        return self.decode_fields(self._fields(operation, body), operation=operation, parameters=parameters).content

    def form(self, operation: str, frozen: bytes) -> HttpForm:
        """Method, path and body as they were frozen."""
        head, _, body = frozen.partition(b"\n\n")
        method, _, path = head.decode().partition(" ")
        known = self._operations[operation]
        media_type = JSON if known.has_body else None
        if is_packed(body):
            media_type = f'{next(iter(known.packagings))}; boundary="{boundary_in(body)}"'
        return HttpForm(method, path, media_type, {"Accept": f"{JSON}, {PROBLEM}"}, body)

    def decode_request(
        self,
        body: bytes,
        *,
        operation: str | None = None,
        parameters: Mapping[str, str] | None = None,
        partner: str | None = None,
    ) -> Decoded:
        """The body's fields and the parameters as one content; raises Unreadable, TooLarge or SchemaViolation."""
        if operation is None:
            raise Unreadable("A REST request is read by the operation of its route")
        if len(body) > self._limits[operation]:
            raise TooLarge(f"The body of {operation} may have at most {self._limits[operation]} bytes")
        content = _body_of(body, self._operations[operation])
        return self.decode_fields(content, operation=operation, parameters=parameters, partner=partner)

    def packagings(self, operation: str) -> Mapping[str, Packaging]:
        """How the operation's body may consist of parts, by media type."""
        return self._operations[operation].packagings

    def decode_fields(
        self,
        content: Payload,
        *,
        operation: str,
        parameters: Mapping[str, str] | None = None,
        partner: str | None = None,
    ) -> Decoded:
        """The fields of a body that was read, and the parameters, as one content; raises SchemaViolation."""
        known = self._operations[operation]
        given = dict(parameters or {})
        if names := self._aliases.names(partner, operation):
            given, content = rename_json(given, names), rename_json(content, names)
        typed = {name: _typed(value, known.typed.get(name)) for name, value in given.items()}
        if twice := sorted(content.keys() & {*known.path_names, *known.query_names}):
            raise SchemaViolation([Violation(name, "only in the address", "it in the body too") for name in twice])
        if unfit := faults_in(typed):
            raise SchemaViolation(unfit)
        return Decoded(operation, self._held(content, known.content, self._requests[operation], operation, typed))

    def encode_answer(self, operation: str, content: Payload) -> bytes:
        """Our answer as JSON; raises SchemaViolation when it would break the contract."""
        for validator in list(self._operations[operation].answers.values())[:1]:
            validator.check(content)
        return write_json(content)

    def decode_answer(
        self, operation: str, body: bytes, *, status: int = 200, content_type: str = ""
    ) -> Payload | Fault:
        """Their answer; a problem document, or any JSON object with a failing status, is a Fault."""
        del content_type
        answers = self._operations[operation].answers
        if not body and status < HTTPStatus.BAD_REQUEST and not answers:
            return {}  # the contract promises a status and no content
        content = read_json(body)
        if not isinstance(content, dict):
            raise Unreadable("The answer is not an object")
        if status >= HTTPStatus.BAD_REQUEST:
            return _problem(content, status)
        if names := self._aliases.names(None, operation):
            content = dict(rename_json(content, names))
        if validator := _validator_for(self._operations[operation], status):
            return self._held(content, validator, self._answers[operation], operation, {})
        return content

    def sift_answer(
        self, operation: str, body: bytes, *, rows: str, status: int = 200, content_type: str = ""
    ) -> tuple[Payload, list[Row]]:
        """Their answer without its rows, and each of those for itself; raises Unreadable or SchemaViolation."""
        del content_type
        content, validator = parse_json(body), _validator_for(self._operations[operation], status)
        if names := self._aliases.names(None, operation):
            content = rename_json(content, names)
        found = value_at(content, rows) if isinstance(content, dict) else None
        if not isinstance(found, list) or validator is None:
            raise Unreadable("The answer has no list of rows")

        def hold(some: Sequence[Any]) -> Payload:
            put(content, rows, list(some))
            if faults := faults_in(content):
                raise SchemaViolation(faults)
            return self._held(content, validator, self._answers[operation], operation, {})

        return sift(found, rows, hold, lambda row: row if isinstance(row, dict) else {})

    def decode_parts(
        self, operation: str, media_type: MediaType, package: Multipart, *, status: int = 200
    ) -> Payload | Fault:
        """Their answer with its files in their places."""
        fields = packed_json(media_type, Packaging(media_type.name), package.parts)
        return self.decode_answer(operation, write_json(fields), status=status)

    def _held(self, body: Payload, validator: Validator, known: Known, operation: str, parameters: Payload) -> Payload:
        """Body and parameters as the contract has them, what is new in the body set aside; raises SchemaViolation."""
        if not (found := validator.violations(body | parameters)):
            return body | parameters
        if self._drift is None:
            raise SchemaViolation(found)
        drift = set_aside_in_json(body, known)
        if not drift.strangers:
            raise SchemaViolation(found)
        found = validator.violations(drift.cleaned | parameters)
        if found or not drift.is_tolerable:
            raise SchemaViolation([*drift.violations, *found])
        self._drift.met(operation, drift.strangers)
        content: Payload = drift.cleaned | parameters
        return content

    def _body(self, known: RestOperation, fields: Payload) -> bytes:
        """The body as the contract wants it: JSON, or parts of which the files among the fields are."""
        packaging = next(iter(known.packagings.values()), None)
        if packaging is None or self._ways.get(known.name, Way.INLINE) is Way.INLINE:
            return write_json(fields)
        return pack_fields(fields, packaging)

    def _fields(self, operation: str, body: bytes) -> Payload:
        """The fields of a body that `_body` wrote."""
        known = self._operations[operation]
        if not is_packed(body):
            return _body_of(body, known)
        packaging = next(iter(known.packagings.values()))
        media_type = MediaType(packaging.media_type, {"boundary": boundary_in(body)})
        return packed_json(media_type, packaging, unpacked(media_type, body, most=len(body)).parts)


def _validator_for(known: RestOperation, status: int) -> Validator | None:
    """The schema of this status, else of the first success: another 2xx than promised must still be readable."""
    return known.answers.get(str(status)) or next(iter(known.answers.values()), None)


def _body_of(body: bytes, known: RestOperation) -> Payload:
    if not known.has_body:
        if body:
            raise Unreadable(f"{known.name} takes no body")
        return {}
    content = read_json(body)
    if not isinstance(content, dict):
        raise Unreadable("The body is not an object")
    return content


def _problem(content: Payload, status: int) -> Fault:
    """RFC 9457, or whatever JSON came in its place: only a short code and title are taken over."""
    code = content.get("code", f"http-{status}")
    text = content.get("title", "")
    return Fault(str(code)[:_LARGEST_CODE], str(text)[:200], sender=status < HTTPStatus.INTERNAL_SERVER_ERROR)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _typed(value: str, kind: str | None) -> str | int | bool:
    """A parameter as its type says; what does not read as one stays text and breaks the schema there."""
    if kind == "integer" and re.fullmatch(r"-?[0-9]{1,16}", value):
        return int(value)
    if kind == "boolean" and value in {"true", "false"}:
        return value == "true"
    return value


def _too_long(found: int, allowed: int) -> Violation:
    return Violation("(whole body)", f"at most {allowed} bytes", f"{found} bytes")
