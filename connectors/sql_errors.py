"""What a database's own error means, by the number or the SQLSTATE that the driver tells with it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError, SQLAlchemyError


class Meaning(StrEnum):
    """What was wrong: a constraint refused the row, a value does not fit, or a name, a right or the SQL is at fault."""

    CONFLICT = "conflict"
    CONTENT = "content"
    NAMES = "names"


def meaning(error: SQLAlchemyError) -> Meaning | None:
    """None where the database is busy or broken, and the same may go well later."""
    code, state = _code(error), _state(error)
    by_class = next((said for kind, said in _BY_CLASS.items() if isinstance(error, kind)), None)
    return _BY_CODE.get(code) or _BY_STATE.get(state[:2]) or by_class


def told(error: SQLAlchemyError) -> str:
    """The error's class, SQLSTATE and number, never its text, which may repeat values."""
    cause = getattr(error, "orig", None) or error
    return " ".join(dict.fromkeys(str(one) for one in (type(cause).__name__, _state(error), _code(error)) if one))


def _code(error: SQLAlchemyError) -> Any:
    """MySQL's and MariaDB's number, Oracle's as ORA-00001, SQLite's name."""
    cause = getattr(error, "orig", None)
    first = next(iter(getattr(cause, "args", ())), None)
    told = getattr(first, "full_code", None) or getattr(cause, "sqlite_errorname", None)
    return told or (first if isinstance(first, int) else None)


def _state(error: SQLAlchemyError) -> str:
    """ODBC tells it as the first of the error's arguments."""
    cause = getattr(error, "orig", None)
    first = next(iter(getattr(cause, "args", ())), None)
    is_state = isinstance(first, str) and len(first) == _STATE_LETTERS and first.isalnum()
    return str(getattr(cause, "sqlstate", None) or (first if is_state else ""))


_STATE_LETTERS = 5

_BY_CLASS: Mapping[type[SQLAlchemyError], Meaning] = {
    IntegrityError: Meaning.CONFLICT,
    DataError: Meaning.CONTENT,
    ProgrammingError: Meaning.NAMES,
}

_BY_STATE: Mapping[str, Meaning] = {"23": Meaning.CONFLICT, "22": Meaning.CONTENT, "42": Meaning.NAMES}
"""By the class of the SQLSTATE."""

_BY_CODE: Mapping[Any, Meaning] = {
    # MySQL and MariaDB, where the SQLSTATE is the general one
    1356: Meaning.NAMES,  # a view whose table or column is gone
    1364: Meaning.CONFLICT,  # no value for a column that needs one
    1366: Meaning.CONTENT,  # a letter that the column's character set has not
    3819: Meaning.CONFLICT,  # a check
    # Oracle, which tells no SQLSTATE
    "ORA-00904": Meaning.NAMES,  # no such column
    "ORA-00942": Meaning.NAMES,  # no such table
    "ORA-01031": Meaning.NAMES,  # no right
    "ORA-06550": Meaning.NAMES,  # a call that does not compile
    "ORA-01438": Meaning.CONTENT,  # a number too large
    "ORA-01722": Meaning.CONTENT,  # no number
    "ORA-01830": Meaning.CONTENT,  # no day
    "ORA-01858": Meaning.CONTENT,  # no day
    "ORA-01861": Meaning.CONTENT,  # no day
    "ORA-12899": Meaning.CONTENT,  # a text too long
}
