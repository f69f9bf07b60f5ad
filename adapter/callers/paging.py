"""Lists that are too long for one answer: the next page by a cursor, by its number, or by the link in the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from adapter.contract.model import ChangesContract, Contract, StatementContract
from adapter.contract.paths import put, value_at, values_at
from adapter.errors import GatewayUnreachable
from adapter.exchange import Outcome, Payload, Verdict

MOST_PAGES = 100_000


class Asked(Protocol):
    """One who can be asked."""

    @property
    def contract(self) -> Contract:
        """What it answers by."""
        ...

    def thaw(self, operation: str, frozen: bytes) -> Payload:
        """What frozen bytes say."""
        ...

    async def ask(self, operation: str, content: Payload) -> Outcome:
        """A reading operation, answered."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """`cursor` is where to ask next; `leads_on` tells whether that is another place than this page's own."""

    items: list[Payload]
    cursor: str
    leads_on: bool


async def page_of(asked: Asked, said: ChangesContract | StatementContract, question: Payload, cursor: str) -> Page:
    """The page at a cursor, the first for an empty one; raises GatewayUnreachable when it cannot be read."""
    return await _WAYS[said.paging](asked, said, question, cursor)


async def _by_cursor(asked: Asked, said: Any, question: Payload, cursor: str) -> Page:
    if cursor:
        put(question, said.cursor, cursor)
    answer = _read(said, await asked.ask(said.operation, question))
    after = str(value_at(answer, said.next_cursor) or cursor)
    return Page(_items(said, answer), after, leads_on=after != cursor)


async def _by_page(asked: Asked, said: Any, question: Payload, cursor: str) -> Page:
    """A cursor is a page's number; without a number of all pages a page that is not full is the last for now."""
    number = int(cursor) if cursor.isdigit() else 1
    put(question, said.page, number)
    answer = _read(said, await asked.ask(said.operation, question))
    items = _items(said, answer)
    pages = int(value_at(answer, said.pages) or 0) if said.pages else None
    if items and (pages or 0) > MOST_PAGES:
        raise GatewayUnreachable(f"{said.operation}: more than {MOST_PAGES} pages", operation=said.operation)
    leads_on = len(items) >= said.page_size if pages is None else number < pages
    return Page(items, str(number + leads_on), leads_on)


async def _by_link(asked: Any, said: Any, question: Payload, cursor: str) -> Page:
    """A cursor is the link's place below the address: who is asked there needs no question."""
    outcome = await (asked.follow(said.operation, cursor) if cursor else asked.ask(said.operation, question))
    answer = _read(said, outcome)
    link = value_at(answer, said.next_cursor) if said.next_cursor else outcome.link
    after = asked.place_of(str(link)) if link else cursor
    return Page(_items(said, answer), after, leads_on=after != cursor)


_WAYS: Mapping[str, Callable[[Any, Any, Payload, str], Awaitable[Page]]] = {
    "cursor": _by_cursor,
    "page": _by_page,
    "link": _by_link,
}


def _read(said: ChangesContract | StatementContract, outcome: Outcome) -> Payload:
    if outcome.verdict is not Verdict.DONE or outcome.answer is None:
        raise GatewayUnreachable(f"{said.operation}: {outcome.reason}", operation=said.operation)
    return outcome.answer


def _items(said: ChangesContract | StatementContract, answer: Payload) -> list[Payload]:
    return [item for item, _ in values_at(answer, f"{said.items}[]")]
