"""Multipart bodies read piece by piece: the same however they are cut, and what can be read in two ways is refused."""

from __future__ import annotations

import base64
import io
import quopri
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.contract.mime import MediaType, media_type_of, read_head
from adapter.contract.multipart import Multipart, PartLimits
from adapter.refusals import RequestRefused, TooLarge, Unreadable
from tests.support.timing import cpu_seconds

B = "b0undary"
TYPE = MediaType("multipart/related", {"boundary": B})
LIMITS = PartLimits(parts=3, part_bytes=1000, headers=5, header_bytes=400)


def body(*parts: tuple[str, bytes], preamble: bytes = b"", end: bytes = b"\r\n") -> bytes:
    """Parts of header lines (each ended with CR and LF) and content."""
    inside = b"".join(
        b"--" + B.encode() + b"\r\n" + head.encode() + b"\r\n" + content + b"\r\n" for head, content in parts
    )
    return preamble + inside + b"--" + B.encode() + b"--" + end


def read(whole: bytes, size: int = 65_536, most: int = 5000, media_type: MediaType = TYPE) -> Multipart:
    package = Multipart(media_type, most=most, limits=LIMITS)
    for start in range(0, len(whole), size):
        package.feed(whole[start : start + size])
    package.close()
    return package


def contents(package: Multipart) -> list[tuple[str | None, bytes]]:
    return [(part.head.content_id, part.content()) for part in package.parts]


TRICKY = b"\r\n--b0undar \r--b0undary\n--b0undary \r\n-\r\n--\r\r\n"
TWO = body(
    ("Content-Type: text/xml\r\nContent-ID: <root>\r\n", b"<a/>"),
    ("Content-ID: <one@x>\r\n", TRICKY),
    ("", b""),
)


@pytest.mark.parametrize("size", range(1, len(TWO) + 1))
def test_a_body_is_the_same_however_it_is_cut(size: int) -> None:
    package = read(TWO, size)
    assert contents(package) == [("root", b"<a/>"), ("one@x", TRICKY), (None, b"")]
    assert all(part.is_whole and part.size == len(part.content()) for part in package.parts)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.binary(max_size=60).filter(lambda one: b"--b0undary" not in one), min_size=1, max_size=3),
    st.lists(st.integers(1, 50), min_size=1, max_size=40),
    st.sampled_from(["binary", "base64", "quoted-printable"]),
)
def test_any_content_comes_through_in_any_pieces(given: list[bytes], sizes: list[int], encoding: str) -> None:
    coded: Any = {"binary": bytes, "base64": base64.encodebytes, "quoted-printable": _quoted}[encoding]
    whole = body(*((f"Content-Transfer-Encoding: {encoding}\r\n", coded(one)) for one in given))
    package = Multipart(TYPE, most=5000, limits=LIMITS)
    place, turn = 0, 0
    while place < len(whole):
        package.feed(whole[place : place + sizes[turn % len(sizes)]])
        place += sizes[turn % len(sizes)]
        turn += 1
    package.close()
    assert [part.content() for part in package.parts] == given


def _quoted(content: bytes) -> bytes:
    return b"".join(b"=%02X" % byte for byte in content)


def test_what_pythons_own_writer_writes_is_read() -> None:
    message = EmailMessage()
    message["Content-Type"] = f'multipart/related; boundary="{B}"'
    message.preamble = "This is a multi-part message in MIME format."
    for name, content in (("root", b"<a/>"), ("one", bytes(range(256)))):
        part = EmailMessage()
        part.set_content(content, maintype="application", subtype="octet-stream", cid=f"<{name}>")
        message.attach(part)
    whole = message.as_bytes().partition(b"\n\n")[2].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert contents(read(whole)) == [("root", b"<a/>"), ("one", bytes(range(256)))]


def test_lines_folded_and_boundaries_with_blanks_are_read() -> None:
    whole = body(('Content-Type: application/xop+xml;\r\n charset=UTF-8;\r\n\ttype="text/xml"\r\n', b"x"))
    whole = whole.replace(b"--b0undary\r\n", b"--b0undary  \t\r\n", 1)
    (part,) = read(whole).parts
    assert part.head.media_type == MediaType("application/xop+xml", {"charset": "UTF-8", "type": "text/xml"})


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\\\windows\\\\x", "/abs", "..%2f..%2fx", "a\tb", "x" * 200, "نامه.pdf"]
)
def test_a_file_name_is_data_and_nothing_is_made_of_it(name: str) -> None:
    whole = body((f'Content-Disposition: form-data; name="content"; filename="{name}"\r\n', b"x"))
    (part,) = read(whole).parts
    assert (part.head.name, part.head.filename) == ("content", name.replace("\\\\", "\\"))
    assert isinstance(part.file, io.BytesIO)


