"""One stand-in: a request becomes a call, the call meets its fault if one is due, and the desk does its work."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ops.sandbox.calls import NO_HEADERS, Binding, Call, InvalidCallError, NoSuchCallError, Record
from ops.sandbox.desk import Desk
from ops.sandbox.faults import WIRE_MODES, FaultRule, FaultScript, Mode
from ops.sandbox.ledger import Ledger
from ops.sandbox.wire import Ending, Reply, Request

MOST_CHANGES = 1000
"""No page of changes may carry more, whatever repeats in it."""
HTML_PAGE = (
    b"<!doctype html><html><head><title>Service</title></head>"
    b"<body><h1>The service is being maintained</h1><p>A proxy's page (sandbox).</p></body></html>"
)
_UNTOUCHED = frozenset({Mode.CLOSE_BEFORE, Mode.RESET_BEFORE, Mode.BUSY, Mode.DOWN})
_BY_RULE = frozenset({Mode.SOAP_FAULT, Mode.HTML, Mode.FAULT_IN_200})
_ENDINGS: Mapping[Mode, Ending] = {
    Mode.ANSWER_LOST: Ending.CLOSE,
    Mode.CLOSE_BEFORE: Ending.CLOSE,
    Mode.RESET_BEFORE: Ending.RESET,
    Mode.CLOSE_AFTER: Ending.CLOSE,
    Mode.RESET_AFTER: Ending.RESET,
    Mode.HALF_ANSWER: Ending.HALF,
    Mode.DOWN: Ending.RESET,
}


@dataclass(slots=True)
class StandIn:
    """`now` is the time of effects, `seconds` a clock for faults that never runs back; `fall` takes the socket down."""

    name: str
    desk: Desk
    bindings: Sequence[Binding]
    ledger: Ledger
    script: FaultScript
    now: Callable[[], datetime]
    seconds: Callable[[], float]
    fall: Callable[[float], None]
    dedupe: bool = False

    @property
    def operations(self) -> Collection[str]:
        """What a rule of the fault script may name."""
        return self.desk.handlers.keys()

    @property
    def modes(self) -> Collection[Mode]:
        """Which misfortunes can befall it."""
        return WIRE_MODES

    def receive(self, request: Request) -> Reply:
        """What the caller gets; every effect it had is in the ledger when this returns."""
        binding = next((binding for binding in self.bindings if binding.takes(request)), self.bindings[0])
        unknown = self.desk.manner.unknown_fault
        invalid = ""
        try:
            call = binding.read(request)
        except NoSuchCallError as error:
            return binding.fault(404, unknown, text=str(error))
        except InvalidCallError as error:
            call, invalid = Call(error.operation, {}, ""), str(error)
        if call.operation not in self.desk.handlers:
            return binding.fault(404, unknown, text=f"{call.operation} is not served here")
        return self._meet(binding, call, invalid)

    def _meet(self, binding: Binding, call: Call, invalid: str) -> Reply:
        manner = self.desk.manner
        rule = self.script.pick(
            call.operation,
            has_effect=call.operation in manner.effects,
            tells_changes=call.operation == manner.changes_operation,
            now=self.seconds(),
        )
        if rule is not None and (rule.mode in _UNTOUCHED or (rule.mode in _BY_RULE and not rule.effect)):
            reply = self._instead(rule, binding, call)
        elif invalid:
            reply = self._refuse(binding, call.operation, invalid)
        else:
            reply = self._work(rule, binding, call)
        if rule is None:
            return reply
        return replace(
            reply,
            ending=_ENDINGS.get(rule.mode, Ending.ANSWER),
            delay_seconds=0.0 if rule.mode is Mode.DOWN else rule.seconds,
        )

    def _work(self, rule: FaultRule | None, binding: Binding, call: Call) -> Reply:
        self.ledger.slip = {} if rule is None else rule.enters or {}
        try:
            content = self._done(call)
        except InvalidCallError as error:
            return self._refuse(binding, call.operation, str(error))
        if rule is not None and rule.mode in _BY_RULE:
            return self._instead(rule, binding, call)
        if rule is not None and rule.mode in _DISORDERS:
            changes = self.desk.manner.changes
            content = content | {changes: _DISORDERS[rule.mode](content[changes])}
        return binding.answer(call.operation, content, is_done=self.desk.is_done(content))

    def _done(self, call: Call) -> Record:
        at = self.now()
        manner = self.desk.manner
        if self.dedupe and call.operation in manner.effects:
            known = self.ledger.find(call.record[manner.reference])
            if known is not None:
                return self.desk.says(call.operation, manner.duplicate, at=at, known=known) or {}
        return self.desk.handlers[call.operation](call, at)

    def _refuse(self, binding: Binding, operation: str, text: str) -> Reply:
        manner = self.desk.manner
        content = self.desk.says(operation, manner.invalid, at=self.now()) if operation in manner.effects else None
        if content is None:
            return binding.fault(400, manner.invalid_fault, text=text)
        return binding.answer(operation, content, is_done=False)

    def _instead(self, rule: FaultRule, binding: Binding, call: Call) -> Reply:
        return _INSTEAD[rule.mode](self, rule, binding, call)

    def say_busy(self, rule: FaultRule, binding: Binding, _call: Call) -> Reply:
        """503 with Retry-After; nothing was done."""
        headers = {"Retry-After": str(rule.retry_after_seconds)}
        return binding.fault(rule.status or 503, rule.code or self.desk.manner.busy_fault, text="busy", headers=headers)

    def say_fault(self, rule: FaultRule, binding: Binding, _call: Call) -> Reply:
        """A SOAP fault, or a problem document by REST."""
        code = rule.code or self.desk.manner.unavailable_fault
        return binding.fault(rule.status or 500, code, text="a fault of the sandbox's script", headers=NO_HEADERS)

    def say_html(self, rule: FaultRule, _binding: Binding, _call: Call) -> Reply:
        """A proxy's page where an answer was expected."""
        return Reply(rule.status or 200, HTML_PAGE, "text/html; charset=utf-8")

    def say_code(self, rule: FaultRule, binding: Binding, call: Call) -> Reply:
        """A 200 whose body carries a business code; where the answer has no place for one, a fault."""
        content = self.desk.says(call.operation, rule.code or self.desk.manner.busy, at=self.now())
        if content is None:
            return self.say_fault(rule, binding, call)
        return binding.answer(call.operation, content, is_done=False)

    def cut(self, rule: FaultRule, _binding: Binding, _call: Call) -> Reply:
        """No answer at all."""
        if rule.mode is Mode.DOWN:
            self.fall(rule.seconds)
        return Reply(200)


_INSTEAD: Mapping[Mode, Callable[[StandIn, FaultRule, Binding, Call], Reply]] = {
    Mode.BUSY: StandIn.say_busy,
    Mode.SOAP_FAULT: StandIn.say_fault,
    Mode.HTML: StandIn.say_html,
    Mode.FAULT_IN_200: StandIn.say_code,
    Mode.CLOSE_BEFORE: StandIn.cut,
    Mode.RESET_BEFORE: StandIn.cut,
    Mode.DOWN: StandIn.cut,
}


def _repeated(changes: Sequence[Record]) -> list[Record]:
    return [*changes, *changes][:MOST_CHANGES]


def _swapped(changes: Sequence[Record]) -> list[Record]:
    return list(reversed(changes))


_DISORDERS: Mapping[Mode, Callable[[Sequence[Record]], list[Record]]] = {
    Mode.DUPLICATE_CALLBACKS: _repeated,
    Mode.OUT_OF_ORDER_CALLBACKS: _swapped,
}
