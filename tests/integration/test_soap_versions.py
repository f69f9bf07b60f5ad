"""Our callers and the sandbox's gateway over real HTTP, in both versions of SOAP."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapter.callers.target import HttpTarget
from adapter.contract import load_contract
from adapter.contract.soap import SoapCodec
from adapter.exchange import Verdict
from adapter.wsdl import read_wsdl
from ops.sandbox import Sandbox
from tests.integration.sandbox_client import FOLDERS

pytest_plugins = ("tests.integration.sandbox_fixtures",)

FOLDER = FOLDERS["window"]
CONTRACT = load_contract(FOLDER, read_wsdl)
STATUS = FOLDER / "examples/valid/PushStatus.the_visit_was_made.soap.xml"


@pytest.mark.parametrize("version", ["1.1", "1.2"])
async def test_the_gateway_is_called_and_answers_in_the_contracts_version(sandbox: Sandbox, version: str) -> None:
    limits = {name: one.max_bytes for name, one in CONTRACT.operations.items()}
    codec = SoapCodec(read_wsdl(FOLDER, "window.wsdl"), limits=limits, path=CONTRACT.soap_path, speaks=version)
    target = HttpTarget(replace(CONTRACT, bindings={"soap": codec}), "soap", sandbox.addresses["gateway"])
    record = codec.thaw("PushStatus", STATUS.read_bytes())
    taken = await target.deliver("PushStatus", target.freeze("PushStatus", record), reference=record["reference"])
    assert taken.verdict is Verdict.DONE
    unserved = await target.ask("CheckHealth", {})
    assert (unserved.verdict, unserved.code) == (Verdict.PARKED, "UnknownOperation")
    await target.aclose()
