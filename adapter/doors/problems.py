"""What a caller is told when nothing was taken: RFC 9457 in REST, a fault with the same codes in SOAP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from adapter.contract.codec import Fault
from adapter.contract.rest import PROBLEM
from adapter.contract.soap import SoapCodec
from adapter.contract.soap_faults import fault_status
from adapter.refusals import RequestRefused, SchemaViolation, Violation
from adapter.strict_json import write_json

_LONGEST_DETAIL = 4000
_MOST_VIOLATIONS = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal as both bindings tell it; `soap_code` is set where SOAP itself has a code for it."""

    kind: str
    status: int
    title_en: str
    title_fa: str
    detail: str
    tracking_code: str | None = None
    retry_after: timedelta | None = None
    violations: tuple[Violation, ...] = ()
    soap_code: str | None = None


FAILED = Problem(
    kind="failed",
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    title_en="The adapter failed",
    title_fa="سامانه دچار خطا شد",
    detail="It was logged. Send the same request again with the same key.",
)


def problem_of(error: RequestRefused) -> Problem:
    """The error as a caller is told; its context may carry tracking_code, retry_after, status and soap_code."""
    context = error.context
    return Problem(
        kind=error.kind,
        status=context.get("status", error.status),
        title_en=error.title_en,
        title_fa=error.title_fa,
        detail=error.detail,
        tracking_code=context.get("tracking_code"),
        retry_after=_duration(context.get("retry_after")),
        violations=tuple(error.violations) if isinstance(error, SchemaViolation) else (),
        soap_code=context.get("soap_code"),
    )


def as_json(problem: Problem) -> Response:
    """application/problem+json; a violation tells place, expectation and kind, never a value."""
    body: dict[str, Any] = {
        "type": f"urn:panjereh:problem:{problem.kind}",
        "title": problem.title_en,
        "status": problem.status,
        "detail": problem.detail[:_LONGEST_DETAIL],
        "code": problem.kind,
        "title_fa": problem.title_fa,
    }
    if problem.tracking_code:
        body["tracking_code"] = problem.tracking_code
    if problem.violations:
        body["violations"] = [_told(one) for one in problem.violations[:_MOST_VIOLATIONS]]
    return Response(write_json(body), problem.status, headers=_headers(problem), media_type=PROBLEM)


def as_fault(problem: Problem, codec: SoapCodec, version: str) -> Response:
    """A SOAP fault in the version of whoever asked, with the HTTP status that its specification gives it."""
    is_sender = problem.status < HTTPStatus.INTERNAL_SERVER_ERROR
    fault = Fault(problem.soap_code or problem.kind, problem.title_en, sender=is_sender)
    detail = {
        "code": problem.kind,
        "title": problem.title_en,
        "title_fa": problem.title_fa,
        "detail": problem.detail[:_LONGEST_DETAIL],
    }
    if problem.tracking_code:
        detail["tracking_code"] = problem.tracking_code
    told = codec.answered_in(version)
    body = codec.encode_fault(fault, detail, version=version)
    return Response(body, fault_status(told, fault), headers=_headers(problem), media_type=told.content_type)


def _headers(problem: Problem) -> Mapping[str, str]:
    if problem.retry_after is None:
        return {}
    return {"Retry-After": str(max(1, round(problem.retry_after.total_seconds())))}


def _told(violation: Violation) -> dict[str, str | int]:
    told: dict[str, str | int] = {
        "path": violation.path,
        "expected": violation.expected,
        "found": violation.found,
    }
    return told if violation.line is None else {**told, "line": violation.line}


def _duration(value: object) -> timedelta | None:
    if isinstance(value, int | float):
        return timedelta(seconds=value)
    return value if isinstance(value, timedelta) else None
