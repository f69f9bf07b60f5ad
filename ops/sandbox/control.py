"""What people and harnesses see of a stand-in: its ledger, its faults, and a page of both."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from ops.sandbox import page
from ops.sandbox.faults import FaultRule, FaultyScriptError, read_rules
from ops.sandbox.office import Office
from ops.sandbox.stand_in import StandIn
from ops.sandbox.wire import Reply, Request

PREFIX = "/_sandbox"
MOST_ENTRIES = 5000
_NOT_STORED = (("Cache-Control", "no-store"),)

Install = Callable[[Sequence[FaultRule]], None]
Addresses = Callable[[], Mapping[str, str]]


class Control:
    """The `/_sandbox` side of one stand-in; everything else goes to the stand-in itself."""

    def __init__(self, stand_in: StandIn | Office, install: Install, addresses: Addresses) -> None:
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

    def _page(self, request: Request) -> Reply:
        faults = self._stand_in.script.told(self._stand_in.seconds())
        pages = {name: url + PREFIX for name, url in self._addresses().items()}
        content = page.render(self._stand_in.ledger, faults, pages, is_still=request.query == "still")
        return Reply(200, content, "text/html; charset=utf-8", _NOT_STORED + page.HEADERS)


def _json(status: int, content: Mapping[str, Any]) -> Reply:
    return Reply(status, json.dumps(content, ensure_ascii=False).encode(), headers=_NOT_STORED)
