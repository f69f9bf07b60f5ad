"""What a clerk is told in a sheet: each column in a sentence of Persian, and the words that a cell may hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from adapter.contract.model import Contract
from adapter.exchange import Stage
from adapter.service.checks import Between, told_by
from adapter.service.document import read_contract_name, read_inward, read_outward
from adapter.service.publication import PUBLISHED_PATHS
from adapter.service.publication import TABLE as PUBLICATION
from adapter.tables import read_toml
from adapter.translator import RULES
from adapter.translator.codes import PARTIES
from adapter.translator.paths import RESERVED
from ops.sheets.pages import CODES, DOCUMENTS
from ops.sheets.toml_rows import KINDS

COLUMNS: Mapping[str, str] = {
    "target": "فیلد مقصد. [] یعنی تکرارشونده. ردیف‌ها به ترتیب همین ستون نوشته می‌شوند.",
    "source": "فیلد مبدأ؛ برای قاعدهٔ constant خالی است. چند فیلد با یک فاصله از هم جدا می‌شوند.",
    "rule": "قاعدهٔ تبدیل، از فهرست.",
    "argument": "دادهٔ قاعده: نام جدول کد، شکل تاریخ، یا مقدار ثابت.",
    "when": "شرط: «فیلد = مقدار»، «فیلد present» یا «فیلد absent». خالی یعنی همیشه.",
    "required": "yes یعنی اگر مبدأ نباشد، پیام نگه داشته می‌شود تا رسیدگی کنید.",
    "note": "یادداشت برای همکاران؛ assumption یعنی هنوز با سامانهٔ مقصد تأیید نشده است.",
    "gateway": "کد درگاه. صفرهای آغاز کد نگه داشته می‌شود.",
    "internal": "کد سامانهٔ داخلی.",
    "title": "عنوان برای مردم.",
    "stage": "مرحلهٔ پرونده، از فهرست.",
    "awaited": "چشم‌به‌راه چه کسی هستیم، از فهرست.",
    "valid_from": "نخستین روز اعتبار، مانند 1405/07/01. خالی یعنی از همیشه.",
    "valid_to": "آخرین روز اعتبار. ردیف کد پاک نمی‌شود؛ با این ستون پایان می‌یابد.",
    "legal_basis": "مستند قانونی.",
    "key": "نام کلید؛ [بخش] یا [[بخش تکرارشونده]] آغاز یک بخش است.",
    "value": "مقدار کلید. در list هر خط یک مورد است.",
    "kind": "گونهٔ مقدار: text متن، number عدد، yes_no با true و false، list فهرست، toml همان‌گونه که هست.",
    "comment": "توضیح برای همکاران.",
}
"""Column → what it is for."""

GUIDE = (
    "هر برگه یک پروندهٔ جدول است؛ نام پرونده در خانهٔ A1 آن نوشته شده و نباید تغییر کند. نام برگه آزاد است.",
    "سرستون‌ها در ردیف دوم‌اند. جای ستون‌ها و ردیف‌ها آزاد است و ردیف خالی زیانی ندارد.",
    "همهٔ خانه‌ها متن‌اند: 010 همان 010 می‌ماند. فرمول، خانهٔ ادغام‌شده و عددِ بیش از ۱۵ رقم پذیرفته نمی‌شود.",
    "پس از ویرایش: panjereh tables import FILE.xlsx و اگر درست بود، همان با --apply.",
    "خطاها در پروندهٔ FILE.faults.xlsx روی همان خانه با رنگ و یادداشت می‌آید؛ تا خطایی هست هیچ جدولی تغییر نمی‌کند.",
    "می‌توانید همان پروندهٔ نشان‌دار را درست کنید و دوباره بدهید.",
    "جدول تازه: یک برگه را رونوشت کنید و نام پروندهٔ تازه را در A1 بنویسید. نبودن برگه، جدولی را پاک نمی‌کند.",
    "نمونه‌ها (cases) در این پرونده نیستند؛ پس از تغییر جدول، panjereh test را اجرا کنید.",
)
"""The guide sheet, a sentence a row."""

CLOSED = frozenset({"rule", "required", "stage", "awaited", "kind"})
"""Columns that hold nothing but the words of their list."""


def choices_of(folder: Path, contracts: Mapping[str, Contract]) -> dict[str, dict[str, tuple[str, ...]]]:
    """File → column → the words that a cell may hold, as far as service.toml can be read."""
    codes = sorted(path.stem for path in (folder / CODES).glob("*.csv"))
    fields = _fields(folder, contracts)
    found: dict[str, dict[str, tuple[str, ...]]] = {name: {"kind": KINDS} for name in DOCUMENTS}
    for path in folder.glob("*/*.csv"):
        file = path.relative_to(folder).as_posix()
        if path.parent.name == CODES:
            found[file] = {"stage": tuple(Stage), "awaited": PARTIES}
        else:
            target, source = fields.get(path.stem, ((), ()))
            found[file] = {
                "target": target,
                "source": source,
                "rule": tuple(sorted(RULES)),
                "argument": tuple(codes),
                "required": ("yes",),
            }
    return found


def _fields(folder: Path, contracts: Mapping[str, Contract]) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Table → the fields of its target and those of its source."""
    document, _ = read_toml(folder / "service.toml", "service.toml")
    between = Between(
        read_contract_name(document, "gateway", contracts, []), read_contract_name(document, "system", contracts, [])
    )
    if between.gateway is None or between.system is None:
        return {}
    inward, outward = read_inward(document, []), read_outward(document, [])
    gateway, system = between.gateway.shapes, between.system.shapes
    told = told_by(between.system, inward)
    found = {
        route.table: (_sorted(system.get(route.operation, {})), _sources(gateway.get(operation, {})))
        for operation, route in inward.items()
    }
    for table, operation in outward.items():
        sources = PUBLISHED_PATHS if table == PUBLICATION else told
        found[table] = (_sorted(gateway.get(operation, {})), _sources(sources))
    return found


def _sources(paths: Iterable[str]) -> tuple[str, ...]:
    reserved = [f"{root}.{name}" for root, names in RESERVED.items() for name in sorted(names)]
    return (*_sorted(paths), *reserved)


def _sorted(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(paths, key=str.casefold))
