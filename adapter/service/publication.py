"""What of a service is published to a catalogue: its card beside its identity, and the digest that is its revision."""

from __future__ import annotations

import hashlib
import json

from adapter.exchange import Operation, Record
from adapter.service.card import CARD_PATHS
from adapter.service.model import Service

TABLE = "publication"
"""The outward table that says what the gateway's catalogue is told; a service without it is published nowhere."""

PUBLISHED_PATHS = frozenset(
    {"revision", "title", "title_en", "tier", "kind", "pattern", "promise.working_days", "promise.days"}
    | {"documents.most_bytes", "documents.media_types[]", "documents.count"}
    | {f"card.{path}" for path in CARD_PATHS}
)
"""What the rows of that table may take."""


def publication_of(service: Service) -> Record:
    """The content of a publication: equal content has an equal `revision`, whatever the order of its parts."""
    promise = {"working_days": service.promise.working_days, "days": service.promise.days}
    content: Record = {
        "title": service.title,
        "title_en": service.title_en,
        "tier": service.tier,
        "kind": service.kind,
        "pattern": service.pattern,
        "promise": {name: value for name, value in promise.items() if value is not None},
        **_documents(service),
        "card": dict(service.card),
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return {**content, "revision": hashlib.sha256(text.encode()).hexdigest()}


def _documents(service: Service) -> Record:
    """What a channel must know before a citizen chooses a file; nothing where no documents are taken."""
    if Operation.ATTACH_DOCUMENT not in service.inward:
        return {}
    limits = service.documents
    told = {"most_bytes": limits.most_bytes, "media_types": list(limits.media_types), "count": limits.count}
    return {"documents": {name: value for name, value in told.items() if value}}
