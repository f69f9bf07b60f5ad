"""What each way of paging must be told in `[changes]` and `[statement]`, and what it does not use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from adapter.contract.model import Contract

KEYS = ("cursor", "count", "next_cursor", "page", "pages")
_REQUESTED = frozenset({"cursor", "count", "page"})


class _Way(NamedTuple):
    needs: frozenset[str]
    may: frozenset[str] = frozenset()


_WAYS: Mapping[tuple[str, str], _Way] = {
    ("changes", "cursor"): _Way(frozenset({"cursor", "next_cursor"}), frozenset({"count"})),
    ("changes", "page"): _Way(frozenset({"page"}), frozenset({"pages", "count"})),
    ("changes", "link"): _Way(frozenset(), frozenset({"next_cursor", "count"})),
    ("statement", "cursor"): _Way(frozenset({"cursor", "next_cursor"})),
    ("statement", "page"): _Way(frozenset({"page"}), frozenset({"pages"})),
    ("statement", "link"): _Way(frozenset(), frozenset({"next_cursor"})),
}
_RECORDS: Mapping[str, tuple[str, frozenset[str]]] = {
    "changes": ("cursor", frozenset({"cursor", "next_cursor", "count"})),
    "statement": ("page", frozenset({"page", "pages"})),
}
"""How a database and a folder are asked, whose pages we make ourselves."""


def paging_faults(contract: Contract, section: str) -> Iterator[str]:
    """Keys that the section's way of paging lacks or does not use, and ways that a binding cannot go."""
    said = getattr(contract, section)
    way, bindings = _WAYS[section, said.paging], frozenset(contract.bindings)
    needs, place = way.needs, f"{section}.paging"
    if bindings & {"sql", "file"}:
        only, needs = _RECORDS[section]
        if said.paging != only:
            yield f"{place}: a database or folder has no {said.paging}; leave it out"
    if said.paging == "link" and bindings != {"rest"}:
        yield f"{place}: links are known over rest alone, and this contract has {' and '.join(sorted(bindings))}"
    for key in KEYS:
        value = getattr(said, key, "")
        if key in needs and not value:
            yield f'{section}.{key}: is missing; paging = "{said.paging}" needs it'
        if value and key not in way.needs | way.may:
            yield f'{section}.{key}: is not used by paging = "{said.paging}"; leave it out'


def paging_paths(contract: Contract, section: str) -> Iterator[tuple[str, str, bool]]:
    """Every key that is said, its path, and whether that is one of the question; else it is one of the answer."""
    said = getattr(contract, section)
    for key in KEYS:
        if path := getattr(said, key, ""):
            yield key, path, key in _REQUESTED
