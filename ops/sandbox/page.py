"""The page a person sees of one stand-in: its counts, the faults in force and its ledger, in Persian."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from ops.sandbox.faults import ANY_EFFECT, ANY_OPERATION, Mode
from ops.sandbox.ledger import Entry, Ledger

SHOWN_ENTRIES = 200
TITLES = {
    "gateway": "درگاه پنجرهٔ ملی",
    "urban_core": "سامانهٔ شهرسازی",
    "revenue": "سامانهٔ درآمد",
    "complaints": "سامانهٔ شکایات",
    "village": "دفتر دهیاری",
}
MODES: Mapping[Mode, str] = {
    Mode.ANSWER_LOST: "گم‌شدن پاسخ",
    Mode.CLOSE_BEFORE: "بستن پیش از اثر",
    Mode.RESET_BEFORE: "قطع پیش از اثر",
    Mode.CLOSE_AFTER: "بستن پس از اثر",
    Mode.RESET_AFTER: "قطع پس از اثر",
    Mode.HALF_ANSWER: "پاسخ نیمه",
    Mode.SLOW: "پاسخ دیر",
    Mode.BUSY: "مشغول",
    Mode.SOAP_FAULT: "خطای سرویس",
    Mode.HTML: "صفحهٔ وب به جای پاسخ",
    Mode.FAULT_IN_200: "خطا در پاسخ ۲۰۰",
    Mode.DUPLICATE_CALLBACKS: "رویدادهای دوباره",
    Mode.OUT_OF_ORDER_CALLBACKS: "رویدادهای وارونه",
    Mode.WRONG_SIGNATURE: "امضای نادرست",
    Mode.OLD_TIMESTAMP: "زمان کهنه",
    Mode.DOWN: "خاموشی",
    Mode.VIEW_MISSING: "نبودن نما",
    Mode.COLUMN_RENAMED: "تغییر نام ستون",
    Mode.UNKNOWN_CODE: "کد ناشناخته",
    Mode.LOCKED: "قفل جدول",
    Mode.HALF_FILE: "پروندهٔ نیمه",
    Mode.MERGED_CELLS: "خانه‌های ادغام‌شده",
    Mode.FORMULA: "فرمول به جای مقدار",
    Mode.SHEET_TWICE: "برگهٔ تکراری",
}
_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
_POLICY = (
    "default-src 'none'",
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
HEADERS = (
    ("Content-Security-Policy", "; ".join(_POLICY)),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
"""With the page: nothing is loaded, run, framed or sent, and no style but its own applies."""
_PAGE = """<!doctype html>
<html lang="fa" dir="rtl">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
{refresh}<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<nav>{links}</nav>
<h1>{title}</h1>
<dl>{figures}</dl>
<h2>خطاهای ساختگی</h2>
{faults}
<h2>دفتر اثرها</h2>
{entries}
<footer>{shown} اثر آخر، تازه‌ترین بالا · <a href="{url}/ledger">دفتر (JSON)</a> · {pace}</footer>
</body>
</html>
"""
_LIVE = '<meta http-equiv="refresh" content="3">\n', 'هر سه ثانیه تازه می‌شود: <a href="?still">نگه‌داشتن</a>'
_STILL = "", 'نگه داشته شده: <a href="?">تازه‌کردن</a>'
_PERSIAN = str.maketrans("0123456789,", "۰۱۲۳۴۵۶۷۸۹٬")
_ENTRY_COLUMNS: Mapping[str, Callable[[Entry], object]] = {
    "ردیف": lambda entry: entry.seq,
    "زمان (UTC)": lambda entry: f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
    "عملیات": lambda entry: entry.operation,
    "شمارهٔ پیام": lambda entry: entry.reference,
    "کد رهگیری": lambda entry: entry.tracking_code,
    "پرونده": lambda entry: entry.case_no,
    "موضوع": lambda entry: entry.subject,
    "وضعیت": lambda entry: entry.status_code,
    "مبلغ (ریال)": lambda entry: _grouped(entry.amount_rial),
}
_FAULT_COLUMNS = ("خطا", "عملیات", "شرط", "فراخوانی‌ها", "رخدادها", "اکنون")
_LONG_COLUMNS = {"شمارهٔ پیام", "موضوع", "شرط"}
_OPERATIONS = {ANY_OPERATION: "همه", ANY_EFFECT: "همهٔ اثرها"}
_COUNTED_APART = {"mode", "operation", "stand_in", "met", "fired", "active"}


def render(ledger: Ledger, faults: Sequence[Mapping[str, Any]], pages: Mapping[str, str], *, is_still: bool) -> bytes:
    """One stand-in's page: its newest effects, double ones marked, and the `faults` as `FaultScript.told` tells them.

    `pages` has the page's address of each stand-in. A still page stays as it is, others are fresh every three seconds.
    What came by the wire is shown as the text it is.
    """
    shown = ledger.entries[-SHOWN_ENTRIES:]
    refresh, pace = _STILL if is_still else _LIVE
    return _PAGE.format(
        refresh=refresh,
        pace=pace,
        title=TITLES[ledger.stand_in],
        style=_STYLE,
        links="".join(_link(name, url, is_here=name == ledger.stand_in) for name, url in pages.items()),
        figures="".join(_figures(ledger, faults)),
        faults=_table(_FAULT_COLUMNS, map(_fault_row, faults), empty="هیچ خطایی ساخته نمی‌شود."),
        entries=_table(
            _ENTRY_COLUMNS, (_entry_row(entry, ledger) for entry in reversed(shown)), empty="هنوز اثری ثبت نشده است."
        ),
        shown=_persian(len(shown)),
        url=escape(pages[ledger.stand_in]),
    ).encode()


def _link(name: str, url: str, *, is_here: bool) -> str:
    here = ' aria-current="page"' if is_here else ""
    return f'<a href="{escape(url)}"{here}>{TITLES[name]}</a>'


def _figures(ledger: Ledger, faults: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield _figure("همهٔ اثرها", len(ledger.entries))
    yield _figure("اثرهای تکراری", ledger.repeated, kind="wrong" if ledger.repeated else "")
    yield _figure("خطاهای فعال", sum(fault["active"] for fault in faults))
    for operation, count in Counter(entry.operation for entry in ledger.entries).most_common():
        yield _figure(_code(operation), count)


def _figure(title: str, count: int, *, kind: str = "") -> str:
    return f'<div class="{kind}"><dt>{title}</dt><dd>{_persian(count)}</dd></div>'


def _table(columns: Iterable[str], rows: Iterable[tuple[str, Iterable[str]]], *, empty: str) -> str:
    """A table of rows, each with its kind and its cells as HTML; a narrow page shows the title beside each cell."""
    titles = [(title, "long" if title in _LONG_COLUMNS else "") for title in columns]
    head = "".join(f'<th scope="col">{title}</th>' for title, _ in titles)
    body = "\n".join(f'<tr class="{kind}">{"".join(map(_cell, titles, cells))}</tr>' for kind, cells in rows)
    if not body:
        return f"<p>{empty}</p>"
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _cell(column: tuple[str, str], content: str) -> str:
    title, kind = column
    return f'<td class="{kind}" data-title="{title}">{content}</td>'


def _entry_row(entry: Entry, ledger: Ledger) -> tuple[str, Iterable[str]]:
    cells = {title: _code(read(entry)) for title, read in _ENTRY_COLUMNS.items()}
    first = ledger.find(entry.reference)
    if first is None or first.seq == entry.seq:
        return "", cells.values()
    cells["شمارهٔ پیام"] += f" <b>تکرار ردیف {_code(first.seq)}</b>"
    return "again", cells.values()


def _fault_row(fault: Mapping[str, Any]) -> tuple[str, Iterable[str]]:
    operation = fault.get("operation", ANY_OPERATION)
    return "" if fault["active"] else "spent", (
        f"{MODES[fault['mode']]} {_code(fault['mode'])}",
        _OPERATIONS.get(operation) or _code(operation),
        _code(" ".join(f"{name}={value}" for name, value in fault.items() if name not in _COUNTED_APART)),
        _code(fault["met"]),
        _code(fault["fired"]),
        '<b class="live">فعال</b>' if fault["active"] else "بی‌اثر",
    )


def _code(value: object) -> str:
    """A value of the wire in its own, left-to-right writing; nothing for what is empty."""
    return "" if value is None else f'<bdi dir="ltr">{escape(str(value))}</bdi>'


def _grouped(amount: object) -> object:
    """12,345,678 of a number; a fault may have entered anything else, which is shown as it is."""
    return f"{amount:,}" if isinstance(amount, int) else amount


def _persian(count: int) -> str:
    return f"{count:,}".translate(_PERSIAN)
