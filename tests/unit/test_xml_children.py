from __future__ import annotations

from itertools import combinations

import pytest
from lxml import etree

from adapter.xml.children import Child, Late, Read, by_place

TAGS = ("a", "b", "c", "d", "e")


def reading(required: set[str], *, of_text: type = str) -> Read:
    children = {tag: Child(tag.upper(), of_text, Late(lambda: lambda _: None), is_repeated=False) for tag in TAGS}
    return by_place(children, required)


def node(tags: tuple[str, ...], text: str = "7") -> etree._Element:
    return etree.fromstring(f"<x>{''.join(f'<{tag}>{text}</{tag}>' for tag in tags)}</x>")


@pytest.mark.parametrize("required", [set(), {"a", "b", "c"}, {"b", "e"}, {"c"}, set(TAGS)])
@pytest.mark.parametrize("of_text", [str, int])
def test_whichever_children_are_missing_each_is_read_under_its_own_name(required: set[str], of_text: type):
    read = reading(required, of_text=of_text)

    for count in range(len(TAGS) + 1):
        for tags in combinations(TAGS, count):
            if required <= set(tags):
                assert read(node(tags)) == {tag.upper(): of_text("7") for tag in tags}


def test_a_child_without_text_is_an_empty_text():
    assert reading({"a"})(node(("a", "d"), text="")) == {"A": "", "D": ""}
