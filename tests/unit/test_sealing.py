from __future__ import annotations

import hashlib
import hmac
import secrets

import pytest

from adapter.errors import JournalUnusable
from adapter.journal.sealing import Sealer

MASTER = bytes(range(32))
CONTENT = "نیلوفر دشت‌آرا".encode()


def sealer(master: bytes = MASTER) -> Sealer:
    return Sealer(master, secrets.token_bytes)


def test_what_is_sealed_opens_again_under_the_same_label():
    seal, _ = sealer().new_data_key("case")

    assert seal.open(seal.close(CONTENT, "exchange:record:1"), "exchange:record:1") == CONTENT


def test_a_sealed_payload_shows_nothing_of_its_content():
    seal, _ = sealer().new_data_key("case")

    assert CONTENT not in seal.close(CONTENT, "label")


def test_the_same_content_is_never_sealed_to_the_same_bytes_twice():
    seal, _ = sealer().new_data_key("case")

    assert seal.close(CONTENT, "label") != seal.close(CONTENT, "label")


def test_a_sealed_payload_moved_to_another_row_does_not_open():
    seal, _ = sealer().new_data_key("case")
    sealed = seal.close(CONTENT, "exchange-1:record:1")

    with pytest.raises(JournalUnusable, match="exchange-2:record:1"):
        seal.open(sealed, "exchange-2:record:1")


@pytest.mark.parametrize("place", [0, 11, 12, 20, -1])
def test_one_flipped_bit_anywhere_is_noticed(place: int):
    seal, _ = sealer().new_data_key("case")
    sealed = bytearray(seal.close(CONTENT, "label"))
    sealed[place] ^= 1

    with pytest.raises(JournalUnusable):
        seal.open(bytes(sealed), "label")


@pytest.mark.parametrize("length", [0, 5, 12, 27])
def test_a_cut_payload_is_noticed(length: int):
    seal, _ = sealer().new_data_key("case")
    sealed = seal.close(CONTENT, "label")[:length]

    with pytest.raises(JournalUnusable):
        seal.open(sealed, "label")


def test_a_data_key_is_kept_wrapped_and_opens_what_it_sealed():
    seal, wrapped = sealer().new_data_key("case")
    sealed = seal.close(CONTENT, "label")

    assert sealer().seal_of("case", wrapped).open(sealed, "label") == CONTENT


def test_a_data_key_of_another_case_does_not_open():
    _, wrapped = sealer().new_data_key("case")

    with pytest.raises(JournalUnusable, match="another"):
        sealer().seal_of("another", wrapped)


def test_a_data_key_does_not_open_under_another_master_key():
    _, wrapped = sealer().new_data_key("case")

    with pytest.raises(JournalUnusable, match="master key"):
        sealer(secrets.token_bytes(32)).seal_of("case", wrapped)


@pytest.mark.parametrize("left_over", [b"", b"short", bytes(12)])
def test_an_erased_data_key_is_an_error_of_the_journal(left_over: bytes):
    with pytest.raises(JournalUnusable):
        sealer().seal_of("case", left_over)


def test_no_case_shares_its_data_key():
    house = sealer()
    first, _ = house.new_data_key("case-1")
    second, _ = house.new_data_key("case-2")

    with pytest.raises(JournalUnusable):
        second.open(first.close(CONTENT, "label"), "label")


def test_a_hash_is_the_same_for_the_same_parts_and_master_key():
    assert sealer().hash("business", "0012345679") == sealer().hash("business", "0012345679")


def test_a_hash_cannot_be_guessed_without_the_master_key():
    assert sealer().hash("business", "x") != sealer(bytes(32)).hash("business", "x")


def test_parts_do_not_run_into_one_another():
    assert sealer().hash("ab", "c") != sealer().hash("a", "bc") != sealer().hash("abc")


def test_text_and_its_bytes_hash_alike():
    assert sealer().hash("کد") == sealer().hash("کد".encode())


def test_a_weak_source_of_randomness_is_seen_in_the_sealed_bytes():
    """The randomness is the caller's: the same source twice gives the same bytes, so production must inject secrets."""
    once, _ = Sealer(MASTER, bytes).new_data_key("case")
    again, _ = Sealer(MASTER, bytes).new_data_key("case")

    assert once.close(CONTENT, "label") == again.close(CONTENT, "label")


def test_a_hash_is_hmac_sha256_over_its_parts_each_with_its_length():
    derived = hmac.digest(MASTER, b"panjereh hash key 1", hashlib.sha256)
    framed = b"\0\0\0\x0bnational_id" + b"\0\0\0\x02\x00\xff"

    assert sealer().hash("national_id", b"\x00\xff") == hmac.digest(derived, framed, hashlib.sha256)
