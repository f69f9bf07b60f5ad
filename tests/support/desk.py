"""Exchanges at an operator's desk, and what became of them."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

from adapter.exchange import Caller, Exchange, State
from adapter.journal import inspecting, reading
from ops.demo.installation import TENANT
from ops.wiring import House
from tests.integration.journal_making import new_case, new_exchange, opening

ME = f"uid:{os.getuid()}"


async def kept(house: House, state: State = State.PARKED, **changes: Any) -> Exchange:
    """An exchange that stands so, of a case of its own, towards the urban core unless said otherwise."""
    case = new_case(tenant=TENANT)
    exchange = new_exchange(case, state=state, **changes)
    acceptance = replace(opening(case=case, exchange=exchange), caller=Caller("counter", TENANT, "counter"))
    claim = (await house.journal.accept(acceptance)).claim
    if claim is not None:
        await house.journal.release(claim, exchange.due_at)
    return exchange


async def state_of(house: House, exchange: Exchange) -> State:
    return (await house.journal.read(reading.exchange, exchange.id)).state


async def told_of(house: House, exchange: Exchange) -> list[dict[str, Any]]:
    rows = await house.journal.read(inspecting.audit_of_case, exchange.case_id)
    return [{**row, "detail": json.loads(row["detail"])} for row in rows]
