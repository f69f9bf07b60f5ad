"""XML too large to be kept as files: each described by how it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.hostile.door import Answer

_NS = 'xmlns="urn:panjereh:window:1.0"'
_CHANNEL = "<channel><code>counter</code></channel>"


def envelope(body: str, declaration: str = "") -> bytes:
    """The body in a SOAP 1.1 envelope."""
    soap = "http://schemas.xmlsoap.org/soap/envelope/"
    whole = f'<soap:Envelope xmlns:soap="{soap}"><soap:Body>{body}</soap:Body></soap:Envelope>'
    return f"{declaration}{whole}".encode()


def withdrawal(extra: str = "", attributes: str = "", reason: str = "gone") -> str:
    """A request that would be taken but for what is put into it."""
    code = "<tracking_code>4052718396</tracking_code>"
    return f"<WithdrawRequest {_NS}{attributes}>{code}{_CHANNEL}<reason>{reason}</reason>{extra}</WithdrawRequest>"


def attachment(content: str, extra: str = "") -> str:
    """A document with this content."""
    return (
        f"<AttachDocument {_NS}><tracking_code>4052718396</tracking_code>{_CHANNEL}<document_no>D-1</document_no>"
        f"<kind>deed</kind><title>deed</title><media_type>application/pdf</media_type><content>{content}</content>"
        f"<sha256>{'0' * 64}</sha256>{extra}</AttachDocument>"
    )


def _deep(depth: int, name: str = "a") -> str:
    return f"<{name}>" * depth + f"</{name}>" * depth


def _laughs(levels: int, width: int) -> str:
    entities = "".join(f'<!ENTITY a{one} "{f"&a{one - 1};" * width}">' for one in range(1, levels))
    return f'<!DOCTYPE a [<!ENTITY a0 "ha">{entities}]>'


def _xmlns(count: int) -> str:
    return "".join(f' xmlns:p{one}="urn:p{one}"' for one in range(count))


@dataclass(frozen=True)
class Large:
    """A case, what it must get, and how it is made."""

    case: str
    code: str
    told: str
    make: Callable[[], bytes]

    @property
    def answer(self) -> Answer:
        return Answer(self.case, 500, self.code, self.told, faultcode="Client")


LARGE = (
    Large("nested ten thousand deep", "unreadable", "", lambda: envelope(withdrawal(_deep(10_000)))),
    Large(
        "nested a hundred thousand deep",
        "unreadable",
        "more than 50000 elements",
        lambda: envelope(withdrawal(_deep(100_000))),
    ),
    Large(
        "a hundred thousand open tags",
        "unreadable",
        "more than 50000 elements",
        lambda: envelope(withdrawal("<a>" * 100_000)),
    ),
    Large(
        "nested in other namespaces",
        "unreadable",
        "",
        lambda: envelope(withdrawal('<a xmlns="urn:x">' * 5_000 + "</a>" * 5_000)),
    ),
    Large(
        "fifty thousand and one elements",
        "unreadable",
        "more than 50000 elements",
        lambda: envelope(attachment("U0FN", "<a/>" * 50_001)),
    ),
    Large(
        "two hundred thousand elements",
        "unreadable",
        "more than 50000 elements",
        lambda: envelope(attachment("U0FN", "<a/>" * 200_000)),
    ),
    Large(
        "a million elements",
        "unreadable",
        "more than 50000 elements",
        lambda: envelope(attachment("U0FN", "<a/>" * 1_000_000)),
    ),
    Large(
        "forty thousand elements that are new",
        "unknown-case",
        "",
        lambda: envelope(attachment("U0FN", "<new/>" * 40_000)),
    ),
    Large(
        "forty thousand elements of many names",
        "schema-violation",
        "n0 (line",
        lambda: envelope(attachment("U0FN", "".join(f"<n{one}/>" for one in range(40_000)))),
    ),
    Large(
        "forty thousand fields in the wrong place",
        "schema-violation",
        "kind[1] (line",
        lambda: envelope(attachment("U0FN", "<kind>x</kind>" * 40_000)),
    ),
    Large(
        "forty thousand fields near one that stands there",
        "unknown-case",
        "",
        lambda: envelope(attachment("U0FN", "<titel>x</titel>" * 40_000)),
    ),
    Large(
        "two thousand attributes",
        "unreadable",
        "more than 64 attributes",
        lambda: envelope(withdrawal(attributes="".join(f' a{one}=""' for one in range(2_000)))),
    ),
    Large(
        "sixty thousand attributes of a thousand elements",
        "unreadable",
        "more than 50000 attributes",
        lambda: envelope(attachment("U0FN", ("<a " + " ".join(f'b{one}=""' for one in range(60)) + "/>") * 1_000)),
    ),
    Large(
        "a million attributes",
        "unreadable",
        "more than 50000 attributes",
        lambda: envelope(attachment("U0FN", ("<a " + " ".join(f'b{one}=""' for one in range(64)) + "/>") * 15_000)),
    ),
    Large(
        "three thousand namespaces", "unknown-case", "", lambda: envelope(attachment("U0FN", f"<a{_xmlns(3_000)}/>"))
    ),
    Large(
        "sixty thousand namespaces of six hundred elements",
        "unknown-case",
        "",
        lambda: envelope(attachment("U0FN", f"<a{_xmlns(100)}/>" * 600)),
    ),
    Large("a name of sixty thousand letters", "unreadable", "", lambda: envelope(withdrawal(f"<{'a' * 60_000}/>"))),
    Large(
        "a name of forty thousand letters",
        "schema-violation",
        "(a name that is not one) (line",
        lambda: envelope(withdrawal(f"<{'a' * 20_000}/>")),
    ),
    Large(
        "an attribute of a million letters",
        "unknown-case",
        "",
        lambda: envelope(attachment("U0FN", f'<a b="{"c" * 1_000_000}"/>')),
    ),
    Large(
        "an attribute of seven million letters",
        "unknown-case",
        "",
        lambda: envelope(attachment("U0FN", f'<a b="{"c" * 7_000_000}"/>')),
    ),
    Large(
        "a reason of fifty thousand letters",
        "schema-violation",
        "reason (line",
        lambda: envelope(withdrawal(reason="س" * 25_000)),
    ),
    Large(
        "content of seven million letters",
        "unknown-case",
        "",
        lambda: envelope(attachment("QUFB" * 1_900_000)),
    ),
    Large("content of a million references", "unknown-case", "", lambda: envelope(attachment("&#65;" * 1_000_000))),
    Large(
        "content of ten thousand cdata", "unknown-case", "", lambda: envelope(attachment("<![CDATA[QUFB]]>" * 10_000))
    ),
    Large("seven million spaces", "unknown-case", "", lambda: envelope(attachment("U0FN", " " * 7_000_000))),
    Large(
        "a hundred thousand comments",
        "unreadable",
        "Comments",
        lambda: envelope(attachment("U0FN", "<!---->" * 40_000)),
    ),
    Large(
        "forty thousand instructions", "unreadable", "Comments", lambda: envelope(attachment("U0FN", "<?a?>" * 40_000))
    ),
    Large(
        "a comment of seven million letters",
        "unreadable",
        "Comments",
        lambda: envelope(attachment("U0FN", f"<!--{'a' * 7_000_000}-->")),
    ),
    Large(
        "a doctype of seven million letters",
        "unreadable",
        "document type declaration",
        lambda: envelope("", f'<!DOCTYPE a [<!ENTITY x "{"a" * 7_000_000}">]>'),
    ),
    Large(
        "a billion laughs of twenty levels",
        "unreadable",
        "document type declaration",
        lambda: envelope(withdrawal(reason="&a19;"), _laughs(20, 10)),
    ),
    Large(
        "a quadratic blowup of five megabytes",
        "unreadable",
        "document type declaration",
        lambda: envelope(attachment("&x;" * 1_000_000), f'<!DOCTYPE a [<!ENTITY x "{"a" * 100_000}">]>'),
    ),
    Large("ten megabytes", "too-large", "", lambda: envelope(attachment("QUFB" * 2_500_000))),
    Large("ten megabytes of zeros", "too-large", "", lambda: b"\x00" * 10_000_000),
    Large("ten megabytes of less-than", "too-large", "", lambda: b"<" * 10_000_000),
    Large("eight megabytes without an end", "unreadable", "", lambda: b"<a>" + b"x" * 8_000_000),
    Large("a message larger than its operation allows", "too-large", "", lambda: envelope(withdrawal(" " * 70_000))),
)
