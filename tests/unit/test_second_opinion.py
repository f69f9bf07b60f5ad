from __future__ import annotations

import logging
from pathlib import Path

import pytest

from adapter.wsdl import read_wsdl
from adapter.wsdl.second_opinion import second_opinion
from adapter.xml.types import Wsdl, messages_of

HOUSE = Path(__file__).parents[2]


def contract(name: str) -> tuple[dict[str, bytes], dict[str, tuple[str, ...]]]:
    wsdl: Wsdl = read_wsdl(HOUSE / f"contracts/{name}/1.0", f"{name}.wsdl")
    messages = {name: tuple(one.tag for one in messages_of(found)) for name, found in wsdl.operations.items()}
    return dict(wsdl.documents), messages


@pytest.mark.parametrize("name", ["window", "urban_core"])
def test_zeep_finds_the_operations_and_messages_that_we_find_in_the_shipped_contracts(name: str):
    assert second_opinion(*contract(name)) == []


def test_an_operation_or_message_that_one_of_us_finds_alone_is_told():
    documents, messages = contract("urban_core")
    ours = {**messages, "Vanish": ("{urn:x}Vanish",), "Ping": ("{urn:x}Pong",)}
    del ours["GetAnswer"]

    assert second_opinion(documents, ours) == [
        "GetAnswer: zeep finds this operation, we do not",
        "Ping: zeep finds the message {urn:urban-core:1.0}Ping, we find {urn:x}Pong",
        "Ping: zeep finds the message {urn:urban-core:1.0}PingResponse, we find {urn:x}Pong",
        "Vanish: zeep finds no such operation",
    ]


def test_what_zeep_cannot_load_is_told_and_nothing_beside_the_documents_is_opened():
    documents, messages = contract("urban_core")
    del documents["urban_core.xsd"]

    (told,) = second_opinion(documents, messages)

    assert told.startswith("zeep cannot load it: KeyError")
    assert not logging.getLogger("zeep").disabled
