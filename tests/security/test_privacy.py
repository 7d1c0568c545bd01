from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from app.security.privacy import InputKeeper, Treatment

SECRET = "a secret of this installation, long enough"
FEATURES = ("age", "city", "note")
ROW = {"age": 41, "city": "Ulm", "note": None, "customer_id": "C-1007"}


def make_keeper(others: Treatment = "drop", *, secret: str = SECRET, **fields: Treatment) -> InputKeeper:
    return InputKeeper(FEATURES, fields=fields, others=others, secret=secret)


def hash_of(value: Any, *, field: str = "age", secret: str = SECRET) -> Any:
    return make_keeper("hash", secret=secret, customer_id="hash").keep({field: value})[field]


@pytest.mark.parametrize(
    ("keeper", "kept"),
    [
        (make_keeper(), {}),
        (make_keeper("keep"), {"age": 41, "city": "Ulm", "note": None}),
        (make_keeper(age="keep"), {"age": 41}),
        (make_keeper("keep", city="drop"), {"age": 41, "note": None}),
        (make_keeper(customer_id="keep"), {"customer_id": "C-1007"}),
        (make_keeper(note="hash"), {"note": None}),
        (make_keeper(unheard_of="keep"), {}),
    ],
)
def test_only_what_the_setting_allows_is_kept(keeper: InputKeeper, kept: Mapping[str, Any]) -> None:
    assert keeper.keep(ROW) == kept


def test_a_hash_stands_in_place_of_the_value() -> None:
    kept = make_keeper("hash", customer_id="hash").keep(ROW)
    assert list(kept) == ["age", "city", "note", "customer_id"]
    assert all(re.fullmatch(r"[0-9a-f]{32}", kept[name]) for name in ("age", "city", "customer_id"))
    assert "Ulm" not in str(kept)


@pytest.mark.parametrize(("first", "second"), [(5, 5.0), (0, -0.0), (2**53, 2.0**53), ("Ulm", " Ulm ")])
def test_equal_values_of_a_field_have_equal_hashes(first: object, second: object) -> None:
    assert hash_of(first) == hash_of(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [(5, "5"), (5, 6), (1, True), (0, False), ("Ulm", "ulm"), (0.1, 0.1000000000001), ("", "0"), ("a\0b", "a")],
)
def test_different_values_have_different_hashes(first: object, second: object) -> None:
    assert hash_of(first) != hash_of(second)


def test_the_same_value_in_another_field_has_another_hash() -> None:
    assert hash_of("Ulm", field="city") != hash_of("Ulm", field="customer_id")


def test_who_has_not_the_secret_cannot_try_values_out() -> None:
    assert hash_of("Ulm") == hash_of("Ulm")
    assert hash_of("Ulm") != hash_of("Ulm", secret="of another installation, as long as it is")


@pytest.mark.parametrize("value", ["\ud800", "\0", "x" * 100_000, "да"])
def test_any_text_can_be_hashed(value: str) -> None:
    assert len(hash_of(value)) == 32
