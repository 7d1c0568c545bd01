"""Requests and rows of keys, with limits of their own, of the installation, or none."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from app.errors import TooLarge
from app.security.keys.store import ApiKey
from app.security.limits.rates import KeyRateLimits, NoRateLimits, RateLimits
from app.security.limits.windows import MemoryWindows

KEY = ApiKey(
    id="aaaaaaaa",
    owner="tests",
    permissions=frozenset({"predict"}),
    created_at=datetime(2026, 1, 1, tzinfo=timezone.utc),
)


def make_limits(*, requests: int | None = None, rows: int | None = None) -> KeyRateLimits:
    return KeyRateLimits(MemoryWindows(), requests_per_minute=requests, rows_per_minute=rows)


def count_granted(limits: RateLimits, key: ApiKey, *, asked: int) -> int:
    decisions = [limits.take_request(key) for _ in range(asked)]
    return sum(decision is None or decision.is_granted for decision in decisions)


def test_a_key_without_any_limit_is_not_counted() -> None:
    limits = make_limits()
    assert limits.take_request(KEY) is None
    assert limits.take_rows(KEY, 1_000_000) is None


def test_the_limit_of_the_installation_holds_for_keys_without_one() -> None:
    assert count_granted(make_limits(requests=7), KEY, asked=20) == 7


def test_a_keys_own_limit_holds_in_place_of_it() -> None:
    limits = make_limits(requests=7)
    assert count_granted(limits, replace(KEY, requests_per_minute=12), asked=20) == 12
    assert count_granted(limits, replace(KEY, id="bbbbbbbb", requests_per_minute=3), asked=20) == 3


def test_every_key_has_a_count_of_its_own() -> None:
    limits = make_limits(requests=7)
    assert [count_granted(limits, replace(KEY, id=id), asked=20) for id in ("aaaaaaaa", "bbbbbbbb")] == [7, 7]


def test_rows_count_by_their_number_and_apart_from_requests() -> None:
    limits = make_limits(requests=7, rows=100)
    decisions = [limits.take_rows(KEY, 40) for _ in range(3)]
    assert [decision and decision.is_granted for decision in decisions] == [True, True, False]
    assert count_granted(limits, KEY, asked=20) == 7


def test_more_rows_than_a_minute_allows_are_too_many_for_good() -> None:
    limits = make_limits(rows=100)
    with pytest.raises(TooLarge) as refusal:
        limits.take_rows(KEY, 101)
    assert refusal.value.code == "too_many_rows"
    decision = limits.take_rows(KEY, 100)
    assert decision is not None
    assert decision.is_granted


def test_without_the_guard_everything_passes() -> None:
    limited = replace(KEY, requests_per_minute=1, rows_per_minute=1)
    assert count_granted(NoRateLimits(), limited, asked=20) == 20
    assert NoRateLimits().take_rows(limited, 1_000_000) is None
