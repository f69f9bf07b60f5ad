"""SOAP faults in both versions: written in the asker's, read into one form, with one word for one class of faults."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from lxml import etree

from adapter.contract.codec import Fault
from adapter.contract.envelopes import VERSIONS, Version, new_envelope
from adapter.xml.types import SOAP_11, SOAP_12

SENDER, RECEIVER = "Client", "Server"
"""SOAP 1.1's words for who is at fault, used for both versions: so a row of a table holds for both."""

_IN_12: Mapping[str, str] = {SENDER: "Sender", RECEIVER: "Receiver"}
_FROM_12: Mapping[str, str] = {new: old for old, new in _IN_12.items()}
_OF_SOAP_ITSELF = frozenset({"VersionMismatch", "MustUnderstand", "DataEncodingUnknown"})
"""Classes that say more than any code beside them: the two sides are set up differently."""

_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_LONGEST_CODE = 64
_LONGEST_TEXT = 200
_SENDER_STATUS, _FAULT_STATUS = 400, 500


def fault_status(version: Version, fault: Fault) -> int:
    """The HTTP status of a fault: 500 always (SOAP 1.1 §6.2), 400 for a sender's (SOAP 1.2 part 2, table 20)."""
    is_senders = version.name == SOAP_12 and _kind(fault) == SENDER
    return _SENDER_STATUS if is_senders else _FAULT_STATUS


def write_fault(
    version: Version, fault: Fault, problem: Mapping[str, str], *, namespace: str, spoken: Collection[str]
) -> etree._Element:
    """The whole envelope. `problem` are the fields of the contract's Problem, `spoken` the versions that we take."""
    root = new_envelope(version)
    if fault.code == "VersionMismatch":
        _add_upgrade(etree.SubElement(root, version.tag("Header")), spoken)
    shell = etree.SubElement(etree.SubElement(root, version.tag("Body")), version.tag("Fault"))
    detail = _FORMS[version.name](shell, version, fault, problem, namespace)
    told = etree.SubElement(detail, f"{{{namespace}}}Problem")
    for name, text in problem.items():
        etree.SubElement(told, f"{{{namespace}}}{name}").text = text
    return root


def read_fault(version: Version, shell: etree._Element) -> Fault:
    """The fault of either version; its code is the most specific one, save where SOAP itself was not agreed on."""
    return _READERS[version.name](version, shell)


def _kind(fault: Fault) -> str:
    return fault.code if fault.code in _OF_SOAP_ITSELF else (SENDER if fault.sender else RECEIVER)


def _add_upgrade(header: etree._Element, spoken: Collection[str]) -> None:
    """What we would take instead, the newest first (SOAP 1.2 part 1 §5.4.7)."""
    newest = VERSIONS[SOAP_12]
    upgrade = etree.SubElement(header, newest.tag("Upgrade"), nsmap={"upgrade": newest.namespace})
    for name in sorted(spoken, reverse=True):
        supported = etree.SubElement(upgrade, newest.tag("SupportedEnvelope"), nsmap={"e": VERSIONS[name].namespace})
        supported.set("qname", "e:Envelope")


def _form_11(
    shell: etree._Element, version: Version, fault: Fault, problem: Mapping[str, str], namespace: str
) -> etree._Element:
    del version, problem, namespace
    etree.SubElement(shell, "faultcode").text = f"soap:{_kind(fault)}"
    etree.SubElement(shell, "faultstring").text = fault.text
    return etree.SubElement(shell, "detail")


def _form_12(
    shell: etree._Element, version: Version, fault: Fault, problem: Mapping[str, str], namespace: str
) -> etree._Element:
    code = etree.SubElement(shell, version.tag("Code"))
    kind = _kind(fault)
    etree.SubElement(code, version.tag("Value")).text = f"soap:{_IN_12.get(kind, kind)}"
    finer = etree.SubElement(code, version.tag("Subcode"))
    value = etree.SubElement(finer, version.tag("Value"), nsmap={"own": namespace})
    value.text = f"own:{problem.get('code', fault.code)}"
    reason = etree.SubElement(shell, version.tag("Reason"))
    for language, text in (("en", fault.text), ("fa", problem.get("title_fa"))):
        if text:
            etree.SubElement(reason, version.tag("Text"), {_LANGUAGE: language}).text = text
    return etree.SubElement(shell, version.tag("Detail"))


_Form: TypeAlias = "Callable[[etree._Element, Version, Fault, Mapping[str, str], str], etree._Element]"  # noqa: SLF001 - lxml has no other name for it
"""Afterwards the fault says who failed, how and why; the element for the detail is returned."""

_FORMS: Mapping[str, _Form] = {SOAP_11: _form_11, SOAP_12: _form_12}


def _read_11(version: Version, shell: etree._Element) -> Fault:
    del version
    kind, _, finer = _local(shell.findtext("faultcode")).partition(".")
    return _fault(kind, finer, detail=shell.find("detail"), text=shell.findtext("faultstring"))


def _read_12(version: Version, shell: etree._Element) -> Fault:
    values = [_local(one.text) for one in shell.iterfind(f"{version.tag('Code')}//{version.tag('Value')}")]
    kind, *finer = values or [""]
    texts = shell.findall(f"{version.tag('Reason')}/{version.tag('Text')}")
    english = [one for one in texts if (one.get(_LANGUAGE) or "").lower().startswith("en")]
    told = next(iter([*english, *texts]), None)
    text = None if told is None else told.text
    finest = finer[-1] if finer else ""
    return _fault(_FROM_12.get(kind, kind), finest, detail=shell.find(version.tag("Detail")), text=text)


_READERS: Mapping[str, Callable[[Version, etree._Element], Fault]] = {SOAP_11: _read_11, SOAP_12: _read_12}


def _fault(kind: str, finer: str, *, detail: etree._Element | None, text: str | None) -> Fault:
    code = kind if kind in _OF_SOAP_ITSELF else _code_in(detail) or finer or _name_of(detail, kind) or kind or "unknown"
    return Fault(code[:_LONGEST_CODE], (text or "").strip()[:_LONGEST_TEXT], sender=kind == SENDER)


def _code_in(detail: etree._Element | None) -> str:
    """The text of the first element of the detail that is called a code."""
    inside = detail.iter("*") if detail is not None else iter(())
    return next(((one.text or "").strip() for one in inside if etree.QName(one).localname.lower() == "code"), "")


def _name_of(detail: etree._Element | None, kind: str) -> str:
    """What the detail itself is called, where its class says whose fault it was and nothing of what it was."""
    inside = detail if detail is not None and kind in {SENDER, RECEIVER} else ()
    return next((etree.QName(one).localname for one in inside), "")


def _local(text: str | None) -> str:
    return (text or "").strip().rpartition(":")[2]
