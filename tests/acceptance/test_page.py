"""The sandbox's page as a real browser shows it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.sandbox import Sandbox
from ops.sandbox.faults import WIRE_MODES, FaultRule, Mode
from ops.sandbox.page import MODES, TITLES
from tests.integration.sandbox_client import assessment, push, request, revenue, status_push, urban
from tests.support import peers
from tests.support.browser import Tab, open_tab

pytest_plugins = ("tests.integration.sandbox_fixtures",)

ATTACK = "<script>document.title = 'taken'</script>"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TABLES = "[...document.querySelectorAll('tbody')].map(t => [...t.rows].map(r => [...r.cells].map(c => c.innerText)))"
FIGURES = "Object.fromEntries([...document.querySelectorAll('dl div')].map(d => [...d.children].map(e => e.innerText)))"


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    async with open_tab(peers.chromium(), tmp_path / "profile") as opened:
        yield opened


@pytest.fixture
def page(sandbox: Sandbox) -> str:
    return sandbox.addresses["gateway"] + "/_sandbox?still"


async def test_every_effect_is_a_row_and_a_double_one_says_of_which(sandbox: Sandbox, tab: Tab, page: str) -> None:
    twice = status_push()
    for record in (twice, status_push(), twice):
        await push(sandbox, record)
    sandbox.ledger("gateway").enter("IssueBill", ATTACK, NOON, subject="<b>1</b>&amp;", amount_rial=48_500_000)
    await tab.show(page)
    effects = (await tab.evaluate(TABLES))[0]
    assert [row[0] for row in effects] == ["4", "3", "2", "1"]
    assert effects[0][1:4] == ["2026-11-21 12:00:00", "IssueBill", ATTACK]
    assert effects[0][6:] == ["<b>1</b>&amp;", "", "48,500,000"]
    assert effects[1][3] == f"{twice['reference']} تکرار ردیف 1"
    assert effects[3][2:4] == ["PushStatus", twice["reference"]]
    assert await tab.evaluate(FIGURES) == {
        "همهٔ اثرها": "۴",
        "اثرهای تکراری": "۱",
        "خطاهای فعال": "۰",
        "PushStatus": "۳",
        "IssueBill": "۱",
    }
    assert await tab.evaluate("[document.title, document.scripts.length]") == [TITLES["gateway"], 0]
    assert tab.complaints == []


async def test_the_faults_stand_there_with_their_counts(sandbox: Sandbox, tab: Tab, page: str) -> None:
    sandbox.set_faults([FaultRule(Mode.BUSY, "effects", times=1, code=ATTACK), *map(rule_of, CALLED)])
    await push(sandbox)
    await tab.show(page)
    faults = (await tab.evaluate(TABLES))[0]
    assert faults[0] == ["مشغول busy", "همهٔ اثرها", f"times=1 code={ATTACK}", "1", "1", "بی‌اثر"]
    assert [row[0] for row in faults[1:]] == [f"{MODES[mode]} {mode}" for mode in CALLED]
    assert faults[1][1:] == ["همه", "nth=9 seconds=1.0", "1", "0", "فعال"]
    assert await tab.evaluate("document.querySelector('p').innerText") == "هنوز اثری ثبت نشده است."
    assert tab.complaints == []


CALLED = [mode for mode in Mode if mode in WIRE_MODES]


def rule_of(mode: Mode) -> FaultRule:
    return FaultRule(mode, nth=9, seconds=1.0)


@pytest.mark.parametrize("width", [390, 800, 1280])
async def test_the_page_reads_from_right_to_left_and_never_runs_out_of_its_window(
    sandbox: Sandbox, tab: Tab, width: int
) -> None:
    sandbox.set_faults([FaultRule(Mode.BUSY, nth=9, code="x" * 300)])
    await push(sandbox)
    await urban(sandbox, "RegisterRequest", request())
    await revenue(sandbox, "/v1/assessments", assessment())
    sandbox.ledger("gateway").enter("PushStatus", ATTACK * 9, NOON, case_no="5" * 20, subject="y" * 300)
    for address in sandbox.pages.values():
        await tab.show(address + "/_sandbox?still", width=width)
        assert await tab.evaluate("document.documentElement.scrollWidth") <= width
        assert await tab.evaluate("getComputedStyle(document.querySelector('td')).direction") == "rtl"
        assert await tab.evaluate("getComputedStyle(document.querySelector('td bdi')).direction") == "ltr"
        right = "document.querySelector('{}').getBoundingClientRect().right"
        assert await tab.evaluate(f"{right.format('h1')} > innerWidth * .9")
    assert tab.complaints == []


async def test_the_page_is_dark_for_who_likes_it_dark(tab: Tab, page: str) -> None:
    papers = {}
    for scheme in ("light", "dark"):
        await tab.show(page, scheme=scheme)
        papers[scheme] = await tab.evaluate(
            "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
        )
    assert min(papers["light"]) > 200
    assert max(papers["dark"]) < 50


async def test_the_page_renews_itself_where_one_reads_unless_it_is_held(sandbox: Sandbox, tab: Tab, page: str) -> None:
    for _ in range(60):
        await push(sandbox)
    await tab.show(page.removesuffix("?still"))
    await tab.evaluate("scrollTo(0, 700)")
    await push(sandbox)
    for _ in range(2):  # the first may have been under way already
        await tab.event("Page.loadEventFired")
    assert await tab.evaluate("[document.querySelector('dd').innerText, scrollY]") == ["۶۱", 700]
    await tab.show(page)
    assert await tab.evaluate("document.querySelector('meta[http-equiv=refresh]')") is None


async def test_what_would_slip_through_the_escaping_is_stopped_by_the_policy(tab: Tab, page: str) -> None:
    await tab.show(page)
    slipped = '<img src="/v1/ping" onerror="document.title = 1"><p style="direction: ltr"><style>p {color: red}</style>'
    await tab.evaluate(f"document.body.insertAdjacentHTML('beforeend', {json.dumps(slipped)})")
    assert await tab.evaluate("getComputedStyle(document.querySelector('p:last-of-type')).direction") == "rtl"
    assert await tab.evaluate("document.title") == TITLES["gateway"]
    assert len(tab.complaints) >= 3
