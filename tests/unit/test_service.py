"""A folder of tables becomes a service."""

from __future__ import annotations

import gc
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from adapter.errors import FaultyTables
from adapter.exchange import KeySource, Operation
from adapter.service import business_key_of, declared_id, load_service, load_services, search_values
from adapter.service.loading import _collector_at_rest
from adapter.translator import Context
from tests.support.service_folder import CONTRACTS, FILES, HEADER, REFUSAL, SERVICE, SUBMIT, Write, faults_of, sound

pytest_plugins = ["tests.support.service_fixtures"]


def test_a_folder_becomes_a_service(write: Write) -> None:
    service = sound(write())
    assert (service.name, service.service_id, service.pattern, service.tier) == (
        "sample",
        "13042652104",
        "case",
        "general",
    )
    assert service.inward[Operation.SUBMIT_REQUEST].operation == "Register"
    assert service.outward == {"status": Operation.PUSH_STATUS, "refusal": Operation.PUSH_STATUS}
    assert service.promise.working_days == 3
    assert service.answer_within is None
    assert service.card["fee"] == "رایگان"
    context = Context(date(2026, 1, 1), exchange={"reference": "r"})
    assert service.tables["submit"].translate({"request_kind": "repair"}, context) == {"Kind": "2", "Reference": "r"}


def test_an_inquiry_says_how_long_its_answer_is_awaited(write: Write) -> None:
    inquiry = SERVICE.replace('pattern = "case"', 'pattern = "inquiry"')
    assert any(
        fault.startswith("service.toml:1: answer_within_seconds: the key is missing")
        for fault in faults_of(write({"service.toml": inquiry}))
    )


def test_a_service_that_takes_objections_says_how_long(write: Write) -> None:
    objected = SERVICE.replace(
        "[outward]", '[inward.FileObjection]\noperation = "Register"\ntable = "objection"\n\n[outward]'
    )
    assert any(
        "objection_within_days: the key is missing" in fault for fault in faults_of(write({"service.toml": objected}))
    )


def test_a_payment_taken_back_is_confirmed_first_and_known_by_a_business_key(write: Write) -> None:
    reversing = SERVICE.replace(
        "[outward]", '[inward.ReversePayment]\noperation = "Register"\ntable = "reversal"\n\n[outward]'
    )
    found = [fault for fault in faults_of(write({"service.toml": reversing})) if "takes back a payment" in fault]
    named = ("business_key.ConfirmPayment", "business_key.ReversePayment", "inward.ConfirmPayment")
    assert all(any(name in fault for fault in found) for name in named)


def test_the_business_key_is_canonical_and_its_parts_do_not_run_together(write: Write) -> None:
    service = sound(write())

    def key(national_id: str, kind: str, *owners: str) -> str | None:
        owners_given = [{"national_id": owner} for owner in owners]
        record = {"applicant": {"national_id": national_id}, "request_kind": kind, "owners": owners_given}
        return business_key_of(service, Operation.SUBMIT_REQUEST, record)

    assert key("۰۰۱۲۳۴۵۶۷۹", " علي ") == key("0012345679", "علی")
    assert key("1", "23") != key("12", "3")
    assert key("1\x1f2", "3") != key("1", "2\x1f3")
    assert key("1", "n", "5", "6") == key("1", "n", "6", "5") != key("1", "n", "56")
    assert business_key_of(service, Operation.SUBMIT_REQUEST, {}) is None
    assert business_key_of(service, Operation.CONFIRM_PAYMENT, {"bill_id": "1"}) is None


def test_search_values_are_canonical_and_absent_ones_are_left_out(write: Write) -> None:
    service = sound(write())
    assert search_values(service, {"applicant": {"national_id": "۰۰۱۲۳۴۵۶۷۹"}}) == {"national_id": "0012345679"}
    assert search_values(service, {"applicant": {}}) == {}


def test_any_change_of_a_file_is_another_version(write: Write) -> None:
    before = sound(write()).sha256
    assert sound(write()).sha256 == before
    assert sound(write({"codes/kind.csv": "gateway,internal\nnew,1\nrepair,3\n"})).sha256 != before


MINTING = {
    **CONTRACTS,
    "window/1.0": replace(
        CONTRACTS["window/1.0"],
        operations={
            name: replace(one, idempotency_key=KeySource.MINTED)
            for name, one in CONTRACTS["window/1.0"].operations.items()
        },
    ),
}
KEYLESS = SERVICE[: SERVICE.index("[business_key]")] + SERVICE[SERVICE.index("[search]") :]


