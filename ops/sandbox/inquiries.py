"""Property inquiries at the urban-planning core. They change nothing; only those answered later are written down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from ops.sandbox.calls import Call, Record
from ops.sandbox.identifiers import jalali_year
from ops.sandbox.ledger import Entry, Ledger
from ops.sandbox.lives import (
    CLEAR,
    INQUIRY_BEATS,
    INQUIRY_HOUSES,
    INQUIRY_REPLIES,
    INQUIRY_TITLES,
    UNKNOWN_BLOCK,
    UNKNOWN_REPLY,
    InquiryReply,
    chosen,
)
from ops.sandbox.timeline import Step, Timeline
from ops.sandbox.urban_answers import UNIT, house_and_block, taken

ANSWERED, DEFERRED = 1, 2


class Says(Protocol):
    """Words a business error as the core does."""

    def __call__(self, operation: str, code: str, *, at: datetime, known: Entry | None = None) -> Record | None: ...


class Inquiries:
    """The same reference asks the same inquiry again: it gets the number it got before."""

    def __init__(self, book: Ledger, timeline: Timeline, says: Says, *, pace: timedelta) -> None:
        self._book = book
        self._timeline = timeline
        self._says = says
        self._wait = pace * INQUIRY_BEATS
        self._were_busy: set[str] = set()
        self._open: dict[str, Entry] = {}

    @property
    def entries(self) -> Sequence[Entry]:
        """The inquiries that were deferred."""
        return self._book.entries

    def ask(self, call: Call, now: datetime) -> Record:
        """AskProperty: an answer, or a number to ask for it by."""
        record = call.record
        house, block = house_and_block(record)
        magic = chosen(INQUIRY_HOUSES, house, None)
        code = magic.code
        if magic.busy and record["Reference"] not in self._were_busy:
            self._were_busy.add(record["Reference"])
            code = magic.busy
        if code:
            return self._says(call.operation, code, at=now) or {}
        reply = UNKNOWN_REPLY if block == UNKNOWN_BLOCK else INQUIRY_REPLIES.get(house or 0, CLEAR)
        number = "Q-" + record["Reference"].replace("-", "")[:12].upper()
        if not reply.is_deferred:
            return _told(number, _answer(number, reply, now))
        if self._book.find(record["Reference"]) is None:
            self._timeline.release(now)
            self.opened(
                self._book.enter(
                    call.operation,
                    record["Reference"],
                    now,
                    tracking_code=record["TrackingCode"],
                    case_no=number,
                    digest=call.digest,
                    detail={"house": house},
                )
            )
        return _told(number, None)

    def tell(self, call: Call, now: datetime) -> Record:
        """GetAnswer: the answer, once it is there."""
        number = call.record["InquiryNo"]
        entry = self._open.get(number)
        if entry is None:
            return self._says(call.operation, "E220", at=now) or {}
        is_there = not _reply_of(entry).is_silent and entry.at + self._wait <= now
        return _told(number, self.answer_of(number) if is_there else None)

    def opened(self, entry: Entry) -> None:
        """Take up a deferred inquiry; its answer comes as a change, too."""
        number = str(entry.case_no)
        self._open[number] = entry
        steps = () if _reply_of(entry).is_silent else (Step("answer", beats=INQUIRY_BEATS),)
        self._timeline.begin(number, steps, at=entry.at)

    def answer_of(self, number: str) -> Record:
        """The answer to a deferred inquiry."""
        entry = self._open[number]
        return _answer(number, _reply_of(entry), entry.at)


def _reply_of(entry: Entry) -> InquiryReply:
    return INQUIRY_REPLIES[int(entry.detail["house"])]


def _told(number: str, answer: Record | None) -> Record:
    return taken() | {"State": ANSWERED if answer else DEFERRED, "InquiryNo": number, "Answer": answer}


def _answer(number: str, reply: InquiryReply, at: datetime) -> Record:
    return {
        "Code": reply.code,
        "Title": INQUIRY_TITLES[reply.code],
        "AnswerNo": number.replace("Q", "A", 1),
        "Debt": reply.debt_rial,
        "ValidUntil": f"{jalali_year(at)}1229",
        "Conditions": reply.conditions,
        "Unit": UNIT,
    }
