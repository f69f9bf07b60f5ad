"""The desk at which an operator's action is carried out: the house, who asks, and how things are shown there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from adapter.contract.model import OperationContract
from adapter.errors import NotFound, Refused
from adapter.exchange import Case, Effect, Exchange, Payload
from adapter.journal import inspecting
from adapter.settlement.drafting import operation_name
from adapter.tables import near

if TYPE_CHECKING:  # so that a command line that speaks to a daemon need not load the engine
    from ops.wiring import House


class Arguments(BaseModel):
    """What an action is told; a name that it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Arguments):
    """An action that needs to be told nothing."""


@dataclass(frozen=True, slots=True)
class Desk:
    """`actor` is recorded with every change (`uid:1000`); `progress` tells an action that takes long as it goes."""

    house: House
    actor: str
    progress: Callable[[Payload], None] = lambda _told: None

    def contract_of(self, exchange: Exchange) -> OperationContract | None:
        """What the target's contract says of the exchange's operation; None while its service is stopped."""
        service = self.house.offer.named(exchange.tenant, exchange.service)
        contract = self.house.contracts.get(exchange.target)
        if service is None or contract is None:
            return None
        return contract.operations.get(operation_name(service, exchange.operation, exchange.direction))

    def can_be_asked(self, exchange: Exchange) -> bool:
        """Whether follow-up has a way to clear a doubt; a stopped service's exchange waits for its tables."""
        contract = self.contract_of(exchange)
        return contract is None or contract.effect is not Effect.NEITHER

    async def tracking_codes(self, exchanges: list[Exchange]) -> dict[str, str]:
        """The tracking codes of the exchanges' cases."""
        return await self.house.journal.read(inspecting.tracking_codes, [one.case_id for one in exchanges])

    async def beginnings(self, exchanges: list[Exchange]) -> dict[str, str]:
        """By id the beginning of it that tells the exchange from every other, for who types or looks on."""
        return await self.house.journal.read(inspecting.beginnings, [one.id for one in exchanges])


def needed(reason: str | None, *, what: str = "every change") -> str:
    """The reason of what is done; raises Refused without one."""
    if reason is None or not reason.strip():
        raise Refused(f"{what} needs a reason, which is recorded; give --reason")
    return reason.strip()


def refuse_unknown(kind: str, name: str | None, known: Iterable[str]) -> None:
    """Raises NotFound with the near names: a misspelt name must not look like one of which there is nothing."""
    if name is not None and name not in known:
        raise NotFound(f"there is no {kind} {name!r}; {near(name, known)}")


def told_exchange(exchange: Exchange, tracking_code: str | None = None) -> dict[str, Any]:
    """The exchange as operators see it: everything but contents."""
    told = asdict(exchange)
    return {"id": told.pop("id"), "tracking_code": tracking_code, **told}


def told_case(case: Case) -> dict[str, Any]:
    """The case as operators see it: everything but its key."""
    told = asdict(case)
    del told["data_key"]
    return told
