"""A stand-in's clerk and his misfortunes."""

from __future__ import annotations

from ops.sandbox.faults import FaultRule, FaultScript, Mode
from ops.sandbox.office import Troubles


def test_a_script_that_comes_in_the_middle_of_a_look_holds_from_then_on() -> None:
    clock = iter(range(100))

    def seconds() -> float:
        return float(next(clock))

    script = FaultScript([], now=seconds())
    troubles = Troubles(lambda: script, seconds)
    assert not troubles.strike("GetChanges", {Mode.UNKNOWN_CODE})
    assert not troubles.in_force(Mode.VIEW_MISSING)

    rules = [FaultRule(Mode.UNKNOWN_CODE), FaultRule(Mode.VIEW_MISSING)]
    script = FaultScript(rules, now=seconds())

    assert troubles.strike("GetChanges", {Mode.UNKNOWN_CODE}) == rules[0]
    assert troubles.in_force(Mode.VIEW_MISSING)
