"""Lists that go on: by cursor, by number, by the link in the answer; and what of that a contract may say."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from adapter.callers import InCallRetries
from adapter.callers.links import below, next_of
from adapter.channels import ChangePage
from adapter.contract import load_contract
from adapter.errors import FaultyTables, GatewayUnreachable
from connectors import rest
from connectors.polled import PolledSystem
from tests.support.editing import edit
from tests.support.records import ROOT

TREES = ROOT / "tests" / "contracts" / "trees" / "1.0"
ADDRESS = "http://trees.invalid/api"
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
REFERENCE = "4f6a4b8e-7a10-5c57-9d0a-1f2b3c4d5e6f"
EVENTS = 5
LINKS, PAGES = 'paging = "link"\ncount = "size"', 'paging = "page"\ncount = "size"\npage = "page"'
ENTRY_LINKS = 'paging = "link"\nsince'


def contract(folder: Path, *changes: tuple[str, str]) -> Any:
    """The contract of the trees in a folder of its own, with pieces of its contract.toml replaced."""
    shutil.copytree(TREES, folder, dirs_exist_ok=True)
    for old, new in changes:
        edit(folder / "contract.toml", old, new)
    return load_contract(folder)


def event(number: int) -> dict[str, Any]:
    told = {"id": f"e-{number}", "place_in_order": number, "number": "T-1", "what": "state", "state": 10}
    return {**told, "at": "2026-11-21T11:30:00+03:30"}


def two_from(first: int) -> list[dict[str, Any]]:
    return [event(number) for number in range(first, min(first + 2, EVENTS + 1))]


Answer = Callable[[Mapping[str, str]], httpx.Response]


def by_header(asked: Mapping[str, str]) -> httpx.Response:
    """Two events behind `after`, and a link of RFC 8288 to the next ones."""
    first = int(asked.get("after", "0")) + 1
    link = f'<{ADDRESS}/events?after={first + 1}>; title="a, b"; rel="next", <{ADDRESS}/events>; rel=first'
    return httpx.Response(200, json={"events": two_from(first)}, headers={"Link": link} if first < 5 else {})


def by_body(asked: Mapping[str, str]) -> httpx.Response:
    first = int(asked.get("after", "0")) + 1
    more = {"next": f"/api/events?after={first + 1}"} if first < 5 else {}
    return httpx.Response(200, json={"events": two_from(first), **more})


def by_number(asked: Mapping[str, str]) -> httpx.Response:
    assert asked["size"] == "2"
    return httpx.Response(200, json={"events": two_from(2 * int(asked["page"]) - 1)})


def by_number_of_all(asked: Mapping[str, str]) -> httpx.Response:
    return httpx.Response(200, json={"events": two_from(2 * int(asked["page"]) - 1), "pages": 3})


async def pages(system: PolledSystem, cursor: str | None, answer: Answer) -> list[ChangePage]:
    """Every page behind a cursor."""
    with respx.mock as wire:
        wire.get(f"{ADDRESS}/events").mock(side_effect=lambda request: answer(request.url.params))
        found = [await system.changes(cursor)]
        while found[-1].more:
            found.append(await system.changes(found[-1].cursor))
        return found


def connected(said: Any) -> PolledSystem:
    return rest.connect(said, ADDRESS, retries=InCallRetries(attempts=1), clock=lambda: NOW)


@pytest.mark.parametrize(
    ("change", "answer", "last"),
    [
        ((LINKS, LINKS), by_header, "/events?after=4"),
        ((LINKS, f'{LINKS}\nnext_cursor = "next"'), by_body, "/events?after=4"),
        ((LINKS, PAGES), by_number, "3"),
        ((LINKS, f'{PAGES}\npages = "pages"'), by_number_of_all, "3"),
    ],
    ids=["link in the header", "link in the body", "numbers", "numbers of so many"],
)
async def test_changes_go_on_to_their_end_and_from_a_kept_cursor(
    tmp_path: Path, change: tuple[str, str], answer: Answer, last: str
) -> None:
    system = connected(contract(tmp_path, change))
    found = await pages(system, None, answer)
    again = await pages(system, found[-1].cursor, answer)
    await system.aclose()
    assert [[one.sequence for one in page.changes] for page in found] == [[1, 2], [3, 4], [5]]
    assert found[-1].cursor == last
    assert [[one.sequence for one in page.changes] for page in again] == [[5]], "what comes next comes behind these"


@pytest.mark.parametrize("paging", ["link", "cursor", "page"])
async def test_a_ledger_goes_on_to_its_end(tmp_path: Path, paging: str) -> None:
    said = {
        "link": ENTRY_LINKS,
        "cursor": 'paging = "cursor"\ncursor = "after"\nnext_cursor = "next"\nsince',
        "page": 'page = "page"\npage_size = 2\nsince',
    }[paging]

    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        number = int(asked.get("after") or asked.get("page") or "1")
        entries = [{"reference": REFERENCE, "operation": f"{number}"}] * (2 if number < 3 else 1)
        more = number < 3
        link = {"Link": f"<?after={number + 1}>; rel=next"} if more and paging == "link" else {}
        after = {"next": str(number + 1)} if more and paging == "cursor" else {}
        return httpx.Response(200, json={"entries": entries, **after}, headers=link)

    system = connected(contract(tmp_path, (ENTRY_LINKS, said)))
    with respx.mock as wire:
        wire.get(f"{ADDRESS}/ledger").mock(side_effect=answer)
        found = [entry.operation async for entry in system.statement(NOW, NOW)]
    await system.aclose()
    assert found == ["1", "1", "2", "2", "3"]


async def test_a_link_that_leads_elsewhere_is_not_followed_and_what_was_read_is_not_kept(tmp_path: Path) -> None:
    def answer(_: Mapping[str, str]) -> httpx.Response:
        return httpx.Response(
            200, json={"events": two_from(1)}, headers={"Link": '<http://thief.invalid/x>; rel="next"'}
        )

    system = connected(contract(tmp_path))
    with pytest.raises(GatewayUnreachable, match="leads to another place"):
        await pages(system, None, answer)
    await system.aclose()


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('<http://a/x?page=2>; rel="next"', "http://a/x?page=2"),
        ("</y>; rel=prev, </x?page=2>;rel=next", "http://a/x?page=2"),
        ('<?page=2>; title="<no>; rel=next, not me"; rel="last NEXT"', "http://a/list?page=2"),
        ('</x>; rel="nextish"', None),
        ('</x>; title="rel=next"', None),
        ("</x>", None),
        ("", None),
    ],
)
def test_the_next_link_is_read_as_the_standard_writes_it(header: str, found: str | None) -> None:
    assert next_of(header, "http://a/list?page=1") == found


@pytest.mark.parametrize(
    "link",
    [
        "https://trees.invalid/api/events",
        "http://trees.invalid:8080/api/events",
        "http://other.invalid/api/events",
        "http://user@trees.invalid/api/events",
        "http://trees.invalid/apis/events",
        "http://trees.invalid/other",
        "//other.invalid/api/events",
        "http://trees.invalid/api/../admin",
        "http://trees.invalid/api/..?page=2",
        "http://trees.invalid/api/%2e%2e/admin",
        "http://trees.invalid/api/..;/admin",
        "http://trees.invalid/api/..\\admin",
        "http://trees.invalid/api/e\nvents",
        "http://trees.invalid:x/api/events",
        "http://trees.invalid/api/" + "x" * 2000,
        "javascript:alert(1)",
    ],
)
def test_only_what_lies_below_the_address_is_followed(link: str) -> None:
    with pytest.raises(GatewayUnreachable):
        below(ADDRESS, link)


def test_the_same_place_may_be_written_in_several_ways() -> None:
    told = ("http://trees.invalid:80/api/events?a=1", "/api/events?a=1", "http://TREES.invalid/api/events?a=1#x")
    assert {below(ADDRESS, one) for one in told} == {"/events?a=1"}


@pytest.mark.parametrize(
    ("new", "fault"),
    [
        ('count = "size"', 'changes.cursor: is missing; paging = "cursor" needs it'),
        ('paging = "page"', 'changes.page: is missing; paging = "page" needs it'),
        (f'{LINKS}\npage = "page"', 'changes.page: is not used by paging = "link"; leave it out'),
        (f'{PAGES}\npages = "number"', "changes.pages: 'number' is not a field there"),
        ('paging = "offset"', "changes.paging: "),
    ],
)
def test_a_way_that_cannot_be_gone_is_a_fault(tmp_path: Path, new: str, fault: str) -> None:
    with pytest.raises(FaultyTables) as faulty:
        contract(tmp_path, (LINKS, new))
    assert fault in str(faulty.value)


@pytest.mark.parametrize(
    ("folder", "old", "new", "fault"),
    [
        ("contracts/urban_core/1.0", 'cursor = "Cursor"', 'paging = "link"', "links are known over rest alone"),
        (
            "tests/contracts/petitions/1.0",
            'cursor = "cursor"',
            'cursor = "cursor"\npaging = "page"',
            "a database or folder has no page",
        ),
    ],
)
def test_links_and_numbers_are_for_those_who_have_them(
    tmp_path: Path, folder: str, old: str, new: str, fault: str
) -> None:
    from adapter.wsdl import read_wsdl  # noqa: PLC0415 - the one test that reads a WSDL

    shutil.copytree(ROOT / folder, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "contract.toml"
    head, section, rest_of = path.read_text("utf-8").partition("[changes]\n")
    path.write_text(head + section + rest_of.replace(old, new, 1), "utf-8")
    with pytest.raises(FaultyTables) as faulty:
        load_contract(tmp_path, read_wsdl)
    assert fault in str(faulty.value)