ONE = ("Content-ID: <a>\r\n", b"x")


def headed(lines: str, content: bytes = b"x") -> bytes:
    return body((lines, content))


HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "ends before"),
    "no boundary": (b"<a/>" * 500, "does not begin"),
    "a long preamble": (body(ONE, preamble=b"x" * 1100 + b"\r\n"), "does not begin"),
    "another boundary": (body(ONE).replace(b"b0undary", b"other"), "ends before"),
    "a boundary in other letters": (body(ONE).replace(b"b0undary", b"B0UNDARY"), "ends before"),
    "no closing boundary": (body(ONE)[: -len("--b0undary--\r\n")], "ends before"),
    "half a closing boundary": (body(ONE)[:-3], "ends before"),
    "only a line's end after the last part": (body(ONE).replace(b"--b0undary--", b"--b0undary"), "ends before"),
    "a boundary that goes on": (body(ONE).replace(b"--b0undary\r", b"--b0undaryX\r"), "goes on after its end"),
    "a boundary with one hyphen after it": (body(ONE).replace(b"--b0undary\r", b"--b0undary-\r"), "goes on after"),
    "endless blanks after a boundary": (b"--b0undary" + b" " * 300, "goes on after its end"),
    "something after the closing boundary": (body(ONE, end=b"\r\nGET / HTTP/1.1"), "after its closing"),
    "a part after the closing boundary": (body(ONE) + body(ONE), "after its closing"),
    "a header without an end": (b"--b0undary\r\nA: " + b"x" * 500, "too large, or has no end"),
    "a header too large": (headed("A: " + "x" * 450 + "\r\n"), "too large, or has no end"),
    "too many headers": (headed("".join(f"A{one}: x\r\n" for one in range(6))), "more than 5 headers"),
    "a header without a colon": (headed("Content-ID\r\n"), "cannot be read"),
    "a header with a blank before its colon": (headed("Content-ID : <a>\r\n"), "cannot be read"),
    "a header without a name": (headed(": x\r\n"), "cannot be read"),
    "a header in lines of LF": (headed("A: x\nContent-ID: <a>\r\n"), "control character"),
    "a header in lines of CR": (headed("A: x\rContent-ID: <a>\r\n"), "control character"),
    "a header with NUL": (headed("A: x\x00\r\n"), "control character"),
    "a header with an escape": (headed("A: \x1b[31m\r\n"), "control character"),
    "a header that is not UTF-8": (headed("A: X\r\n").replace(b"A: X", b"A: \xff"), "not UTF-8"),
    "the same header twice": (headed("Content-ID: <a>\r\ncontent-id: <b>\r\n"), "twice"),
    "the same Content-ID twice": (body(ONE, ONE), "same Content-ID"),
    "a bare Content-ID": (headed("Content-ID: a\r\n"), "between < and >"),
    "an empty Content-ID": (headed("Content-ID: <>\r\n"), "between < and >"),
    "a nested multipart": (headed('Content-Type: multipart/mixed; boundary="x"\r\n'), "holds parts itself"),
    "a nested message": (headed("Content-Type: message/rfc822\r\n"), "holds parts itself"),
    "a nested multipart in capitals": (headed('Content-Type: MULTIPART/Mixed; boundary="x"\r\n'), "holds parts itself"),
    "an unknown encoding": (headed("Content-Transfer-Encoding: x-uuencode\r\n"), "unknown here"),
    "gzip as an encoding": (headed("Content-Transfer-Encoding: gzip\r\n"), "unknown here"),
    "two encodings": (headed("Content-Transfer-Encoding: base64, base64\r\n"), "unknown here"),
    "no Base64": (headed("Content-Transfer-Encoding: base64\r\n", b"a*b="), "not Base64"),
    "Base64 cut off": (headed("Content-Transfer-Encoding: base64\r\n", b"YWJ"), "not Base64"),
    "Base64 after its end": (headed("Content-Transfer-Encoding: base64\r\n", b"YQ==YQ=="), "not Base64"),
    "Base64 without its padding's bits": (headed("Content-Transfer-Encoding: base64\r\n", b"===="), "not Base64"),
    "no quoted-printable": (headed("Content-Transfer-Encoding: quoted-printable\r\n", b"a=ZZ"), "not quoted-printable"),
    "an endless quoted line": (
        headed("Content-Transfer-Encoding: quoted-printable\r\n", b"a" * 5000),
        "too long",
    ),
    "a media type that is none": (headed("Content-Type: ;;\r\n"), "media type cannot be read"),
    "a parameter twice": (headed("Content-Type: a/b; x=1; X=2\r\n"), "parameter twice"),
    "a quotation without an end": (headed('Content-Type: a/b; x="1\r\n'), "parameters of a media type"),
    "a disposition that is none": (headed('Content-Disposition: form-data; name="a"; name="b"\r\n'), "parameter twice"),
}


