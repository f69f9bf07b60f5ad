"""Attachments beside a message become the record that inline content makes, and go out as the same bytes every time."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest

from adapter.contract import load_contract
from adapter.contract.attaching import opened_package, packed_json, unpacked
from adapter.contract.codec import Fault
from adapter.contract.mime import MediaType, media_type_of
from adapter.contract.model import Contract
from adapter.contract.multipart import Multipart
from adapter.contract.openapi import Packaging
from adapter.contract.packing import Way, binary_tags, boundary_in, pack_fields
from adapter.contract.rest import RestCodec
from adapter.contract.soap import SoapCodec
from adapter.errors import FaultyTables
from adapter.refusals import RequestRefused, SchemaViolation, TooLarge, Unreadable
from adapter.strict_json import write_json
from adapter.wsdl import read_wsdl
from tests.support.documents import attaching
from tests.support.enveloped import LOADED, WINDOW
from tests.unit.test_soap_versions import LIMITS, WSDL

PACKAGES = Path(__file__).parents[1] / "packages"
CONTENT = b"%PDF-1.7 invented \x00\xff\r\n--panjereh-\r\n" * 40
DOCUMENT = attaching(CONTENT)
NS = "urn:panjereh:window:1.0"
XOP_TYPE = 'multipart/related; type="application/xop+xml"; start="<root>"; start-info="text/xml"; boundary=b'
SWA_TYPE = 'multipart/related; type="text/xml"; start="<root>"; boundary=b'
XOP_ROOT = 'Content-Type: application/xop+xml; charset=utf-8; type="text/xml"\r\nContent-ID: <root>\r\n'
SWA_ROOT = "Content-Type: text/xml; charset=utf-8\r\nContent-ID: <root>\r\n"
INCLUDE = '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:one@x"/>'


def codec_of(way: Way = Way.INLINE, speaks: str = "1.1") -> SoapCodec:
    ways = dict.fromkeys(WSDL.operations, way)
    return SoapCodec(WSDL, limits=LIMITS, path="/v1/soap", speaks=speaks, ways=ways)


def envelope(content: str, attributes: str = "", header: str = "") -> bytes:
    written = codec_of().encode_request("AttachDocument", {**DOCUMENT, "content": "AAAA"}).decode()
    written = written.replace("<content>AAAA</content>", f"<content{attributes}>{content}</content>")
    return written.replace("<soap:Body>", f"{header}<soap:Body>").encode()


def package(root: bytes, *parts: tuple[str, bytes], head: str = XOP_ROOT) -> bytes:
    inside = [(head, root), *parts]
    return b"".join(b"--b\r\n%b\r\n%b\r\n" % (one.encode(), content) for one, content in inside) + b"--b--\r\n"


ONE = ("Content-ID: <one@x>\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: binary\r\n", CONTENT)


def read(body: bytes, content_type: str = XOP_TYPE) -> Any:
    media_type = media_type_of(content_type)
    opened = opened_package(media_type, unpacked(media_type, body, most=10_000_000))
    return codec_of().decode(opened).content


def test_an_included_part_is_read_as_if_it_had_come_inline() -> None:
    inline = codec_of().decode_request(codec_of().encode_request("AttachDocument", DOCUMENT)).content
    assert read(package(envelope(INCLUDE), ONE)) == inline == DOCUMENT


@pytest.mark.parametrize(
    "root", [envelope("", ' href="cid:one@x"'), envelope("cid:one@x"), envelope("\n cid:one%40x \n")]
)
def test_a_referred_part_is_read_as_if_it_had_come_inline(root: bytes) -> None:
    assert read(package(root, ONE, head=SWA_ROOT), SWA_TYPE) == DOCUMENT


@pytest.mark.parametrize(
    ("encoding", "coded"),
    [
        ("base64", base64.encodebytes(CONTENT).replace(b"\n", b"\r\n")),
        ("quoted-printable", b"=\r\n".join(b"=%02X" % byte for byte in CONTENT)),
        ("8bit", CONTENT),
    ],
)
def test_a_part_may_have_a_transfer_encoding(encoding: str, coded: bytes) -> None:
    part = (f"Content-ID: <one@x>\r\nContent-Transfer-Encoding: {encoding}\r\n", coded)
    assert read(package(envelope(INCLUDE), part)) == DOCUMENT


def test_the_message_may_stand_after_its_attachments_where_start_says_so() -> None:
    body = b"".join(
        b"--b\r\n%b\r\n%b\r\n" % (head.encode(), content) for head, content in (ONE, (XOP_ROOT, envelope(INCLUDE)))
    )
    assert read(body + b"--b--\r\n") == DOCUMENT


def of_foreign(name: str) -> tuple[str, bytes]:
    """A message as a foreign stack writes it: its Content-Type in the first line, then the body."""
    text = (PACKAGES / name).read_text(encoding="utf-8")
    content_type, _, body = text.partition("\n\n")
    named = body.replace("\n", "\r\n").encode().replace(b"@CONTENT@", CONTENT)
    return content_type.removeprefix("Content-Type: "), named.replace(b"@SHA256@", DOCUMENT["sha256"].encode())


@pytest.mark.parametrize("path", sorted(PACKAGES.glob("*.mime")), ids=lambda path: path.name)
def test_what_other_stacks_write_is_read(path: Path) -> None:
    content_type, body = of_foreign(path.name)
    assert read(body, content_type) == DOCUMENT


SECOND = ("Content-ID: <two@x>\r\n", b"y")
HEADER = f"<soap:Header><a xmlns='urn:x'>{INCLUDE}</a></soap:Header>"
HOSTILE: dict[str, tuple[bytes, str, str]] = {
    "an unknown cid": (package(envelope(INCLUDE), SECOND), XOP_TYPE, "did not come"),
    "a part that nothing refers to": (package(envelope(INCLUDE), ONE, SECOND), XOP_TYPE, "does not refer to"),
    "a part without Content-ID": (package(envelope(INCLUDE), ONE, ("", b"x")), XOP_TYPE, "without a Content-ID"),
    "one part twice": (package(envelope(INCLUDE + "</content><content>" + INCLUDE), ONE), XOP_TYPE, "twice"),
    "two Includes in one element": (package(envelope(INCLUDE * 2), ONE), XOP_TYPE, "all that its element holds"),
    "text before an Include": (package(envelope("AAAA" + INCLUDE), ONE), XOP_TYPE, "all that its element holds"),
    "text after an Include": (package(envelope(INCLUDE + "AAAA"), ONE), XOP_TYPE, "all that its element holds"),
    "something in an Include": (
        package(envelope(INCLUDE.replace("/>", ">x</xop:Include>")), ONE),
        XOP_TYPE,
        "all that its element holds",
    ),
    "an Include without href": (package(envelope(INCLUDE.replace("href=", "ref=")), ONE), XOP_TYPE, "has a href"),
    "an Include with more": (package(envelope(INCLUDE.replace("href=", "a='' href=")), ONE), XOP_TYPE, "nothing else"),
    "an Include of an address": (
        package(envelope(INCLUDE.replace("cid:one@x", "http://169.254.169.254/")), ONE),
        XOP_TYPE,
        "did not come",
    ),
    "an Include of a file": (
        package(envelope(INCLUDE.replace("cid:one@x", "file:///etc/passwd")), ONE),
        XOP_TYPE,
        "did not come",
    ),
    "an Include of the message itself": (package(envelope(INCLUDE.replace("one@x", "root"))), XOP_TYPE, "did not come"),
    "an Include in the header": (package(envelope("AAAA", header=HEADER), ONE), XOP_TYPE, "does not refer to"),
    "a reference to nothing": (package(envelope("cid:two@x"), ONE, head=SWA_ROOT), SWA_TYPE, "did not come"),
    "no message": (b"--b--\r\n", XOP_TYPE, "does not hold the message"),
    "a start that did not come": (
        package(envelope(INCLUDE), ONE),
        XOP_TYPE.replace("<root>", "<other>"),
        "does not hold",
    ),
    "another type than announced": (package(envelope(INCLUDE), ONE, head=SWA_ROOT), XOP_TYPE, "not of the type"),
    "a message of HTML": (
        package(b"<html/>", head="Content-Type: text/html\r\nContent-ID: <root>\r\n"),
        "multipart/related; boundary=b",
        "not a SOAP envelope",
    ),
    "a DOCTYPE": (package(b"<!DOCTYPE a>" + envelope(INCLUDE), ONE), XOP_TYPE, "type declaration"),
    "UTF-16": (package(envelope(INCLUDE).decode().encode("utf-16"), ONE), XOP_TYPE, "not well-formed"),
}


@pytest.mark.parametrize(("body", "content_type", "told"), HOSTILE.values(), ids=HOSTILE)
def test_what_does_not_fit_together_is_refused_by_name(body: bytes, content_type: str, told: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(body, content_type)
    assert told in caught.value.detail
    assert "169.254" not in caught.value.detail


def test_an_include_without_a_package_is_no_content() -> None:
    with pytest.raises(SchemaViolation):
        codec_of().decode_request(envelope(INCLUDE))


def test_an_attachment_where_the_contract_wants_words_breaks_the_contract() -> None:
    root = envelope("AAAA").replace(b"<kind>deed</kind>", f"<kind>{INCLUDE}</kind>".encode())
    with pytest.raises(SchemaViolation) as caught:
        read(package(root, ONE))
    assert [one.path for one in caught.value.violations] == ["kind"]


def test_an_empty_attachment_breaks_the_contract_as_empty_content_does() -> None:
    with pytest.raises(SchemaViolation):
        read(package(envelope(INCLUDE), ("Content-ID: <one@x>\r\n", b"")))


def test_the_operations_limit_counts_the_decoded_attachments() -> None:
    large = ("Content-ID: <one@x>\r\n", b"x" * LIMITS["AttachDocument"])
    with pytest.raises(TooLarge):
        read(package(envelope(INCLUDE), large))


def test_a_package_says_by_its_message_what_it_is_before_its_attachments_are_there() -> None:
    operation, fields = codec_of().announced(envelope(INCLUDE))

    assert (operation, fields["tracking_code"]) == ("AttachDocument", "4052718396")
    with pytest.raises(Unreadable):
        codec_of().announced(envelope(INCLUDE).replace(b"AttachDocument", b"Unknown"))


WAYS = pytest.mark.parametrize(
    ("way", "version"), [(way, version) for way in (Way.MTOM, Way.SWA) for version in ("1.1", "1.2")]
)


@WAYS
def test_what_is_frozen_with_attachments_thaws_to_the_same_content(way: Way, version: str) -> None:
    codec = codec_of(way, version)
    frozen = codec.encode_request("AttachDocument", DOCUMENT, key="key-0123456789abcdef")
    assert CONTENT in frozen
    assert base64.b64encode(CONTENT) not in frozen
    assert frozen == codec.encode_request("AttachDocument", DOCUMENT, key="key-0123456789abcdef")
    assert codec.thaw("AttachDocument", frozen) == DOCUMENT
    other = codec.encode_request("AttachDocument", {**DOCUMENT, "title": "دیگر"}, key="key-0123456789abcdef")
    assert frozen.partition(b"\r\n")[0] != other.partition(b"\r\n")[0]


@WAYS
def test_the_form_says_what_the_package_holds(way: Way, version: str) -> None:
    codec = codec_of(way, version)
    frozen = codec.encode_request("AttachDocument", DOCUMENT, key="key-0123456789abcdef")
    form = codec.form("AttachDocument", frozen)
    media_type = media_type_of(form.media_type or "")
    envelope_type = {"1.1": "text/xml", "1.2": "application/soap+xml"}[version]
    assert media_type.name == "multipart/related"
    assert media_type.parameters["type"] == ("application/xop+xml" if way is Way.MTOM else envelope_type)
    assert media_type.parameters.get("start-info") == (envelope_type if way is Way.MTOM else None)
    assert media_type.parameters.get("action") == (f"{NS}:AttachDocument" if version == "1.2" else None)
    assert form.headers.get("SOAPAction") == (f'"{NS}:AttachDocument"' if version == "1.1" else None)
    assert form.body == frozen
    assert read(form.body, form.media_type or "") == DOCUMENT


def test_a_message_without_binary_content_is_packed_all_the_same() -> None:
    codec = codec_of(Way.MTOM)
    frozen = codec.encode_request("CheckHealth", {})
    assert (
        len(unpacked(media_type_of(codec.form("CheckHealth", frozen).media_type or ""), frozen, most=10_000).parts) == 1
    )
    assert codec.thaw("CheckHealth", frozen) == {}


def test_an_answer_with_attachments_is_read_and_so_is_a_fault_in_a_package() -> None:
    fault = codec_of().encode_fault(
        Fault("busy", "Busy", sender=False), {"code": "busy", "title": "Busy", "title_fa": "x"}
    )
    found = codec_of().decode_answer("AttachDocument", package(fault), content_type=XOP_TYPE)
    assert found == Fault("busy", "Busy", sender=False)


def test_binary_elements_are_known_from_the_schema() -> None:
    assert binary_tags(WSDL.documents.values()) == {f"{{{NS}}}content"}
    core = read_wsdl(WINDOW.parents[1] / "urban_core/1.0", "urban_core.wsdl")
    assert {one.rpartition("}")[2] for one in binary_tags(core.documents.values())} == {"Content"}


def altered(folder: Path, way: str) -> Contract:
    for path in WINDOW.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    text = (folder / "contract.toml").read_text(encoding="utf-8")
    said = re.sub(r"(\[operations\.(?:AttachDocument|PushDocument)\]\n)", rf'\1attachments = "{way}"\n', text)
    (folder / "contract.toml").write_text(said, encoding="utf-8")
    return load_contract(folder, read_wsdl)


def test_the_contract_says_how_attachments_are_sent(tmp_path: Path) -> None:
    contract = altered(tmp_path, "mtom")
    assert contract.operations["AttachDocument"].attachments == "mtom"
    assert contract.bindings["soap"].encode_request("AttachDocument", DOCUMENT).startswith(b"--panjereh-")
    assert LOADED[WINDOW].bindings["soap"].encode_request("AttachDocument", DOCUMENT).startswith(b"<?xml")


def test_another_way_is_a_fault_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(FaultyTables, match=r"operations\.AttachDocument\.attachments"):
        altered(tmp_path, "carrier pigeon")


def test_a_rest_request_goes_out_in_the_parts_of_the_openapi(tmp_path: Path) -> None:
    codec = altered(tmp_path, "parts").bindings["rest"]
    frozen = codec.encode_request("AttachDocument", DOCUMENT)
    form = codec.form("AttachDocument", frozen)
    assert codec.thaw("AttachDocument", frozen) == DOCUMENT
    assert frozen == codec.encode_request("AttachDocument", DOCUMENT)
    media_type = media_type_of(form.media_type or "")
    parts = unpacked(media_type, form.body, most=100_000).parts
    assert (media_type.name, [part.head.name for part in parts]) == ("multipart/form-data", ["message", "content"])
    assert parts[1].content() == CONTENT


FORM_TYPE = "multipart/form-data; boundary=b"
FIELDS = {name: value for name, value in DOCUMENT.items() if name not in {"tracking_code", "content"}}


def form_parts(*parts: tuple[str, bytes]) -> Multipart:
    whole = b"".join(b"--b\r\n%b\r\n%b\r\n" % (head.encode(), content) for head, content in parts) + b"--b--"
    return unpacked(media_type_of(FORM_TYPE), whole, most=10_000_000)


def fields_in(*parts: tuple[str, bytes]) -> Any:
    codec = LOADED[WINDOW].bindings["rest"]
    assert isinstance(codec, RestCodec)
    packaging = codec.packagings("AttachDocument")["multipart/form-data"]
    fields = packed_json(media_type_of(FORM_TYPE), packaging, form_parts(*parts).parts)
    return codec.decode_fields(fields, operation="AttachDocument", parameters={"tracking_code": "4052718396"}).content


MESSAGE = ('Content-Disposition: form-data; name="message"\r\nContent-Type: application/json\r\n', write_json(FIELDS))
FILE = ('Content-Disposition: form-data; name="content"; filename="../../x.pdf"\r\n', CONTENT)


@pytest.mark.parametrize("parts", [(MESSAGE, FILE), (FILE, MESSAGE)])
def test_a_form_with_a_file_is_read_as_if_it_had_come_inline(parts: tuple[tuple[str, bytes], ...]) -> None:
    assert fields_in(*parts) == DOCUMENT


def test_a_form_may_have_all_in_its_message() -> None:
    assert fields_in((MESSAGE[0], write_json({**FIELDS, "content": DOCUMENT["content"]}))) == DOCUMENT


@pytest.mark.parametrize(
    "parts",
    [
        (FILE,),
        (MESSAGE, MESSAGE, FILE),
        (MESSAGE, FILE, FILE),
        (MESSAGE,),
        (MESSAGE, FILE, ('Content-Disposition: form-data; name="other"\r\n', b"x")),
        (MESSAGE, FILE, ("", b"x")),
        (MESSAGE, (FILE[0].replace('"content"', '"title"'), CONTENT)),
        ((MESSAGE[0].replace("application/json", "text/plain"), MESSAGE[1]), FILE),
        ((MESSAGE[0], b"[]"), FILE),
        ((MESSAGE[0], b'{"a":1,"a":2}'), FILE),
        ((MESSAGE[0], write_json({**FIELDS, "content": "AAAA"})), FILE),
    ],
    ids=[
        "no message",
        "two messages",
        "a file twice",
        "no file",
        "a part that is no field",
        "a part without a name",
        "a field that is no file",
        "a message that is no JSON",
        "a message that is no object",
        "a name twice",
        "content in both places",
    ],
)
def test_a_form_that_does_not_fit_is_refused(parts: tuple[tuple[str, bytes], ...]) -> None:
    with pytest.raises(RequestRefused):
        fields_in(*parts)


def test_a_file_has_its_place_by_the_path_that_is_its_name() -> None:
    packaging = Packaging("multipart/form-data", "record", ("owner.photo",))
    record = (
        'Content-Disposition: form-data; name="record"\r\nContent-Type: application/json\r\n',
        b'{"owner":{"a":1}}',
    )
    photo = ('Content-Disposition: form-data; name="owner.photo"\r\n', b"x")
    parts = form_parts(record, photo).parts
    assert packed_json(media_type_of(FORM_TYPE), packaging, parts) == {"owner": {"a": 1, "photo": "eA=="}}
    placeless = form_parts((record[0], b'{"owner":"text"}'), photo).parts
    with pytest.raises(Unreadable):
        packed_json(media_type_of(FORM_TYPE), packaging, placeless)


MIXED_TYPE = "multipart/mixed; boundary=b"


def mixed(message: bytes, *parts: tuple[str, bytes]) -> Any:
    body = package(message, *parts, head="Content-Type: application/json\r\n")
    media_type = media_type_of(MIXED_TYPE)
    return packed_json(media_type, Packaging("multipart/mixed"), unpacked(media_type, body, most=100_000).parts)


def test_a_mixed_body_refers_to_its_files_by_content_id() -> None:
    assert mixed(b'{"a":[{"b":"cid:one@x"}],"c":"cid"}', ONE) == {"a": [{"b": DOCUMENT["content"]}], "c": "cid"}


@pytest.mark.parametrize("message", [b'{"a":"cid:two@x"}', b"{}", b'{"a":"cid:one@x","b":"cid:one@x"}', b"[]"])
def test_a_mixed_body_whose_files_and_references_differ_is_refused(message: bytes) -> None:
    with pytest.raises(Unreadable):
        mixed(message, ONE)


def test_a_mixed_body_thaws_to_what_was_frozen() -> None:
    packaging = Packaging("multipart/mixed", files=("owner.photo", "absent"))
    fields = {"owner": {"photo": base64.b64encode(CONTENT).decode()}, "a": "x"}
    frozen = pack_fields(fields, packaging)
    media_type = MediaType("multipart/mixed", {"boundary": boundary_in(frozen)})
    assert packed_json(media_type, packaging, unpacked(media_type, frozen, most=100_000).parts) == fields
