"""The examples of a contract folder: which message each one is, and whether it is valid exactly where it should be.

`<Operation>.<sentence>` is a request, `<Operation>.answer.<sentence>` an answer; `.json` is the whole record, the
parameters of path and query included, `.soap.xml` a whole envelope.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from adapter.contract.codec import Codec, Fault
from adapter.contract.model import Contract
from adapter.refusals import RequestRefused, SchemaViolation, Unreadable
from adapter.strict_json import read_json
from adapter.tables import Fault as Finding
from adapter.tables import near

KINDS = ("valid", "invalid")
ANSWER = "answer"
_SOAP, _JSON = ".soap.xml", ".json"


@dataclass(frozen=True, slots=True)
class Example:
    """One file of `examples/`."""

    path: Path
    label: str
    operation: str
    is_answer: bool
    is_valid: bool

    @property
    def is_envelope(self) -> bool:
        """Whether it is a SOAP envelope rather than a record."""
        return self.path.name.endswith(_SOAP)


def examples_of(folder: Path, label: str) -> list[Example]:
    """Every example of a contract folder in the order of names; `label` is the folder's name in messages."""
    files = ((kind, path) for kind in KINDS for path in sorted((folder / "examples" / kind).glob("*")))
    return [_example(path, f"{label}/examples/{kind}/{path.name}", is_valid=kind == KINDS[0]) for kind, path in files]


def example_name(operation: str, sentence: str, *, is_answer: bool, is_envelope: bool) -> str:
    """How the file of an example is called."""
    steps = (operation, ANSWER, sentence) if is_answer else (operation, sentence)
    return ".".join(steps) + (_SOAP if is_envelope else _JSON)


def misjudged(contract: Contract, examples: Iterable[Example]) -> Iterator[Finding]:
    """Every example that is not what its folder says, each with the reason."""
    for example in examples:
        if example.operation not in contract.operations:
            what = f"'{example.operation}' is not an operation"
            yield Finding(example.label, 0, "", what, what_to_do=near(example.operation, contract.operations))
            continue
        refused = refusal(contract, example)
        if example.is_valid and refused is not None:
            yield Finding(example.label, 0, refused.place, refused.why, what_to_do="mend the example, or the schema")
        elif refused is None and not example.is_valid:
            what_to_do = "move it to examples/valid, or break what its name says"
            yield Finding(example.label, 0, "", "it stands among the invalid ones and is valid", what_to_do=what_to_do)


def missing(contract: Contract, examples: Iterable[Example], label: str) -> Iterator[Finding]:
    """What has no example: every message with fields needs a valid one, every operation an invalid one."""
    there = {(one.operation, one.is_answer, one.is_valid) for one in examples}
    for name in sorted(contract.operations):
        for is_answer in (False, True):
            has_fields = not is_answer or contract.answer_shapes.get(name)
            if has_fields and (name, is_answer, True) not in there:
                wanted = example_name(name, "a_sentence", is_answer=is_answer, is_envelope="soap" in contract.bindings)
                what = f"no valid {'answer' if is_answer else 'request'} of {name} stands there"
                yield Finding(f"{label}/examples/valid", 0, "", what, what_to_do=f"add {wanted}")
        if not {(name, False, False), (name, True, False)} & there:
            what = f"no invalid message of {name} stands there"
            yield Finding(f"{label}/examples/invalid", 0, "", what, what_to_do=f"add {name}.what_is_wrong_with_it")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message is not valid."""

    place: str
    why: str


def refusal(contract: Contract, example: Example) -> Refusal | None:
    """Why the contract's codec does not take the example; None when it does."""
    bindings = ("soap",) if example.is_envelope else ("rest", "sql", "file", "soap")
    codec = next((contract.bindings[one] for one in bindings if one in contract.bindings), None)
    if codec is None:
        return Refusal("", f"the contract has no {bindings[0]} binding")
    try:
        _TAKING[example.is_envelope, example.is_answer](codec, example.operation, example.path.read_bytes())
    except SchemaViolation as error:
        first = error.violations[0]
        return Refusal(first.path, f"expected {first.expected}, found {first.found}")
    except RequestRefused as error:
        return Refusal("", error.detail)
    return None


def _take_request(codec: Codec, operation: str, body: bytes) -> None:
    codec.decode_request(body, operation=operation)


def _take_answer(codec: Codec, operation: str, body: bytes) -> None:
    if isinstance(codec.decode_answer(operation, body), Fault):
        raise Unreadable("it is a fault, not an answer")


def _take_request_record(codec: Codec, operation: str, body: bytes) -> None:
    codec.encode_request(operation, _record(body))


def _take_answer_record(codec: Codec, operation: str, body: bytes) -> None:
    codec.encode_answer(operation, _record(body))


_TAKING: Mapping[tuple[bool, bool], Callable[[Codec, str, bytes], None]] = {
    (True, False): _take_request,
    (True, True): _take_answer,
    (False, False): _take_request_record,
    (False, True): _take_answer_record,
}
"""By whether it is an envelope and whether it is an answer. A record is checked as it would be sent."""


def _record(body: bytes) -> dict[str, object]:
    record = read_json(body)
    if not isinstance(record, dict):
        raise Unreadable("the record is not an object")
    return record


def _example(path: Path, label: str, *, is_valid: bool) -> Example:
    operation, *sentence = path.name.removesuffix(_SOAP).removesuffix(_JSON).split(".")
    return Example(path, label, operation, sentence[:1] == [ANSWER], is_valid)
