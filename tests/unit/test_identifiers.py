from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter import identifiers
from adapter.errors import Unfit


@pytest.mark.parametrize("vector", ["0012345679", "0123456789", "0499370899"])
def test_the_published_national_ids_are_right(vector: str) -> None:
    assert identifiers.national_id(vector) == vector


def test_a_national_id_that_lost_its_zeros_gets_them_back() -> None:
    assert identifiers.national_id(12345679) == "0012345679"
    assert identifiers.national_id("۱۲۳۴۵۶۷۸۹") == "0123456789"


@pytest.mark.parametrize(
    "wrong", ["0012345678", "1111111111", "0000000000", "1234567", "00123456790", "abcdefghij", ""]
)
def test_a_wrong_national_id_is_refused(wrong: str) -> None:
    with pytest.raises(Unfit):
        identifiers.national_id(wrong)


@given(st.from_regex(r"[0-9]{10}", fullmatch=True), st.integers(0, 9), st.integers(1, 9))
def test_no_single_wrong_digit_of_a_national_id_passes(digits: str, place: int, step: int) -> None:
    """Modulo 11 finds every single wrong digit, but where a remainder of 10 and 0 share no digit."""
    try:
        right = identifiers.national_id(digits)
    except Unfit:
        return
    wrong = right[:place] + str((int(right[place]) + step) % 10) + right[place + 1 :]
    total = sum(int(digit) * (10 - index) for index, digit in enumerate(wrong[:9])) % 11
    expected = total if total < 2 else 11 - total
    if int(wrong[9]) == expected:
        assert place < 9
    else:
        with pytest.raises(Unfit):
            identifiers.national_id(wrong)


@pytest.mark.parametrize("vector", ["10380284790", "10100387143"])
def test_the_published_legal_ids_are_right_and_their_neighbours_wrong(vector: str) -> None:
    assert identifiers.legal_id(vector) == vector
    with pytest.raises(Unfit, match="check digit"):
        identifiers.legal_id(vector[:-1] + str((int(vector[-1]) + 1) % 10))


@pytest.mark.parametrize(
    "written", ["09123456789", "+989123456789", "00989123456789", "989123456789", "9123456789", "۰۹۱۲ ۳۴۵-۶۷۸۹"]
)
def test_every_spelling_of_a_mobile_number_is_one(written: str) -> None:
    assert identifiers.mobile(written) == "09123456789"


@pytest.mark.parametrize("wrong", ["08123456789", "0912345678", "091234567890", "+979123456789", "mobile"])
def test_what_is_no_mobile_number_is_refused(wrong: str) -> None:
    with pytest.raises(Unfit, match="mobile"):
        identifiers.mobile(wrong)


def test_an_iban_is_one_modulo_97() -> None:
    body = "0" * 22 + "1827"
    account = "0170000000100324200001"
    check = 98 - int(account + "182700") % 97
    right = f"IR{check:02}{account}"
    assert identifiers.iban(right.lower()) == right
    assert identifiers.iban(f"{right[:4]} {right[4:14]} {right[14:]}") == right
    assert identifiers.iban(right[2:]) == right
    for wrong in (f"IR{check + 1:02}{account}", right[:-1], f"DE{right[2:]}", body):
        with pytest.raises(Unfit):
            identifiers.iban(wrong)


@pytest.mark.parametrize(
    ("bill", "payment", "amount_rial"),
    [
        ("7748317800142", "1770160", 17_000),
        ("2050327604613", "1070189", 10_000),
        ("9699871879768", "0000000103329", 1_000),
        ("1234567810164", "125040712", 1_250_000),
    ],
)
def test_the_published_bills_are_right(bill: str, payment: str, amount_rial: int) -> None:
    assert identifiers.bill_id(bill) == bill
    assert identifiers.payment_id(payment, bill) == payment.lstrip("0")
    assert identifiers.amount_rial_of(payment) == amount_rial


def test_a_payment_id_of_another_bill_is_refused() -> None:
    assert identifiers.bill_id("9174639504124") == "9174639504124"
    with pytest.raises(Unfit):
        identifiers.payment_id("12908197", "9174639504124")
    with pytest.raises(Unfit, match="bill"):
        identifiers.payment_id("1770160", "2050327604613")


def test_a_renovation_code_has_seven_numbers_and_missing_ones_are_zero() -> None:
    code = identifiers.renovation_code("۱-۲-03-4")
    assert (code.district, code.block, code.shop) == (1, 3, 0)
    assert str(code) == "1-2-3-4-0-0-0"
    assert identifiers.renovation_code("1/2/3/4/5/6/7") == (1, 2, 3, 4, 5, 6, 7)
    for wrong in ("1-2-3-4-5-6-7-8", "1--2", "a-1", ""):
        with pytest.raises(Unfit):
            identifiers.renovation_code(wrong)


def test_a_registry_plate_has_three_parts() -> None:
    assert identifiers.registry_plate("۰۱۲۳/45/6") == ("123", "45", "6")
    assert str(identifiers.registry_plate("7-0-2")) == "7/0/2"
    with pytest.raises(Unfit, match="three"):
        identifiers.registry_plate("12/3")


def test_plates_of_cars_and_motorcycles_have_one_spelling() -> None:
    assert identifiers.car_plate("۱۲ ب ۳۴۵ ایران ۶۷") == "12ب345-67"
    assert identifiers.car_plate("12الف345-67") == "12الف345-67"
    assert identifiers.motorcycle_plate("۱۲۳-45678") == "123-45678"
    for wrong in ("12b34567", "12ب34567 8", "ب12345"):
        with pytest.raises(Unfit):
            identifiers.car_plate(wrong)


@pytest.mark.parametrize(
    ("check", "right"),
    [
        (identifiers.postal_code, "1234567890"),
        (identifiers.service_id, "13042652104"),
        (identifiers.foreigner_code, "123456789012"),
    ],
)
def test_ids_without_a_public_rule_are_held_to_their_length(check: Callable[[str], str], right: str) -> None:
    assert check(right) == right
    assert check(f"{right[:5]}-{right[5:]}") == right
    with pytest.raises(Unfit, match="digits"):
        check(right[:-1])


@given(st.text(max_size=30), st.sampled_from(["national_id", "legal_id", "mobile", "iban", "bill_id", "payment_id"]))
def test_whatever_is_written_either_fits_or_is_unfit_and_is_never_repeated_in_the_text(text: str, name: str) -> None:
    said = ""
    try:
        getattr(identifiers, name)(text)
    except Unfit as unfit:
        said = str(unfit)
    assert len(text) < 4 or text not in said


def test_lengths_of_bills_and_motorcycle_plates_are_held() -> None:
    for check, wrong in [
        (identifiers.bill_id, "12345"),
        (identifiers.bill_id, "12345678901234"),
        (identifiers.payment_id, "12345"),
        (identifiers.motorcycle_plate, "123-4567"),
    ]:
        with pytest.raises(Unfit):
            check(wrong)


def test_a_decimal_is_no_identifier() -> None:
    with pytest.raises(Unfit):
        identifiers.national_id("012345678.9")
