"""A path in a cell is read as its names say, whatever the record holds."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import Unfit
from adapter.translator import Context
from adapter.translator.paths import compile_collector, compile_reader, parse_path

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
PATHS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4)


@given(JSON, PATHS)
def test_reading_a_path_is_walking_its_names(record: Any, names: list[str]) -> None:
    node = record
    for name in names:
        node = node.get(name) if isinstance(node, dict) else None
    assert compile_reader(parse_path(".".join(names)))((record, Context(date(2026, 11, 21)))) == node


@given(JSON, st.lists(st.sampled_from(["a", "b[]", "c"]), min_size=1, max_size=3))
def test_collecting_a_path_never_fails_and_gives_present_values_only(record: Any, steps: list[str]) -> None:
    found = compile_collector(parse_path(".".join(steps)))(record)
    assert all(value not in (None, "") for value in found)


@given(st.text(max_size=20))
def test_whatever_stands_in_a_path_cell_is_a_path_or_unfit(cell: str) -> None:
    try:
        assert parse_path(cell).text == cell
    except Unfit:
        return
