"""One more row for a codes file: its text with the row at the end, every other line as it was."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from adapter.errors import Unfit
from adapter.tables import near
from adapter.translator.codes import CODE_COLUMNS


def with_row(text: str, cells: Mapping[str, str]) -> str:
    """Return the text with one more row; raises Unfit for a column that the file has not."""
    header = next(csv.reader(io.StringIO(text, newline="")), [])
    columns = [name.strip() for name in header]
    for name in cells:
        if name not in columns:
            raise Unfit(f"the file has no column {name!r}; {near(name, columns)}")
    line_break = "\r\n" if "\r\n" in text else "\n"
    row = io.StringIO()
    csv.writer(row, lineterminator=line_break).writerow([cells.get(name, "") for name in columns])
    return text + ("" if text.endswith("\n") else line_break) + row.getvalue()


def header_of(text: str) -> str:
    """Return a file's first line, for a tenant's own file over it; all columns where there is no such file."""
    first = text.partition("\n")[0]
    return (first or ",".join((*CODE_COLUMNS.required, *CODE_COLUMNS.optional))).rstrip("\r") + "\n"
