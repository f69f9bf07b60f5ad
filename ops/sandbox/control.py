"""What people and harnesses see of a stand-in: its ledger, its faults, and a page of both."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import parse_qs

from ops.sandbox.faults import FaultRule, FaultyScriptError, read_rules
from ops.sandbox.ledger import Entry
from ops.sandbox.stand_in import StandIn
from ops.sandbox.wire import Reply, Request

PREFIX = "/_sandbox"
MOST_ENTRIES = 5000
SHOWN_ENTRIES = 200
TITLES = {"gateway": "درگاه پنجرهٔ ملی", "urban_core": "سامانهٔ شهرسازی", "revenue": "سامانهٔ درآمد"}
_HEADERS = (("Cache-Control", "no-store"), ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"))
_COLUMNS = (
    ("seq", "ردیف"),
    ("at", "زمان"),
    ("operation", "عملیات"),
    ("reference", "شمارهٔ پیام"),
    ("tracking_code", "کد رهگیری"),
    ("case_no", "شمارهٔ پرونده"),
    ("subject", "موضوع"),
    ("status_code", "کد وضعیت"),
    ("amount_rial", "مبلغ (ریال)"),
)
_PAGE = """<!doctype html>
<html lang="fa" dir="rtl">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="3">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font-family: Vazirmatn, Tahoma, sans-serif; margin: 1.5rem; line-height: 1.8; color: #1c2733; }}
h1 {{ font-size: 1.3rem; }} h2 {{ font-size: 1.05rem; margin-top: 1.6rem; }}
nav a {{ margin-inline-end: 1rem; }}
table {{ border-collapse: collapse; width: 100%; font-size: .85rem; }}
th, td {{ border: 1px solid #cfd8e0; padding: .2rem .5rem; text-align: start; }}
th {{ background: #eef3f7; }} tr.again td {{ background: #fdeceb; }}
bdi {{ font-family: ui-monospace, monospace; }}
</style>
</head>
<body>
<h1>{title}</h1>
<nav>{links}</nav>
<p>اثرهای ثبت‌شده: <bdi>{count}</bdi> · شماره‌های تکراری: <bdi>{again}</bdi> · این صفحه هر سه ثانیه تازه می‌شود.</p>
<h2>خطاهای ساختگی</h2>
{faults}
<h2>دفتر اثرها ({shown} اثر آخر، تازه‌ترین بالا)</h2>
<table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table>
</body></html>
"""

Install = Callable[[Sequence[FaultRule]], None]
Addresses = Callable[[], Mapping[str, str]]


class Control:
    """The `/_sandbox` side of one stand-in; everything else goes to the stand-in itself."""

    def __init__(self, stand_in: StandIn, install: Install, addresses: Addresses) -> None:
        self._stand_in = stand_in
        self._install = install
        self._addresses = addresses
        self._routes: Mapping[tuple[str, str], Callable[[Request], Reply]] = {
            ("GET", ""): self._page,
            ("GET", "/ledger"): self._ledger,
            ("GET", "/faults"): self._faults,
            ("POST", "/faults"): self._set_faults,
        }

    def receive(self, request: Request) -> Reply:
        """Answer the request, or hand it to the stand-in."""
        if not request.path.startswith(PREFIX):
            return self._stand_in.receive(request)
        route = self._routes.get((request.method, request.path.removeprefix(PREFIX).rstrip("/")))
        return route(request) if route else _json(404, {"detail": f"no {request.method} {request.path} here"})

    def _ledger(self, request: Request) -> Reply:
        query = parse_qs(request.query)
        after, limit = (query.get(name, [default])[0] for name, default in (("after", "0"), ("limit", "1000")))
        if not (after.isascii() and after.isdigit() and limit.isascii() and limit.isdigit()):
            return _json(400, {"detail": "after and limit are whole numbers"})
        ledger = self._stand_in.ledger
        entries = ledger.after(int(after), most=min(int(limit), MOST_ENTRIES))
        last = len(ledger.entries)
        return _json(200, {"stand_in": ledger.stand_in, "last": last, "entries": [entry.told() for entry in entries]})

    def _faults(self, _request: Request) -> Reply:
        return _json(200, {"faults": self._stand_in.script.told(self._stand_in.seconds())})

    def _set_faults(self, request: Request) -> Reply:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return _json(415, {"detail": "send the fault script as application/json"})
        try:
            self._install(read_rules(json.loads(request.body)))
        except FaultyScriptError as error:
            return _json(400, {"detail": str(error)})
        except ValueError as error:
            return _json(400, {"detail": f"the fault script is no JSON: {error}"})
        return self._faults(request)

    def _page(self, _request: Request) -> Reply:
        entries = self._stand_in.ledger.entries
        shown = entries[-SHOWN_ENTRIES:]
        first = self._stand_in.ledger.find
        repeated = {entry.seq for entry in shown if (found := first(entry.reference)) and found.seq != entry.seq}
        content = _PAGE.format(
            title=escape(TITLES[self._stand_in.name]),
            links="".join(
                f'<a href="{escape(url)}{PREFIX}">{TITLES[name]}</a>' for name, url in self._addresses().items()
            ),
            count=len(entries),
            again=self._stand_in.ledger.repeated,
            shown=len(shown),
            faults=_fault_list(self._stand_in.script.told(self._stand_in.seconds())),
            head="".join(f"<th>{title}</th>" for _, title in _COLUMNS),
            rows="\n".join(_row(entry, is_again=entry.seq in repeated) for entry in reversed(shown)),
        )
        return Reply(200, content.encode(), "text/html; charset=utf-8", _HEADERS)


def _row(entry: Entry, *, is_again: bool) -> str:
    told = entry.told()
    cells = "".join(f"<td><bdi>{escape(str(told.get(name, '')))}</bdi></td>" for name, _ in _COLUMNS)
    return f'<tr class="again">{cells}</tr>' if is_again else f"<tr>{cells}</tr>"


def _fault_list(faults: Sequence[Mapping[str, Any]]) -> str:
    if not faults:
        return "<p>هیچ</p>"
    lines = "".join(f"<li><bdi>{escape(json.dumps(fault, ensure_ascii=False))}</bdi></li>" for fault in faults)
    return f"<ul>{lines}</ul>"


def _json(status: int, content: Mapping[str, Any]) -> Reply:
    return Reply(status, json.dumps(content, ensure_ascii=False).encode(), headers=_HEADERS[:1])
