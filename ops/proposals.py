"""Rows for codes files that one operator proposed and a second one has to sign, as the audit tells of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic_core import from_json, to_json

from adapter.errors import NotFound, Refused
from adapter.tables import near

SIGNED_WITHIN = timedelta(hours=24)
"""What nobody has signed by then is no proposal any more: who looks at it later sees other tables."""

REMEMBERED_FOR = timedelta(days=7)
"""How long a proposal that came to its end without a signature can be seen."""

_ID_DIGITS = 8


class Standing(StrEnum):
    """How a proposal stands."""

    PENDING = "pending"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


EVENTS: Mapping[str, Standing] = {
    "code_proposed": Standing.PENDING,
    "code_approved": Standing.APPROVED,
    "code_withdrawn": Standing.WITHDRAWN,
}
"""What the audit calls each step, and how the proposal stands after it."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One row for `codes/<table>.csv` of a service, or of a tenant's own folder over it; `actor` proposed it."""

    id: str
    service: str
    table: str
    tenant: str | None
    cells: Mapping[str, str]
    actor: str
    at: datetime
    why: str
    standing: Standing = Standing.PENDING

    @property
    def until(self) -> datetime:
        """When it ends unsigned."""
        return self.at + SIGNED_WITHIN

    @property
    def what(self) -> str:
        """What the audit keeps of it beside who, when and why."""
        return to_json({"id": self.id, "service": self.service, "table": self.table, "cells": self.cells}).decode()


def id_of(proposal: Proposal) -> str:
    """A short name for a proposal, to be read over the telephone."""
    told = f"{proposal.what} {proposal.tenant} {proposal.actor} {proposal.at.isoformat()}"
    return hashlib.sha256(told.encode()).hexdigest()[:_ID_DIGITS]


def proposals_of(notes: Iterable[Mapping[str, Any]], *, now: datetime) -> dict[str, Proposal]:
    """Every proposal by its id, as the audit's rows tell, in the order in which they were made."""
    found: dict[str, Proposal] = {}
    for note in notes:
        standing, what = EVENTS[note["event"]], from_json(note["detail"]["what"])
        if standing is Standing.PENDING:
            told = {"tenant": note["tenant"], "actor": note["actor"], "at": note["at"], "why": note["detail"]["why"]}
            found[what["id"]] = Proposal(**what, **told)
        elif what["id"] in found:
            found[what["id"]] = replace(found[what["id"]], standing=standing)
    return {one.id: _on(one, now) for one in found.values()}


def _on(proposal: Proposal, now: datetime) -> Proposal:
    is_late = proposal.standing is Standing.PENDING and now >= proposal.until
    return replace(proposal, standing=Standing.EXPIRED) if is_late else proposal


def pending(proposals: Mapping[str, Proposal], proposal_id: str) -> Proposal:
    """The proposal of this id that waits for a signature; raises NotFound, or Refused for one that does not wait."""
    found = proposals.get(proposal_id)
    if found is None:
        waiting = [one.id for one in proposals.values() if one.standing is Standing.PENDING]
        raise NotFound(f"there is no proposal {proposal_id!r}; {near(proposal_id, waiting)}")
    if found.standing is not Standing.PENDING:
        raise Refused(f"{found.id} is {found.standing} and waits for nobody; propose it anew: panjereh codes add")
    return found
