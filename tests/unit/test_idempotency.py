"""What makes two calls one: each part of a key's scope counts, and a minted key tells calls apart and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapter.exchange import Caller, Case, KeySource, Operation, Record, Stage
from adapter.idempotency import Call, Identity, _minted, identity_of, usable
from adapter.journal.sealing import Sealer
from adapter.refusals import KeyMissing, KeyUnusable
from adapter.service import Service
from tests.support.clock import MORNING
from tests.support.house import COUNTER, MOBILE, NEIGHBOUR, services
from tests.support.records import correction, document, payment, permit, question, toll, withdrawal

KEY = "key-of-the-caller-0001"
SEALER = Sealer(b"an invented master key of 32 byte", bytes)
PERMIT = services()["building_permit"]


def case(tracking_code: str = "405271839601", **changes: Any) -> Case:
    return replace(
        Case(tracking_code, COUNTER.tenant, PERMIT.name, tracking_code, Stage.RECEIVED, "counter", MORNING), **changes
    )


def call(
    operation: Operation = Operation.SUBMIT_REQUEST,
    record: Record | None = None,
    *,
    caller: Caller = COUNTER,
    service: Service = PERMIT,
    **more: Any,
) -> Call:
    return Call(caller, operation, permit() if record is None else record, service, **more)


def identity(
    one: Call, key: str | None = KEY, source: KeySource = KeySource.CARRIED, environment: str = "production"
) -> Identity:
    return identity_of(one, key, source=source, scoped_by=(environment,), hashed=SEALER.hash)


def minted(one: Call) -> Identity:
    return identity(one, None, KeySource.MINTED)


# the key and its scope


@pytest.mark.parametrize("key", [None, ""])
def test_no_key_is_none(key: str | None) -> None:
    assert usable(key) is None


@pytest.mark.parametrize("key", ["x" * 15, "x" * 256, "has a space in it", "x" * 16 + "\n", "x" * 16 + "²"])
def test_a_key_that_cannot_be_used_is_refused(key: str) -> None:
    with pytest.raises(KeyUnusable):
        usable(key)


@pytest.mark.parametrize(
    "other",
    [
        identity(call(caller=replace(COUNTER, tenant=NEIGHBOUR.tenant))),
        identity(call(caller=MOBILE)),
        identity(call(Operation.CORRECT_REQUEST)),
        identity(call(), environment="test"),
        identity(call(), KEY + "2"),
    ],
    ids=["tenant", "caller", "operation", "environment", "key"],
)
def test_each_part_of_the_scope_makes_another_call_of_it(other: Identity) -> None:
    assert other.scope != identity(call()).scope


def test_the_scope_is_a_keyed_hash_over_tenant_caller_operation_environment_and_key() -> None:
    expected = SEALER.hash(COUNTER.tenant, COUNTER.name, "SubmitRequest", "production", KEY)
    assert identity(call()).scope == expected
    assert identity(call(record=toll())).scope == expected


def test_a_journal_from_before_environments_has_the_scopes_that_it_had() -> None:
    bare = identity_of(call(), KEY, source=KeySource.CARRIED, scoped_by=(), hashed=SEALER.hash)
    assert bare.scope == SEALER.hash(COUNTER.tenant, COUNTER.name, "SubmitRequest", KEY)


def test_a_carried_key_that_is_missing_is_refused() -> None:
    with pytest.raises(KeyMissing) as refused:
        identity(call(), None)
    assert refused.value.status == 400


# the minted key


def test_a_minted_key_is_the_same_for_the_same_content_however_it_is_spelt() -> None:
    spelt = permit(submitted_at="2030-01-01T00:00:00Z")
    assert minted(call()) == minted(call(record=spelt))


def test_a_minted_key_is_a_usable_key() -> None:
    key = _minted(call(), bytes(32), bytes(32), SEALER.hash)
    assert usable(key) == key


def test_a_minted_key_cannot_be_made_by_who_knows_the_record_but_not_our_key() -> None:
    """A national id has 10⁹ values: without a key of ours, whoever holds a digest would try them all."""
    other = Sealer(b"another invented master key of 32", bytes)
    assert _minted(call(), bytes(32), bytes(32), other.hash) != _minted(call(), bytes(32), bytes(32), SEALER.hash)


def test_another_subject_and_another_content_have_another_minted_key() -> None:
    told = [call(), call(record=permit(49)), call(record=permit(note="دیگر"))]
    assert len({minted(one).scope for one in told}) == 3


def test_a_corrected_record_is_another_revision_of_its_subject() -> None:
    first, corrected = minted(call()), minted(call(record=permit(note="دیگر")))
    assert first.subject == corrected.subject
    assert first.scope != corrected.scope


def test_a_key_that_is_carried_is_used_though_one_could_be_minted() -> None:
    assert identity(call(), KEY, KeySource.MINTED) == identity(call(), KEY)


@pytest.mark.parametrize(
    ("operation", "record", "named"),
    [
        (Operation.SUBMIT_REQUEST, permit, "request_kind"),
        (Operation.INQUIRE, question, "deal.letter_no"),
    ],
)
def test_a_record_without_its_subject_has_no_minted_key_and_is_told_what_it_lacks(
    operation: Operation, record: Any, named: str
) -> None:
    service = next(one for one in services().values() if one.service_id == record()["service_id"])
    with pytest.raises(KeyMissing) as refused:
        minted(call(operation, {"service_id": service.service_id}, service=service))
    assert named in refused.value.detail
    assert refused.value.status == 400


def test_what_has_no_business_key_is_minted_from_its_case_its_operation_and_its_content() -> None:
    bare = replace(PERMIT, business_key={})
    one = call(Operation.ATTACH_DOCUMENT, document("1"), service=bare, case=case())
    others = [
        replace(one, case=case("405271839602")),
        replace(one, operation=Operation.CORRECT_REQUEST),
        replace(one, record=document("1", title="دیگر")),
    ]
    assert minted(one) == minted(replace(one))
    assert minted(one).subject is None
    assert minted(one).scope not in {minted(other).scope for other in others}


# the subject


def test_a_payment_is_one_for_the_service_and_a_paper_one_for_its_case() -> None:
    here, there = case(), case("405271839602")
    for operation, record, is_one in (
        (Operation.CONFIRM_PAYMENT, payment("1"), True),
        (Operation.ATTACH_DOCUMENT, document("1"), False),
        (Operation.CORRECT_REQUEST, correction("1"), False),
        (Operation.WITHDRAW_REQUEST, withdrawal("1"), False),
    ):
        first = identity(call(operation, record, case=here)).subject
        assert first is not None
        assert (first == identity(call(operation, record, case=there)).subject) is is_one


def test_a_withdrawal_s_subject_is_its_case_whatever_is_said_and_another_one_after_each_that_came_to_nothing() -> None:
    def subject(fruitless: int = 0, **said: Any) -> bytes | None:
        record = withdrawal("1", **said)
        return identity(call(Operation.WITHDRAW_REQUEST, record, case=case(), fruitless=fruitless)).subject

    assert subject() == subject(reason="دلیل دیگر")
    assert len({subject(), subject(1), subject(2)}) == 3