@pytest.mark.parametrize(("whole", "told"), HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("size", [1, 7, 65_536])
def test_what_cannot_be_read_in_one_way_is_refused_by_name(whole: bytes, told: str, size: int) -> None:
    with pytest.raises(Unreadable) as caught:
        read(whole, size)
    assert told in caught.value.detail


LARGE: dict[str, bytes] = {
    "a part": body(("", b"x" * 1001)),
    "a part, decoded": body(("Content-Transfer-Encoding: base64\r\n", base64.b64encode(b"x" * 1001))),
    "all parts": body(("", b"x" * 900), ("", b"x" * 900)),
    "many parts": body(*[("", b"x")] * 5),
}


@pytest.mark.parametrize("whole", LARGE.values(), ids=LARGE)
@pytest.mark.parametrize("size", [1, 100, 65_536])
def test_more_than_the_limits_allow_is_too_large(whole: bytes, size: int) -> None:
    with pytest.raises(TooLarge):
        read(whole, size, most=1500)


def test_as_many_and_as_large_as_the_limits_allow_are_taken() -> None:
    assert read(body(*[("", b"x" * 1000)] * 4), most=4000).size == 4000


def test_a_limit_holds_before_more_is_read() -> None:
    package = Multipart(TYPE, most=10_000, limits=LIMITS)
    package.feed(b"--b0undary\r\n\r\n")
    for _ in range(10):
        package.feed(b"x" * 100)
    with pytest.raises(TooLarge):
        package.feed(b"x")


def test_the_limit_of_all_parts_may_be_narrowed_while_they_come() -> None:
    package = Multipart(TYPE, most=10_000, limits=LIMITS)
    package.feed(b"--b0undary\r\n\r\n<a/>\r\n--b0undary\r\n")
    package.most = 50
    with pytest.raises(TooLarge):
        package.feed(b"\r\n" + b"x" * 100)


@pytest.mark.parametrize("boundary", ["", " ", "a ", "x" * 71, "a\r\nb", "a;b", 'a"b', "ü"])
def test_a_boundary_that_cannot_be_one_is_refused(boundary: str) -> None:
    with pytest.raises(Unreadable):
        Multipart(MediaType("multipart/related", {"boundary": boundary}), most=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text/xml", MediaType("text/xml")),
        (" Text/XML ;charset=UTF-8", MediaType("text/xml", {"charset": "UTF-8"})),
        ("text/xml;", MediaType("text/xml")),
        ('a/b; x="1\\"2;3" ;Y=z', MediaType("a/b", {"x": '1"2;3', "y": "z"})),
        ("multipart/related;boundary=uuid:1+id=1", MediaType("multipart/related", {"boundary": "uuid:1+id=1"})),
    ],
)
def test_a_media_type_is_read_whole(text: str, expected: MediaType) -> None:
    assert media_type_of(text) == expected


@pytest.mark.parametrize("text", ["", "a b", "a/b x=1", "a/b; x", "a/b; =1", "a/b; x=1 y=2", "a/b, c/d"])
def test_what_is_no_media_type_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        media_type_of(text)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 40))
def test_no_bytes_break_the_reader(inside: bytes, size: int) -> None:
    for whole in (inside, b"--b0undary\r\n" + inside, body(("", b"x")) + inside):
        try:
            read(whole, size)
        except RequestRefused:
            continue


def test_a_long_header_full_of_quotes_is_read_at_once() -> None:
    def read() -> None:
        with pytest.raises(Unreadable):
            read_head(b'Content-Type: a/b; x="' + b'\\"' * 8000, most=5)
        with pytest.raises(Unreadable):
            read_head(b"Content-Type: a/b" + b"; " * 8000 + b"x", most=5)

    assert cpu_seconds(read, enough=0.5) < 0.5


def test_quoted_printable_is_what_pythons_own_writer_means() -> None:
    text = "نامهٔ شهرداری = 100% \t\r\nline\r\n".encode()
    whole = headed("Content-Transfer-Encoding: quoted-printable\r\n", quopri.encodestring(text, quotetabs=True))
    assert read(whole).parts[0].content() == text
