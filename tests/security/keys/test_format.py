"""The text of a key: what is made, what is read, what is refused before anything is looked up."""

from __future__ import annotations

import random
import re
import string

from hypothesis import given
from hypothesis import strategies as st

from app.security.keys.format import KEY_LENGTH, KeyText, is_key_id, make_key_text, read_key_text

KEY_CHARACTERS = string.ascii_letters + string.digits + "_"


def test_a_key_has_the_agreed_shape_and_reads_back() -> None:
    key = make_key_text()
    assert re.fullmatch(r"gsk_[0-9a-z]{8}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}", str(key))
    assert len(str(key)) == KEY_LENGTH
    assert read_key_text(str(key)) == key


def test_the_checksum_stays_what_it_was_when_keys_were_handed_out() -> None:
    assert str(KeyText("00000000", "A" * 32)) == "gsk_00000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_1vJpqP"


def test_keys_differ() -> None:
    keys = [make_key_text() for _ in range(10_000)]
    assert len({key.id for key in keys}) == len({key.secret for key in keys}) == 10_000


def test_a_key_does_not_show_its_secret_in_logs() -> None:
    key = make_key_text()
    assert key.secret not in repr(key)


def test_every_change_of_one_character_is_noticed() -> None:
    text = str(make_key_text())
    for position, original in enumerate(text):
        for other in KEY_CHARACTERS.replace(original, ""):
            assert read_key_text(text[:position] + other + text[position + 1 :]) is None


def test_of_100_000_random_keys_none_is_read() -> None:
    characters, numbers = string.ascii_letters + string.digits, random.Random(2026)
    for _ in range(100_000):
        id, secret, checksum = (numbers.choices(characters, k=length) for length in (8, 32, 6))
        assert read_key_text(f"gsk_{''.join(id).lower()}_{''.join(secret)}_{''.join(checksum)}") is None


@given(st.text() | st.text(alphabet=KEY_CHARACTERS, min_size=KEY_LENGTH, max_size=KEY_LENGTH))
def test_any_other_text_is_refused(text: str) -> None:
    assert read_key_text(text) is None


def test_what_only_looks_like_a_key_is_refused() -> None:
    text = str(make_key_text())
    for other in (text + "\n", " " + text, text[:-1] + "\n", text.upper(), text.replace("gsk", "ｇsk"), text * 20_000):
        assert read_key_text(other) is None


def test_ids_are_recognised() -> None:
    assert is_key_id(make_key_text().id)
    assert not any(
        is_key_id(text) for text in ("", "abc", "abcdefg\x00", "ABCDEFGH", "abcdefgh\n", "ａbcdefgh", "a" * 10**6)
    )
