from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import Unfit, Untranslatable
from adapter.exchange import Direction
from adapter.mark import Mark
from adapter.translator import RULES, Context, Table, Tools, compile_table, read_codes
from adapter.translator.paths import NIL
from adapter.translator.rules import Gives

TOOLS = Tools(Direction.INWARD)
CONTEXT = Context(date(2026, 11, 21))

THE_RULES = {
    *("text", "code", "national_id", "legal_id", "foreign_id", "postal_code", "mobile", "landline", "iban"),
    *("card_number", "bill_id", "payment_id", "service_id", "renovation_code", "plate", "vin", "jalali_date"),
    *("datetime", "rial", "thousand_rial", "decimal", "integer", "yes_no", "split", "document"),
    *("constant", "nil", "join", "each", "copy"),
}


def apply(rule: str, value: Any, argument: str = "", tools: Tools = TOOLS) -> Any:
    return RULES[rule].make(argument, tools)(value, CONTEXT)


def test_the_set_of_rules_is_closed_and_every_rule_is_told_in_both_languages() -> None:
    assert set(RULES) == THE_RULES
    for name, rule in RULES.items():
        assert all((*rule.does, *rule.argument)), name
        assert re.search("[آ-ی]", rule.does.fa), name
        assert rule.does.en.isascii(), name


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    path = tmp_path / "usage.csv"
    path.write_text("gateway,internal,title\nresidential,11,مسکونی\n", encoding="utf-8")
    book, faults = read_codes(path, "codes/usage.csv")
    assert faults == []
    return Tools(Direction.INWARD, {"usage": book})


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_example_in_the_reference_is_what_the_rule_gives(name: str, tools: Tools) -> None:
    argument, given, gives = RULES[name].example
    found = apply(name, given, argument, tools)
    assert (None if found is NIL else found) == gives


SILENCES: dict[str, dict[str, Any]] = {"absent": {}, "empty": {"a": ""}, "nil": {"a": None}}


@pytest.mark.parametrize("silence", sorted(SILENCES))
@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_gives_what_its_row_says_for_a_source_that_is_absent_empty_or_nil(
    name: str, silence: str, tools: Tools, tmp_path: Path
) -> None:
    rule, record = RULES[name], SILENCES[silence]
    source = "a" if rule.most_sources else ""
    target = "T[]" if name == "each" else "T"
    table = one_row(tmp_path, tools, target, source, name, rule.example.argument)
    expected: dict[Gives, dict[str, Any]] = {
        Gives.LEFT_OUT: {},
        Gives.EMPTY: {"T": ""},
        Gives.NIL: {"T": None},
        Gives.ARGUMENT: {"T": rule.example.argument},
    }
    gives: Gives = getattr(rule, silence)
    if gives is Gives.REFUSED:
        with pytest.raises(Untranslatable):
            table.translate(record, CONTEXT)
    else:
        assert table.translate(record, CONTEXT) == expected[gives]


@pytest.mark.parametrize("silence", sorted(SILENCES))
@pytest.mark.parametrize("name", sorted(set(RULES) - {"constant", "nil"}))
def test_a_required_row_is_never_content_with_silence(name: str, silence: str, tools: Tools, tmp_path: Path) -> None:
    target = "T[]" if name == "each" else "T"
    table = one_row(tmp_path, tools, target, "a", name, RULES[name].example.argument, required="yes")
    with pytest.raises(Untranslatable, match="gives nothing"):
        table.translate(SILENCES[silence], CONTEXT)


def one_row(
    folder: Path, tools: Tools, target: str, source: str, rule: str, argument: str, required: str = ""
) -> Table:
    path = folder / "one.csv"
    row = f'{target},{source},{rule},"{argument}",,{required},'
    path.write_text(f"target,source,rule,argument,when,required,note\n{row}\n", encoding="utf-8")
    table, faults = compile_table(path, "one.csv", tools)
    assert [*faults, *tools.faults] == []
    return table


