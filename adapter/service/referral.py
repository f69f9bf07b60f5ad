"""Where a citizen is referred: the office and the needed documents of the service's card, as the gateway reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapter.contract.codec import Codec
from adapter.contract.model import Contract
from adapter.exchange import Operation, Payload
from adapter.refusals import SchemaViolation, Violation
from adapter.tables import Document, Fault

REFERRAL = "referral"
"""The pattern of a service, or of one of its channels, whose requests stay in the office; and the card's section."""

_REST_OF_THE_ANSWER: Mapping[Operation, Payload] = {
    Operation.SUBMIT_REQUEST: {"tracking_code": "00000000000", "accepted_at": "2026-11-21T09:30:00+03:30"},
    Operation.INQUIRE: {"tracking_code": "00000000000", "answered": False},
}


def referral_of(card: Mapping[str, Any]) -> Payload:
    """Why and to which office a request is referred, and with which documents."""
    told = card[REFERRAL]
    documents = [
        {name: one[name] for name in ("title", "kind", "when", "note") if name in one} for one in card["documents"]
    ]
    return {
        **{name: told[name] for name in ("why", "office", "address", "hours", "phone") if name in told},
        "documents": documents,
        **({"card_url": told["url"]} if "url" in told else {}),
    }


def referral_faults(document: Document, card: Document, gateway: Contract | None) -> list[Fault]:
    """Return what keeps a service from referring: a card that names no office, or one that the gateway cannot read."""
    channels = document.values.get("channels", {})
    patterns = {document.values.get("pattern"), *(channels.values() if isinstance(channels, dict) else ())}
    if REFERRAL not in patterns or not card.values:
        return []
    if REFERRAL not in card.values:
        why = "the service refers citizens to its office"
        return [card.fault(REFERRAL, "the section is missing", why, what_to_do="write why and office")]
    try:
        answer = {"state": "referred", "referral": referral_of(card.values)}
    except (LookupError, TypeError):  # the card's own faults tell what it lacks
        return []
    return [
        card.fault(REFERRAL, f"{one.path.removeprefix('referral.')} is not {one.expected}", gateway.title)
        for operation, rest in _REST_OF_THE_ANSWER.items()
        if gateway is not None
        for codec in gateway.bindings.values()
        for one in _violations(codec, operation, {**rest, **answer})
    ]


def _violations(codec: Codec, operation: Operation, answer: Payload) -> list[Violation]:
    if operation not in codec.operations:
        return []
    try:
        codec.encode_answer(operation, answer)
    except SchemaViolation as error:
        return error.violations
    return []
