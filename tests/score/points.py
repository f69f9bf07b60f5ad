"""Where a daemon is killed: both sides of every step, inside the process and on the wire."""

from __future__ import annotations

from collections.abc import Iterator

from tests.score.proxy import MOMENTS
from tests.score.trial import NetworkPoint, Trial
from tests.score.victim import Point

SIDES = ("before", "after")
STEPS = (
    ("journal", "accept", (1, 3)),
    ("journal", "intend", (1, 3, 5)),
    ("journal", "settle", (1, 3, 5)),
    ("journal", "claim_ready", (2,)),
    ("journal", "take", (1, 4)),
    ("gateway", "freeze", (1, 3)),
    ("gateway", "deliver", (1, 3)),
    ("system", "freeze", (1, 3)),
    ("system", "deliver", (1, 3)),
    ("system", "changes", (2,)),
)
DOUBT_STEPS = (("journal", "claim_unsettled", (1,)), ("gateway", "find", (1,)), ("system", "find", (1,)))
"""Steps that come only when an answer was lost."""

MESSAGES = (
    ("door", "/window/v1/requests"),
    ("door", "/window/v1/payments"),
    ("revenue", "/v1/assessments"),
    ("urban_core", "RegisterRequest"),
    ("gateway", "IssueBill"),
)


def crash_trials(databases: dict[str, str | None], *, full: bool) -> Iterator[Trial]:
    """Every point × gateway modes × databases; the full run adds the REST binding and more calls of each step."""
    for database in databases.values():
        for mode in ("ok", "answer_lost"):
            for point in points(mode, deep=full):
                yield Trial(point=point, mode=mode, database=database)
                if full:
                    yield Trial(point=_in_rest(point), mode=mode, database=database, binding="rest")


def points(mode: str, *, deep: bool = False) -> Iterator[Point | NetworkPoint]:
    """The points that a trial in this mode passes."""
    for part, name, numbers in (*STEPS, *(DOUBT_STEPS if mode == "answer_lost" else ())):
        deeper = tuple(number + 1 for number in numbers) if deep and (part, name) != ("journal", "accept") else ()
        for number in (*numbers, *deeper):
            for side in SIDES:
                yield Point(part, name, number, side)
    for peer, match in MESSAGES:
        for moment in MOMENTS:
            yield NetworkPoint(peer, match, moment)


def _in_rest(point: Point | NetworkPoint) -> Point | NetworkPoint:
    if isinstance(point, NetworkPoint) and point.peer == "gateway":
        return NetworkPoint("gateway", "/v1/bills", point.moment)
    return point
