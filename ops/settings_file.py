"""Settings as they are given: a file, the environment over it, and what is wrong with either; a typo names itself."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from adapter.errors import FaultySettings
from adapter.tables import near
from ops.settings import CONFIG_VARIABLE, Settings

_PATHS = frozenset(
    {"master_key_file", "admin_socket", "contracts", "mappings", "key_file", "webhook_key_file", "signed", "spool"}
)
_EMBEDDED = "sqlite:///"
_OURS = "Value error, "
"""What pydantic puts before a sentence of ours."""


def load_settings(path: Path) -> Settings:
    """The settings in a TOML file under the environment; raises FaultySettings naming every faulty setting."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FaultySettings([f"{path}: there is no such file; name one with --config"]) from error
    except OSError as error:
        raise FaultySettings([f"{path}: cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FaultySettings([f"{path}: not readable as TOML: {error}"]) from error
    unknown = _unknown_variables()
    if unknown:
        raise FaultySettings([f"environment: {name}: there is no such setting; {_near(name)}" for name in unknown])
    try:
        settings = Settings(**_absolute(content, path.parent.resolve()))
    except ValidationError as error:
        raise FaultySettings([f"{_source(fault, path)}: {_told(fault)}" for fault in error.errors()]) from error
    return settings


def _absolute(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Relative paths in a settings file, an embedded database's too, are relative to the file, at every depth."""
    return {name: _absolute_value(name, value, folder) for name, value in content.items()}


def _absolute_value(name: str, value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        return _absolute(value, folder)
    if not isinstance(value, str):
        return value
    if value.startswith(_EMBEDDED):
        return f"{_EMBEDDED}{folder / value.removeprefix(_EMBEDDED)}"
    return str(folder / value) if name in _PATHS else value


def _unknown_variables() -> list[str]:
    known = {CONFIG_VARIABLE, *(f"PANJEREH_{name.upper()}" for name in Settings.model_fields)}
    given = (name for name in os.environ if name.startswith("PANJEREH_"))
    return sorted(name for name in given if name.split("__")[0] not in known)


def _near(variable: str) -> str:
    """The near names; what follows the first level is kept, so that what is proposed can be set as it stands."""
    _, *deeper = variable.split("__")
    names = {CONFIG_VARIABLE, *(f"PANJEREH_{name.upper()}" for name in Settings.model_fields)}
    return near(variable, {"__".join([name, *deeper]) for name in names} if deeper else names)


def _source(fault: Any, path: Path) -> str:
    """The environment variable that the faulty value stands in, else the file."""
    steps = [str(step).upper() for step in fault["loc"]]
    names = {"PANJEREH_" + "__".join(steps[:depth]) for depth in range(1, len(steps) + 1)}
    given = [name for name in os.environ if name.upper() in names]
    return f"environment: {max(given, key=len)}" if given else str(path)


def _fields_at(steps: Sequence[Any]) -> Iterable[str]:
    """The settings that may stand at a place."""
    kind: Any = Settings
    for step in steps:
        if isinstance(kind, type) and issubclass(kind, BaseModel) and step in kind.model_fields:
            kind = kind.model_fields[step].annotation
        else:
            kind = (get_args(kind) or (None,))[-1]
    return kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else ()


def _told(fault: Any) -> str:
    place = ".".join(str(step) for step in fault["loc"])
    if fault["type"] == "extra_forbidden":
        *steps, name = fault["loc"]
        return f"{place}: there is no such setting; is it misspelt? {near(str(name), _fields_at(steps))}"
    said = fault["msg"].removeprefix(_OURS)
    sentence = f"{said[0].lower()}{said[1:]}"
    return f"{place}: {sentence}" if place else sentence
