from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.text import ZWNJ, canonical_digits, canonical_text, composed, is_digits
from tests.support.timing import cpu_seconds

PERSIAN_AND_WORSE = st.text(
    alphabet=st.one_of(
        st.sampled_from("آابكکيىئأةهۀھە ـ\u200c\u200e\u200f\ufeff\t\n\u0654\u0653\u064b۱٢3-ﷲﻻﺁﷺ"),
        st.characters(codec="utf-8"),
    )
)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("علي", "علی"),
        ("كريم", "کریم"),
        ("موسى", "موسی"),
        ("فاطمة", "فاطمه"),
        ("ادارۀ", "ادارهٔ"),
        ("شـــهر", "شهر"),
        ("  دو   واژه\t\n", "دو واژه"),
        (f"می{ZWNJ}{ZWNJ}رود", f"می{ZWNJ}رود"),
        (f"{ZWNJ}خانه {ZWNJ} ها{ZWNJ}", "خانه ها"),
        ("\u202bخیابان\u202c\u200f", "خیابان"),
        ("ا\u0653ب", "آب"),
        ("\ufecb\ufee0\ufef2", "علی"),
        ("\ufefb", "لا"),
        ("\x00پلاک\x07", "پلاک"),
        ("", ""),
    ],
)
def test_the_ways_people_type_a_word_have_one_canonical_form(written: str, canonical: str) -> None:
    assert canonical_text(written) == canonical


def test_digits_become_ascii_only_where_asked() -> None:
    assert canonical_text("پلاک ۱۲٣") == "پلاک ۱۲٣"
    assert canonical_text("پلاک ۱۲٣", digits=True) == "پلاک 123"
    assert canonical_digits("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩") == "01234567890123456789"


@given(PERSIAN_AND_WORSE)
def test_a_composed_text_is_nfc_with_ascii_digits_whatever_it_held(text: str) -> None:
    assert composed(text) == canonical_digits(unicodedata.normalize("NFC", text))


def test_only_ascii_digits_count_as_digits() -> None:
    assert is_digits("0123")
    assert not any(map(is_digits, ("", "²", "۱۲", "-1", "1.0")))


@given(PERSIAN_AND_WORSE)
def test_a_canonical_text_is_its_own_canonical_form(text: str) -> None:
    once = canonical_text(text)
    assert canonical_text(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert "  " not in once
    assert not set(once) & set("يكىةۀـ\u200f\ufeff\x00")


def test_a_long_hostile_text_takes_no_time() -> None:
    def read() -> None:
        canonical_text("ا" * 100_000 + "ي")
        canonical_text(("ا " * 50_000) + " ")

    assert cpu_seconds(read, enough=0.5) < 0.5
