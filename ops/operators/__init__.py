"""The operators' actions over a house: the same for the daemon's admin socket and for a command that opens the house.

Each takes its Arguments and gives an object of JSON; a change needs `apply` and a reason, and is told in the audit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from adapter.errors import Refused
from adapter.exchange import Payload
from adapter.tables import near
from ops.operators import coding, deciding, promising, publishing, reconciling, shadowing, showing, standing, tabling
from ops.operators.desk import Arguments, Desk, Nothing

__all__ = ["ACTIONS", "Action", "Desk", "perform"]


@dataclass(frozen=True, slots=True)
class Action:
    """What an action is told, and the function that carries it out."""

    arguments: type[Arguments]
    carry_out: Callable[[Desk, Any], Awaitable[Payload]]


ACTIONS: Mapping[str, Action] = {
    "cases.show": Action(showing.CaseShown, showing.show_case),
    "codes.add": Action(coding.CodeProposed, coding.propose),
    "codes.approve": Action(coding.Approved, coding.approve),
    "codes.pending": Action(Nothing, coding.show_pending),
    "codes.withdraw": Action(coding.CodeWithdrawn, coding.withdraw_proposal),
    "endpoints.list": Action(Nothing, standing.list_endpoints),
    "endpoints.resume": Action(standing.Resumed, standing.resume_endpoint),
    "exchanges.list": Action(showing.Wanted, showing.list_exchanges),
    "exchanges.replay": Action(deciding.Replayed, deciding.replay),
    "exchanges.resolve": Action(deciding.Resolved, deciding.resolve),
    "exchanges.show": Action(showing.Shown, showing.show_exchange),
    "exchanges.withdraw": Action(deciding.Withdrawn, deciding.withdraw),
    "health": Action(Nothing, standing.health),
    "journal.verify": Action(Nothing, standing.verify_audit),
    "reconcile.run": Action(reconciling.Reconciled, reconciling.run_reconciliation),
    "reconcile.show": Action(reconciling.RunShown, reconciling.show_reconciliation),
    "services.durations": Action(promising.DurationsWanted, promising.show_durations),
    "services.publish": Action(publishing.Published, publishing.publish_service),
    "shadow.compare": Action(shadowing.Compared, shadowing.compare),
    "tables.promoted": Action(tabling.Promoted, tabling.note_promotion),
    "tables.reload": Action(tabling.Reloaded, tabling.reload),
    "tables.signoff": Action(tabling.SignedOff, tabling.sign_off),
}


async def perform(desk: Desk, name: str, arguments: Mapping[str, Any]) -> Payload:
    """Carry out one action; raises Refused for an unknown name or argument, else what the action raises."""
    action = ACTIONS.get(name)
    if action is None:
        raise Refused(f"{name!r} is not an action; {near(name, ACTIONS)}")
    try:
        wanted = action.arguments.model_validate(dict(arguments))
    except ValidationError as error:
        raise Refused("; ".join(_told(fault) for fault in error.errors())) from error
    answer: Payload = to_jsonable_python(await action.carry_out(desk, wanted))
    return answer


def _told(fault: Any) -> str:
    place = ".".join(str(step) for step in fault["loc"])
    return f"{place}: {fault['msg'][0].lower()}{fault['msg'][1:]}"
