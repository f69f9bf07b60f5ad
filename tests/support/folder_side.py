"""A village office's folder as the far end of the suite, on a disk that can fail."""

from __future__ import annotations

import csv
import io
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from adapter.callers import Timeouts
from adapter.channels import System
from adapter.contract import load_contract
from adapter.contract.model import Contract
from adapter.exchange import Payload
from connectors import file
from tests.suites import Misfortune
from tests.support.records import ROOT

FOLDER = ROOT / "tests" / "contracts" / "hamlet" / "1.0"
HEADER = ("کد رهگیری", "نوع", "وضعیت", "تاریخ", "مبلغ", "پرداخت شده")
_QUICK = Timeouts(total=timedelta(seconds=0.3))
_SLOW_SECONDS = 0.5


@cache
def hamlet() -> Contract:
    return load_contract(FOLDER)


@dataclass
class FolderSide:
    """`still` is how long a file must stand unchanged; a `.done` beside it is not awaited."""

    folder: Path
    still: timedelta = timedelta(seconds=5)
    clock: Any = field(default=lambda: datetime.now(UTC))
    contract: Contract = field(default_factory=hamlet)
    submission: str = "RegisterRequest"
    misfortune: Misfortune | None = None
    told: int = 0

    def __post_init__(self) -> None:
        self.inbox.mkdir(parents=True)

    @property
    def inbox(self) -> Path:
        return self.folder / "in"

    def connect(self) -> System:
        return file.connect(
            self.contract, str(self.folder), clock=self.clock, timeouts=_QUICK, still=self.still, link=self.link
        )

    def link(self, source: Path, target: Path) -> None:
        os.link(source, target)
        if self.misfortune is Misfortune.ANSWER_LOST:
            raise OSError(5, "an invented disk fails")
        if self.misfortune is Misfortune.SLOW:
            time.sleep(_SLOW_SECONDS)

    def message(self, reference: str, text: str = "") -> Payload:
        said = {"reference": reference, "tracking_code": "4052718396"}
        return {**said, "text": text} if text else said

    def another(self, reference: str) -> Payload:
        return {"reference": reference, "tracking_code": "4052718404"}

    async def document(self, reference: str, content: bytes) -> tuple[str, Payload]:
        raise NotImplementedError

    def befall(self, misfortune: Misfortune, operation: str) -> None:
        self.misfortune = misfortune
        if operation == "GetChanges":
            self.inbox.rename(self.folder / "away")

    def mend(self) -> None:
        self.misfortune = None
        if not self.inbox.exists():
            (self.folder / "away").rename(self.inbox)

    def effects(self) -> list[str]:
        return [path.stem for path in sorted((self.folder / "out").glob("*"))]

    def heard(self, reference: str) -> str:
        content = (self.folder / "out" / f"{reference}.csv").read_text(encoding="utf-8-sig")
        (row,) = csv.DictReader(io.StringIO(content, newline=""))
        return row["شرح"]

    async def happen(self, at_least: int) -> None:
        numbers = range(self.told, self.told + at_least)
        rows = [("4052718396", "وضعیت", 10 + number, "1405/08/30 10:05", "", "") for number in numbers]
        self.drop(f"{self.told:04}.csv", *rows)
        self.told += at_least

    async def happen_broken(self) -> None:
        sound = ("4052718396", "وضعیت", 10, "1405/08/30 10:05", "", "")
        self.drop("broken.csv", sound, ("4052718404", "وضعیت", "=A1", "1405/08/30 10:05", "", ""))

    async def ask_later(self) -> tuple[str, Payload]:
        raise NotImplementedError

    def drop(self, name: str, *rows: tuple[Any, ...], header: tuple[str, ...] = HEADER, is_ready: bool = True) -> Path:
        """A sheet of these rows under the header."""
        text = io.StringIO(newline="")
        csv.writer(text).writerows([header, *rows])
        return self.lay(name, text.getvalue().encode("utf-8-sig"), is_ready=is_ready)

    def lay(self, name: str, content: bytes, *, is_ready: bool = True) -> Path:
        """A file of this content in the inbox."""
        path = self.inbox / name
        path.write_bytes(content)
        if is_ready:
            path.with_name(f"{name}.done").touch()
        return path

    async def fall(self) -> None:
        self.folder.rename(self.folder.with_name("gone"))

    async def rise(self) -> None:
        self.folder.with_name("gone").rename(self.folder)