def test_a_minted_key_needs_a_business_key_for_what_opens_a_case(write: Write) -> None:
    assert load_service(write(), contracts=MINTING)
    assert sound(write({"service.toml": KEYLESS})).business_key == {}

    with pytest.raises(FaultyTables) as caught:
        load_service(write({"service.toml": KEYLESS}), contracts=MINTING)

    (fault,) = caught.value.faults
    assert fault == (
        "mappings/sample/service.toml:16: inward.SubmitRequest: there is no business key, calls of window/1.0 carry no"
        " idempotency key, it is minted from the business key, name it at business_key.SubmitRequest"
    )


def test_what_belongs_to_a_case_needs_no_business_key_for_its_minted_key(write: Write) -> None:
    paying = SERVICE.replace("[outward]", '[inward.ConfirmPayment]\noperation = "Register"\ntable = "pay"\n\n[outward]')
    changes = {
        "service.toml": f'{paying}setback = "PushStatus"\n',
        "core/pay.csv": f"{HEADER}Kind,,constant,1,,,\nReference,exchange.reference,text,,,yes,\n",
        "core/setback.csv": REFUSAL,
        "cases/pay.in.json": '{"table": "pay", "record": {}, "exchange": {"reference": "r"}}',
        "cases/pay.out.json": '{"Kind": "1", "Reference": "r"}',
        "cases/setback.in.json": '{"table": "setback", "record": {}, "exchange": {"reference": "r"}}',
        "cases/setback.out.json": '{"untranslatable": "outcome.code gives nothing"}',
    }

    service = load_service(write(changes), contracts=MINTING)

    assert Operation.CONFIRM_PAYMENT in service.inward
    assert Operation.CONFIRM_PAYMENT not in service.business_key


def test_a_faulty_service_stops_only_itself(write: Write) -> None:
    write(name="good")
    write(
        {
            "service.toml": SERVICE.replace("13042652104", "13042652105"),
            "core/submit.csv": SUBMIT.replace("code", "cod"),
        },
        name="bad",
    )
    folder = write({"service.toml": None}, name="unnamed").parent
    (folder / "calendars").mkdir()
    services, faults = load_services(folder, CONTRACTS)
    assert list(services) == ["good"]
    assert sorted(faults) == ["bad", "unnamed"]
    assert str(faults["bad"][0]).startswith("mappings/bad/core/submit.csv:2: rule: 'cod' is not a rule")


def test_two_folders_with_one_service_id_stop_each_other(write: Write) -> None:
    folder = write(name="first").parent
    write(name="second")
    write({"service.toml": SERVICE.replace("13042652104", "13042652105")}, name="third")
    services, faults = load_services(folder, CONTRACTS)
    assert list(services) == ["third"]
    assert "is also the id of second" in str(faults["first"][0])
    assert "is also the id of first" in str(faults["second"][0])


def test_a_stopped_service_still_tells_its_id(write: Write) -> None:
    assert declared_id(write({"core/submit.csv": "broken"})) == "13042652104"
    assert declared_id(write({"service.toml": "not toml"}, name="other")) == "other"


def test_a_missing_folder_of_services_is_told(tmp_path: Path) -> None:
    with pytest.raises(FaultyTables, match="no such folder"):
        load_services(tmp_path / "absent", CONTRACTS)


def test_without_shapes_only_the_tables_themselves_are_checked(write: Write) -> None:
    folder = write({"core/submit.csv": SUBMIT.replace("NationalCode,app", "NationalCod,app")})
    blind = {title: replace(one, shapes={}, answer_shapes={}) for title, one in CONTRACTS.items()}
    assert load_service(folder, contracts=blind).name == "sample"


def test_the_collector_rests_while_services_are_read_and_does_not_walk_them_when_it_goes_on() -> None:
    begun: list[str] = []

    def note(phase: str, _: dict[str, int]) -> None:
        begun.append(phase)

    gc.collect()
    gc.callbacks.append(note)
    try:
        with _collector_at_rest():
            read = [[number] for number in range(20_000)]
        more = [[number] for number in range(20)]
    finally:
        gc.callbacks.remove(note)

    assert (len(read), len(more)) == (20_000, 20)
    assert begun == []
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, 0)


def test_texts_for_people_are_canonical_however_a_clerk_typed_them(write: Write) -> None:
    card = FILES["card.toml"].replace("خدمت آزمایشی", "كتاب  شهري", 1).replace('"ثبت"', '"ثبت  كامل"')

    service = sound(write({"card.toml": card, "service.toml": SERVICE.replace("خدمت آزمایشی", "خدمت  شهري")}))

    assert (service.title, service.card["title"], service.card["steps"][0]["title"]) == (
        "خدمت شهری",
        "کتاب شهری",
        "ثبت کامل",
    )