@pytest.mark.parametrize(
    ("rule", "argument", "value", "expected"),
    [
        ("text", "", " علي ", "علی"),
        ("text", "", 12, "12"),
        ("text", "3", "سه‌", "سه"),
        ("national_id", "", 12345679, "0012345679"),
        ("legal_id", "", "10380284790", "10380284790"),
        ("postal_code", "", "12345-67890", "1234567890"),
        ("mobile", "", "+989123456789", "09123456789"),
        ("bill_id", "", "7748317800142", "7748317800142"),
        ("payment_id", "", "0000000103329", "103329"),
        ("payment_id", "", ["1770160", "7748317800142"], "1770160"),
        ("payment_id", "", ["1770160", None], "1770160"),
        ("renovation_code", "", "1-2-3", "1-2-3-0-0-0-0"),
        ("renovation_code", "block", "1-2-3", 3),
        ("plate", "", "۱۲ب۳۴۵۶۷", "12ب345-67"),
        ("plate", "vehicle", "۱۲ ب ۳۴۵ ایران ۶۷", "12ب345-67"),
        ("plate", "vehicle", "۱۲۳ ۴۵۶۷۸", "123-45678"),
        ("plate", "registry", "0012/3/4", "12/3/4"),
        ("plate", "section", "12/3/4", "4"),
        ("jalali_date", "", 14031230, "1403/12/30"),
        ("jalali_date", "YYYYMMDD", "2025-03-20", 14031230),
        ("jalali_date", "iso", "1403/12/30", "2025-03-20"),
        ("datetime", "", "2025-03-21T05:00:00Z", "2025-03-21T05:00:00+00:00"),
        ("datetime", "tehran", "2025-03-21T05:00:00Z", "2025-03-21T08:30:00+03:30"),
        ("datetime", "utc", "1404/01/01 08:30", "2025-03-21T05:00:00+00:00"),
        ("rial", "", "۱٬۲۵۰٬۰۰۰", 1_250_000),
        ("rial", "thousand_rial", "1.5", 1_500),
        ("rial", "toman", 125, 1_250),
        ("rial", "", "-300", -300),
        ("decimal", "", "۱۲٫۵۰", "12.50"),
        ("decimal", "", 200, "200"),
        ("decimal", "2", "007.5", "7.50"),
        ("integer", "", "۰۱۲", 12),
        ("integer", "", -1, -1),
        ("yes_no", "", "بله", True),
        ("yes_no", "", False, False),
        ("yes_no", "1/0", "خیر", "0"),
        ("constant", "12", None, "12"),
        ("join", "", ["علی", None, "رضایی"], "علی رضایی"),
        ("join", "persian_comma", ["الف", "ب"], "الف، ب"),
        ("join", " / ", [1, 2], "1 / 2"),
        ("join", "nothing", "a", "a"),
        ("split", "slash 2", "1403/12", "12"),
        ("split", "- 1", "a-b", "a"),
        ("split", "slash 3", "1403/12", None),
        ("copy", "", {"a": [1]}, {"a": [1]}),
        ("landline", "", "+983432111111", "03432111111"),
        ("landline", "", 3432111111, "03432111111"),
        ("thousand_rial", "", "۹۹٬۹۹۹٬۹۹۹٬۰۰۰", 99_999_999),
        ("thousand_rial", "toman", 100, 1),
        ("thousand_rial", "thousand_rial", 7, 7),
        ("thousand_rial", "", -2000, -2),
        ("jalali_date", "", ["1403/12/30", "2025-03-20"], "1403/12/30"),
        ("jalali_date", "iso", [None, 14031230], "2025-03-20"),
        ("datetime", "utc", ["14040101", "08:30"], "2025-03-21T05:00:00+00:00"),
        ("datetime", "utc", ["1404/01/01", None], "2025-03-20T20:30:00+00:00"),
        ("datetime", "local", "2025-03-21T05:00:00Z", "2025-03-21T08:30:00"),
        ("datetime", "jalali", "2025-03-21T05:00:00Z", "1404/01/01 08:30:00"),
        ("each", "mobile", "09123456789; ۹۱۲۰۰۰۰۰۰۰", ["09123456789", "09120000000"]),
        ("each", "text 5", ["الف", "", " ب "], ["الف", "ب"]),
        ("each", "integer", [1, "2"], [1, 2]),
    ],
)
def test_a_rule_turns_the_source_into_what_the_target_takes(
    rule: str, argument: str, value: Any, expected: Any
) -> None:
    found = apply(rule, value, argument)
    assert found == expected
    assert type(found) is type(expected)


