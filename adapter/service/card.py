"""The service card (شناسنامهٔ خدمت): which parts it has, and which it never lacks."""

from __future__ import annotations

from adapter.tables import Document, Fault, Key, check_keys

_TEXTS_NEEDED = ("title", "description", "duration", "fee", "complaint", "responsible")
_LISTS_NEEDED = ("steps", "documents", "laws", "faq", "channels")
_TEXTS = (
    "process_title", "provider", "parent_body", "recipients", "recipients_per_period", "frequency", "type", "nature",
    "level", "life_event", "start_trigger", "online", "note",
)  # fmt: skip
_ENTRIES = {
    "steps": (("title",), ("text", "duration")),
    "documents": (("title",), ("kind", "when", "note")),
    "laws": (("title",), ("subject", "article", "note")),
    "faq": (("question", "answer"), ()),
}
CARD_KEYS = {
    **{name: Key(str) for name in _TEXTS_NEEDED},
    **{name: Key(list) for name in _LISTS_NEEDED},
    **{name: Key(str, required=False) for name in _TEXTS},
    "inquiries": Key(list, required=False),
    "visits": Key(int, required=False),
    "fee_rial": Key(int, required=False),
    "referral": Key(dict, required=False),
}
_REFERRAL_KEYS = {
    **{name: Key(str) for name in ("why", "office")},
    **{name: Key(str, required=False) for name in ("address", "hours", "phone", "url")},
}

CARD_PATHS = frozenset(
    {name for name, key in CARD_KEYS.items() if key.kind not in {list, dict}}
    | {f"{name}[]" for name, key in CARD_KEYS.items() if key.kind is list}
    | {f"{part}[].{name}" for part, (needed, optional) in _ENTRIES.items() for name in (*needed, *optional)}
)
"""Every path of a card, as tables write them."""


def card_faults(card: Document) -> list[Fault]:
    """Return every part that the card lacks, has in excess or has in another shape; nothing when it was unreadable."""
    if not card.values:
        return []
    faults = check_keys(card, CARD_KEYS)
    if isinstance(card.values.get("referral"), dict):
        faults += check_keys(card, _REFERRAL_KEYS, "referral")
    for part, (needed, optional) in _ENTRIES.items():
        entries = card.values.get(part)
        for number, entry in enumerate(entries if isinstance(entries, list) else (), start=1):
            faults += _entry_faults(card, f"{part}[{number}]", entry, needed=needed, optional=optional)
    return faults


def _entry_faults(
    card: Document, at: str, entry: object, *, needed: tuple[str, ...], optional: tuple[str, ...]
) -> list[Fault]:
    keys = {**{name: Key(str) for name in needed}, **{name: Key(str, required=False) for name in optional}}
    if not isinstance(entry, dict):
        return [card.fault(at, "the entry is not a section")]
    lines = {name: card.lines.get(at.partition("[")[0], 1) for name in ("", *keys, *entry)}
    found = check_keys(Document(card.file, entry, lines), keys)
    return [Fault(one.file, one.line, f"{at}.{one.column}", one.what, one.why, one.what_to_do) for one in found]
