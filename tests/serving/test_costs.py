"""What a request will cost, learned from those that were answered."""

from __future__ import annotations

import pytest

from app.serving.costs import RequestCosts


def make_experienced_costs(*, rows: int, body_bytes: int, seconds: float) -> RequestCosts:
    costs = RequestCosts()
    for _ in range(100):
        costs.learn(rows=rows, body_bytes=body_bytes, seconds=seconds)
    return costs


def test_the_cost_of_rows_is_learned_from_what_they_took() -> None:
    costs = make_experienced_costs(rows=10_000, body_bytes=4_000_000, seconds=2.0)
    assert costs.estimate_seconds(5000) == pytest.approx(1.0, rel=0.05)
    assert costs.is_small(40)
    assert not costs.is_small(60)


def test_another_model_is_followed() -> None:
    costs = make_experienced_costs(rows=10_000, body_bytes=4_000_000, seconds=2.0)
    for _ in range(100):
        costs.learn(rows=1000, body_bytes=400_000, seconds=10.0)
    assert costs.estimate_seconds(1000) == pytest.approx(10.0, rel=0.05)


def test_the_length_of_a_body_tells_its_rows() -> None:
    costs = make_experienced_costs(rows=10_000, body_bytes=4_000_000, seconds=2.0)
    assert costs.looks_small(40 * 400)
    assert not costs.looks_small(60 * 400)


def test_a_body_of_unknown_length_teaches_the_cost_only() -> None:
    costs = make_experienced_costs(rows=10_000, body_bytes=0, seconds=2.0)
    assert costs.estimate_seconds(5000) == pytest.approx(1.0, rel=0.05)
    assert costs.looks_small(40 * 300)
    assert not costs.looks_small(60 * 300)


def test_before_anything_is_learned_only_short_bodies_look_small() -> None:
    costs = RequestCosts()
    assert costs.looks_small(1000)
    assert not costs.looks_small(1_000_000)
