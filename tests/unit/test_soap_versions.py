"""SOAP 1.2 beside 1.1: whoever asks is answered in his version, and each is spoken as its specification says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from adapter.contract import load_contract
from adapter.contract.codec import Fault
from adapter.contract.envelopes import VERSIONS, read_envelope
from adapter.contract.outcomes import Observation, Seen, classify
from adapter.contract.soap import SoapCodec
from adapter.contract.soap_faults import fault_status
from adapter.errors import FaultyTables
from adapter.exchange import Verdict
from adapter.refusals import Unreadable
from adapter.wsdl import read_wsdl
from tests.support.enveloped import LOADED, VALID, WINDOW, WITHDRAWAL, kept, of, read

NS = "urn:panjereh:window:1.0"
WSDL = read_wsdl(WINDOW, "window.wsdl")
LIMITS = {name: one.max_bytes for name, one in LOADED[WINDOW].operations.items()}
BOTH = pytest.mark.parametrize("version", ["1.1", "1.2"])
WINDOW_VALID = [path for path in VALID if path.is_relative_to(WINDOW)]


def speaking(*carried: str, speaks: str | None = None) -> SoapCodec:
    """A codec of the window whose WSDL has only the versions named, all by default."""
    operations = {
        name: replace(one, actions={version: one.actions[version] for version in carried or one.actions})
        for name, one in WSDL.operations.items()
    }
    return SoapCodec(replace(WSDL, operations=operations), limits=LIMITS, path="/v1/soap", speaks=speaks)


def envelope(version: str, body: str, header: str = "") -> bytes:
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return f'<s:Envelope xmlns:s="{VERSIONS[version].namespace}">{head}<s:Body>{body}</s:Body></s:Envelope>'.encode()


HEALTH = f'<CheckHealth xmlns="{NS}"/>'


@BOTH
@pytest.mark.parametrize("path", WINDOW_VALID, ids=lambda path: path.name)
def test_a_valid_example_is_the_same_after_both_ways(path: Path, version: str) -> None:
    codec, (_, operation, is_answer), content = speaking(speaks=version), of(path), read(path)
    if is_answer:
        written = codec.encode_answer(operation, content, version=version)
        assert codec.decode_answer(operation, written) == content
    else:
        written = codec.encode_request(operation, content)
        assert codec.thaw(operation, written) == content
    assert etree.QName(etree.fromstring(written)).namespace == VERSIONS[version].namespace


@BOTH
def test_the_key_travels_in_the_header(version: str) -> None:
    codec = speaking(speaks=version)
    frozen = codec.encode_request("WithdrawRequest", WITHDRAWAL, key="key-0123456789abcdef")
    assert codec.decode(read_envelope(frozen)).key == "key-0123456789abcdef"


def test_the_oldest_version_of_the_wsdl_is_spoken_unless_the_contract_says_another() -> None:
    spoken = {
        name: read_envelope(codec.encode_request("WithdrawRequest", WITHDRAWAL)).version.name
        for name, codec in (
            ("default", speaking()),
            ("only one", speaking("1.2")),
            ("said", speaking(speaks="1.2")),
            ("not for this operation", speaking("1.1", speaks="1.2")),
        )
    }
    assert spoken == {"default": "1.1", "only one": "1.2", "said": "1.2", "not for this operation": "1.1"}


def test_the_action_stands_where_the_version_has_it() -> None:
    forms = {
        version: codec.form("WithdrawRequest", codec.encode_request("WithdrawRequest", WITHDRAWAL))
        for version in ("1.1", "1.2")
        for codec in [speaking(speaks=version)]
    }
    assert forms["1.1"].media_type == "text/xml; charset=utf-8"
    assert forms["1.1"].headers == {"SOAPAction": f'"{NS}:WithdrawRequest"', "Accept": "text/xml"}
    assert forms["1.2"].media_type == f'application/soap+xml; charset=utf-8; action="{NS}:WithdrawRequest"'
    assert forms["1.2"].headers == {"Accept": "application/soap+xml"}


def test_what_was_frozen_in_one_version_is_sent_in_it_after_the_contract_changed() -> None:
    frozen = speaking(speaks="1.1").encode_request("WithdrawRequest", WITHDRAWAL)
    form = speaking(speaks="1.2").form("WithdrawRequest", frozen)
    assert (form.media_type, form.body) == ("text/xml; charset=utf-8", frozen)


def test_a_contract_says_a_version_that_its_wsdl_has(tmp_path: Path) -> None:
    for path in WINDOW.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    wsdl = (tmp_path / "window.wsdl").read_text(encoding="utf-8")
    newer = r'    <wsdl:port name="\w+12".*?</wsdl:port>\n|  <wsdl:binding name="\w+12".*?</wsdl:binding>\n'
    text = (tmp_path / "contract.toml").read_text(encoding="utf-8")
    said = text.replace('soap_path = "/v1/soap"', 'soap_path = "/v1/soap"\nsoap_version = "1.2"')
    (tmp_path / "contract.toml").write_text(said, encoding="utf-8")
    codec = load_contract(tmp_path, read_wsdl).bindings["soap"]
    assert VERSIONS["1.2"].namespace.encode() in codec.encode_request("WithdrawRequest", WITHDRAWAL)
    (tmp_path / "window.wsdl").write_text(re.sub(newer, "", wsdl, flags=re.DOTALL), encoding="utf-8")
    with pytest.raises(FaultyTables, match=r"soap_version: window\.wsdl has SOAP 1\.1 only; use that"):
        load_contract(tmp_path, read_wsdl)


FILED = {"code": "already-filed", "title": "Filed before", "title_fa": "پیش‌تر ثبت شده", "detail": "4052718396"}


@BOTH
def test_our_fault_is_read_back_with_its_own_code_and_its_detail_fits_the_contract(version: str) -> None:
    codec = speaking()
    written = codec.encode_fault(Fault("already-filed", "Filed before", sender=True), FILED, version=version)
    assert read_envelope(written).version.name == version
    assert codec.decode_answer("SubmitRequest", written) == Fault("already-filed", "Filed before", sender=True)
    detail: Any = etree.fromstring(written).find(f".//{{{NS}}}Problem")
    assert WSDL.schema.validate(detail)


def test_a_fault_of_soap_1_2_has_code_subcode_and_both_languages() -> None:
    written = speaking().encode_fault(Fault("already-filed", "Filed before", sender=True), FILED, version="1.2")
    fault: Any = etree.fromstring(written)[0][0]
    soap = f"{{{VERSIONS['1.2'].namespace}}}"
    assert [etree.QName(part).localname for part in fault] == ["Code", "Reason", "Detail"]
    assert fault.findtext(f"{soap}Code/{soap}Value") == "soap:Sender"
    subcode = fault.find(f"{soap}Code/{soap}Subcode/{soap}Value")
    prefix, _, local = subcode.text.partition(":")
    assert (subcode.nsmap[prefix], local) == (NS, "already-filed")
    texts = fault.findall(f"{soap}Reason/{soap}Text")
    language = "{http://www.w3.org/XML/1998/namespace}lang"
    assert [(one.get(language), one.text) for one in texts] == [("en", "Filed before"), ("fa", "پیش‌تر ثبت شده")]


@pytest.mark.parametrize(
    ("code", "sender", "older", "newer"),
    [
        ("already-filed", True, ("soap:Client", 500), ("soap:Sender", 400)),
        ("too-busy", False, ("soap:Server", 500), ("soap:Receiver", 500)),
        ("MustUnderstand", True, ("soap:MustUnderstand", 500), ("soap:MustUnderstand", 500)),
        ("VersionMismatch", True, ("soap:VersionMismatch", 500), ("soap:VersionMismatch", 500)),
    ],
)
def test_a_faults_class_and_status_are_those_of_its_version(
    code: str, *, sender: bool, older: tuple[str, int], newer: tuple[str, int]
) -> None:
    fault = Fault(code, "text", sender=sender)
    for version, (value, status) in (("1.1", older), ("1.2", newer)):
        written = etree.fromstring(speaking().encode_fault(fault, FILED, version=version))
        told = written.findtext(".//faultcode") or written.findtext(".//{*}Code/{*}Value")
        assert (told, fault_status(VERSIONS[version], fault)) == (value, status)


def test_a_version_mismatch_says_what_would_be_taken_instead() -> None:
    mismatch = Fault("VersionMismatch", "text", sender=True)
    for codec, told, offered in ((speaking(), "1.2", ["1.2", "1.1"]), (speaking("1.2"), "1.1", ["1.2"])):
        root = etree.fromstring(codec.encode_fault(mismatch, FILED, version=told))
        assert etree.QName(root).namespace == VERSIONS[told].namespace
        supported = root.findall(f".//{{{VERSIONS['1.2'].namespace}}}SupportedEnvelope")
        spaces = [one.nsmap[str(one.get("qname")).partition(":")[0]] for one in supported]
        assert spaces == [VERSIONS[name].namespace for name in offered]


@pytest.mark.parametrize(("carried", "asked"), [("1.1", "1.2"), ("1.2", "1.1")])
def test_a_version_that_the_contract_has_not_is_a_mismatch_told_in_1_1(carried: str, asked: str) -> None:
    codec = speaking(carried)
    with pytest.raises(Unreadable) as caught:
        codec.decode_request(envelope(asked, HEALTH))
    assert caught.value.context["soap_code"] == "VersionMismatch"
    assert codec.answered_in(asked).name == "1.1"


def test_an_envelope_of_no_version_is_a_mismatch() -> None:
    with pytest.raises(Unreadable) as caught:
        speaking().decode_request(b'<e:Envelope xmlns:e="urn:soap:2.0"><e:Body><a/></e:Body></e:Envelope>')
    assert caught.value.context["soap_code"] == "VersionMismatch"


OUR_ROLES = {
    "1.1": ["", 's:actor="http://schemas.xmlsoap.org/soap/actor/next"', 's:actor=""'],
    "1.2": [
        "",
        's:role=""',
        's:role="http://www.w3.org/2003/05/soap-envelope/role/next"',
        's:role="http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver"',
    ],
}
OTHER_ROLES = {
    "1.1": ['s:actor="urn:somebody"'],
    "1.2": ['s:role="urn:somebody"', 's:role="http://www.w3.org/2003/05/soap-envelope/role/none"'],
}


@BOTH
@pytest.mark.parametrize("asked", ["1", "true"])
def test_a_header_for_us_that_must_be_understood_and_is_not_is_refused(version: str, asked: str) -> None:
    codec = speaking()
    for role in OUR_ROLES[version]:
        with pytest.raises(Unreadable) as caught:
            codec.decode_request(envelope(version, HEALTH, f'<a xmlns="urn:x" s:mustUnderstand="{asked}" {role}/>'))
        assert caught.value.context["soap_code"] == "MustUnderstand"


@BOTH
def test_a_header_for_another_or_that_need_not_be_understood_is_passed_over(version: str) -> None:
    others = [f's:mustUnderstand="1" {role}' for role in OTHER_ROLES[version]]
    for attributes in [*others, 's:mustUnderstand="0"', 's:mustUnderstand="false"', ""]:
        body = envelope(version, HEALTH, f'<a xmlns="urn:x" {attributes}/>')
        assert speaking().decode_request(body).operation == "CheckHealth"


@BOTH
def test_the_key_may_say_that_it_must_be_understood(version: str) -> None:
    key = f'<IdempotencyKey xmlns="{NS}" s:mustUnderstand="true">key-0123456789abcdef</IdempotencyKey>'
    assert speaking().decode_request(envelope(version, HEALTH, key)).key == "key-0123456789abcdef"


def fault_12(value: str, *subcodes: str, detail: str = "", reason: str = "") -> bytes:
    finer = "".join(f"<s:Subcode><s:Value>{one}</s:Value>" for one in subcodes) + "</s:Subcode>" * len(subcodes)
    code = f"<s:Code><s:Value>{value}</s:Value>{finer}</s:Code>"
    texts = reason or '<s:Text xml:lang="en">x</s:Text>'
    shown = f"<s:Detail>{detail}</s:Detail>" if detail else ""
    return envelope("1.2", f'<s:Fault xmlns:b="urn:b">{code}<s:Reason>{texts}</s:Reason>{shown}</s:Fault>')


PROBLEM = f'<Problem xmlns="{NS}"><code>Busy</code></Problem>'


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (fault_12("s:Sender"), Fault("Client", "x", sender=True)),
        (fault_12("s:Receiver"), Fault("Server", "x", sender=False)),
        (fault_12("s:Receiver", "b:Busy"), Fault("Busy", "x", sender=False)),
        (
            fault_12("s:Sender", "b:Signature", "b:InvalidSecurityToken"),
            Fault("InvalidSecurityToken", "x", sender=True),
        ),
        (fault_12("s:Receiver", "b:Other", detail=PROBLEM), Fault("Busy", "x", sender=False)),
        (fault_12("s:VersionMismatch", "b:Other", detail=PROBLEM), Fault("VersionMismatch", "x", sender=False)),
        (fault_12("s:MustUnderstand"), Fault("MustUnderstand", "x", sender=False)),
        (fault_12("s:DataEncodingUnknown"), Fault("DataEncodingUnknown", "x", sender=False)),
        (
            fault_12("s:Sender", reason='<s:Text xml:lang="fa">فارسی</s:Text><s:Text xml:lang="en-GB">y</s:Text>'),
            Fault("Client", "y", sender=True),
        ),
        (
            fault_12("s:Sender", reason='<s:Text xml:lang="fa">فارسی</s:Text>'),
            Fault("Client", "فارسی", sender=True),
        ),
        (envelope("1.2", "<s:Fault/>"), Fault("unknown", "", sender=False)),
    ],
)
def test_a_fault_of_soap_1_2_tells_its_most_specific_code(written: bytes, expected: Fault) -> None:
    assert speaking().decode_answer("PushStatus", written) == expected


@pytest.mark.parametrize(
    ("code", "older", "newer", "verdict"),
    [
        ("", "Client", "Sender", Verdict.PARKED),
        ("", "Server", "Receiver", Verdict.IN_DOUBT),
        ("", "MustUnderstand", "MustUnderstand", Verdict.PARKED),
        ("", "VersionMismatch", "VersionMismatch", Verdict.PARKED),
        ("Busy", "Server", "Receiver", Verdict.RETRY),
        ("Unavailable", "Server", "Receiver", Verdict.IN_DOUBT),
        ("Validation", "Client", "Sender", Verdict.PARKED),
        ("NobodyKnows", "Client", "Sender", Verdict.PARKED),
    ],
)
def test_a_fault_means_the_same_in_both_versions(code: str, older: str, newer: str, verdict: Verdict) -> None:
    detail = f'<Problem xmlns="{NS}"><code>{code}</code></Problem>' if code else ""
    shown = f"<detail>{detail}</detail>" if detail else ""
    in_11 = envelope("1.1", f"<s:Fault><faultcode>s:{older}</faultcode><faultstring>x</faultstring>{shown}</s:Fault>")
    in_12 = fault_12(f"s:{newer}", detail=detail)
    contract = LOADED[WINDOW]
    outcomes = [
        classify(
            contract,
            contract.operations["PushStatus"],
            Observation(Seen.ANSWERED, status, speaking().decode_answer("PushStatus", written)),
        )
        for written, status in ((in_11, 500), (in_12, 400 if newer == "Sender" else 500))
    ]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].verdict is verdict


def test_an_answer_may_come_in_either_version() -> None:
    codec = speaking(speaks="1.2")
    for version in ("1.1", "1.2"):
        assert (
            codec.decode_answer("SubmitRequest", codec.encode_answer("SubmitRequest", kept(), version=version))
            == kept()
        )