def test_a_document_loses_its_line_breaks_and_tells_its_hash() -> None:
    content = bytes(range(256))
    wrapped = base64.encodebytes(content).decode()
    assert base64.b64decode(apply("document", wrapped)) == content
    assert "\n" not in apply("document", wrapped)
    assert apply("document", wrapped, "sha256") == hashlib.sha256(content).hexdigest()


def test_a_documents_mark_stays_as_it_is_and_tells_the_hash_of_what_it_stands_for() -> None:
    mark = Mark(hashlib.sha256(b"a large plan").digest(), 200 * 1024 * 1024)

    assert apply("document", f"{mark.text[:40]}\r\n{mark.text[40:]}") == mark.text
    assert apply("document", mark.text, "sha256") == mark.digest.hex()


@pytest.mark.parametrize(
    ("rule", "argument", "value"),
    [
        ("text", "2", "abc"),
        ("text", "", True),
        ("text", "", {"a": 1}),
        ("national_id", "", "0012345678"),
        ("payment_id", "", ["1770160", "2050327604613"]),
        ("renovation_code", "", "1-2-x"),
        ("jalali_date", "", "1404/12/30"),
        ("datetime", "", "yesterday"),
        ("rial", "", "12.5"),
        ("rial", "thousand_rial", "0.0001"),
        ("rial", "", 12.5),
        ("decimal", "1", "12.55"),
        ("decimal", "", "12,5"),
        ("decimal", "", "1" * 30),
        ("integer", "", "1.0"),
        ("integer", "", "9" * 5000),
        ("integer", "", True),
        ("yes_no", "", "شاید"),
        ("join", "", [{"a": 1}]),
        ("document", "", "not base64!"),
        ("document", "", "abc"),
        ("document", "", " \n"),
        ("foreign_id", "", "12345678901"),
        ("landline", "", "09123456789"),
        ("card_number", "", "6037990000000007"),
        ("card_number", "", "603799000000000"),
        ("vin", "", "NAAP03ED5HJ12345O"),
        ("vin", "", "NAAP03ED5HJ12345"),
        ("thousand_rial", "", 1_250_500),
        ("thousand_rial", "toman", 125),
        ("jalali_date", "", ["1403/12/30", "2025-03-21"]),
        ("each", "integer", ["1", "x"]),
        ("each", "national_id", "0012345679, 0012345678"),
    ],
)
def test_a_value_that_does_not_fit_is_unfit_and_not_repeated(rule: str, argument: str, value: Any) -> None:
    with pytest.raises(Unfit) as caught:
        apply(rule, value, argument)
    assert len(str(value)) < 5 or str(value) not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("rule", "argument"),
    [
        ("text", "long"),
        ("code", "absent"),
        ("national_id", "x"),
        ("renovation_code", "blok"),
        ("plate", "bus"),
        ("jalali_date", "DD/MM"),
        ("datetime", "paris"),
        ("rial", "dollar"),
        ("decimal", "-1"),
        ("decimal", "20"),
        ("integer", "2"),
        ("yes_no", "yes"),
        ("constant", ""),
        ("split", "slash"),
        ("split", "slash 0"),
        ("copy", "x"),
        ("document", "md5"),
        ("nil", "x"),
        ("each", ""),
        ("each", "join comma"),
        ("each", "integer 3"),
        ("thousand_rial", "dollar"),
    ],
)
def test_a_wrong_argument_is_found_when_the_table_is_loaded(rule: str, argument: str) -> None:
    with pytest.raises(Unfit):
        RULES[rule].make(argument, TOOLS)


ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
VALUE_RULES = sorted(set(RULES) - {"constant", "nil", "code", "split", "each", "copy"})


@given(st.sampled_from(VALUE_RULES), ANY_VALUE)
def test_whatever_comes_is_converted_to_json_or_unfit(rule: str, value: Any) -> None:
    if RULES[rule].most_sources == 2 and isinstance(value, list):
        value = [*value, None, None][:2]
    try:
        json.dumps(apply(rule, value))
    except Unfit as unfit:
        said = str(unfit)
        assert not (isinstance(value, str) and len(value) > 12 and value in said)
