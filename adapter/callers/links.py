"""The link by which an answer names its next page (RFC 8288), followed only below the address that was asked."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from adapter.errors import GatewayUnreachable

LONGEST = 2000
_PARAMETER = r'\s*;\s*[^\s;,="<>]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"<>]+))?'
_LINK = re.compile(rf"<([^<>]*)>((?:{_PARAMETER})*)")
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))', re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


def next_of(header: str, asked_at: str) -> str | None:
    """The absolute address of the link whose relation is `next`; None where the header has none."""
    for target, parameters in _LINK.findall(header):
        relation = _REL.search(parameters)
        if relation is not None and "next" in (relation[1] or relation[2]).lower().split():
            return str(urljoin(asked_at, target.strip()))
    return None


def below(address: str, link: str) -> str:
    """Path and query of a link as they follow the address; raises GatewayUnreachable for one that leads elsewhere."""
    base, found = urlsplit(address), _meant(address, link)
    root = base.path.rstrip("/")
    if found is None or _origin(found) != _origin(base) or not found.path.startswith(f"{root}/"):
        raise GatewayUnreachable("the link to the next page leads to another place than the endpoint's address")
    rest = found.path.removeprefix(root)
    return f"{rest}?{found.query}" if found.query else rest


def _meant(address: str, link: str) -> SplitResult | None:
    """The link, resolved at the address; None for what nobody should write."""
    if len(link) > LONGEST or not re.fullmatch("[!-~]+", link):
        return None
    try:
        found = urlsplit(urljoin(address, link))
        _ = found.port
    except ValueError:
        return None
    return None if found.username is not None or any(map(_climbs, _segments(link))) else found


def _segments(link: str) -> list[str]:
    """Of the link as any server may read it: decoded, and with either stroke."""
    return unquote(urlsplit(link).path).replace("\\", "/").split("/")


def _climbs(segment: str) -> bool:
    return segment.partition(";")[0] in {".", ".."}


def _origin(place: SplitResult) -> tuple[str, str | None, int | None]:
    return place.scheme, place.hostname, place.port or _PORTS.get(place.scheme)
