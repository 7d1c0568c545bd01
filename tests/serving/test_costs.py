"""What a request will cost, learned from those that were answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.release.signing import Trust
from app.release.store import ReleaseStore
from app.runtime.batching import BatchingExecutor
from app.runtime.cost_curve import CostCurve
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.slots import ReleaseSlots
from app.serving.costs import RequestCosts
from tests.api.builders import SteadyExecutor, make_loaded_release


@pytest.fixture
def active(tmp_path: Path) -> ActiveRelease:
    active = ActiveRelease(ReleaseSlots(ReleaseStore(tmp_path, trust=Trust())))
    active.current = make_loaded_release()
    return active


def learn_often(costs: RequestCosts, *, rows: int, body_bytes: int, thread_seconds: float) -> None:
    for _ in range(100):
        costs.learn(rows=rows, body_bytes=body_bytes, thread_seconds=thread_seconds)


def test_the_cost_of_rows_is_learned_from_the_time_of_threads(active: ActiveRelease) -> None:
    costs = RequestCosts(active)
    learn_often(costs, rows=10_000, body_bytes=4_000_000, thread_seconds=2.0)
    assert costs.estimate_seconds(5000) == pytest.approx(1.0, rel=0.05)
    assert costs.is_small(40)
    assert not costs.is_small(60)


def test_the_length_of_a_body_tells_its_rows(active: ActiveRelease) -> None:
    costs = RequestCosts(active)
    learn_often(costs, rows=10_000, body_bytes=4_000_000, thread_seconds=2.0)
    assert costs.looks_small(40 * 400)
    assert not costs.looks_small(60 * 400)


def test_before_anything_is_learned_only_short_bodies_look_small(active: ActiveRelease) -> None:
    costs = RequestCosts(active)
    assert costs.looks_small(1000)
    assert not costs.looks_small(1_000_000)


def test_where_requests_are_joined_the_measured_passes_tell_the_cost(active: ActiveRelease) -> None:
    curve = CostCurve(fixed_seconds=0.1, seconds_per_row=0.001)
    active.current = make_loaded_release(BatchingExecutor(SteadyExecutor(), curve))
    costs = RequestCosts(active)
    assert costs.estimate_seconds(100) == pytest.approx(0.1)
    # The thread computed for others, or others for it.
    assert costs.learn(rows=100, body_bytes=40_000, thread_seconds=7.0) == pytest.approx(0.1)
    assert costs.estimate_seconds(100) == pytest.approx(0.1)
