"""From samples to figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.loadtest.results.figures import (
    MOST_SLICES,
    UNSENT,
    FailureCount,
    choose_slice_seconds,
    compute_figures,
)
from app.loadtest.sending.samples import Record, Samples, gather
from tests.loadtest.builders import make_latencies, make_samples


@given(st.lists(st.floats(0.01, 1e5), min_size=1, max_size=300))
def test_percentiles_are_those_of_numpy_over_all_requests(latencies_ms: list[float]) -> None:
    latency = compute_figures(make_samples(latencies_ms), rows_per_request=1).latency
    assert latency is not None
    given_values = [latency.min, latency.p50, latency.p95, latency.p99, latency.p999, latency.max]
    assert given_values == pytest.approx(list(np.percentile(latencies_ms, [0, 50, 95, 99, 99.9, 100])), abs=1e-6)
    assert latency.mean == pytest.approx(np.mean(latencies_ms), abs=1e-6)


def test_rates_refer_to_the_time_of_the_load_and_not_to_the_wait_for_the_last_answers() -> None:
    samples = make_samples([1.0] * 99 + [30_000.0], seconds=10.0)
    figures = compute_figures(samples, rows_per_request=20, seconds=10.0)
    assert (figures.seconds, figures.requests, figures.succeeded) == (10.0, 100, 100)
    assert figures.per_second == pytest.approx(9.9)
    assert figures.rows_per_second == pytest.approx(198)


def test_a_load_of_counted_requests_lasts_until_its_last_answer() -> None:
    assert compute_figures(make_samples([500.0] * 2, seconds=2.0), rows_per_request=1).seconds == pytest.approx(1.5)


def test_latency_is_that_of_successful_requests_and_failures_have_their_own() -> None:
    samples = make_samples([2.0, 4.0, 900.0, 1.0], outcomes=[0, 0, 1, 2], names=["timeout", "503 overloaded"])
    figures = compute_figures(samples, rows_per_request=1, seconds=10.0)
    assert figures.latency is not None
    assert figures.latency.max == pytest.approx(4.0)
    assert figures.success_rate == 0.5
    assert [(each.kind, each.count) for each in figures.failures] == [("503 overloaded", 1), ("timeout", 1)]
    assert [each.p50_ms for each in figures.failures] == [pytest.approx(1.0), pytest.approx(900.0)]


def test_what_was_never_sent_has_failed() -> None:
    figures = compute_figures(make_samples([1.0] * 30), rows_per_request=1, seconds=10.0, unsent=70)
    assert (figures.requests, figures.failed, figures.success_rate) == (100, 70, 0.3)
    assert figures.failures == (FailureCount(UNSENT, 70, None),)


def test_late_starts_are_counted_and_their_lateness_is_part_of_their_latency() -> None:
    due = np.array([0.0, 1.0, 2.0])
    begun = due + np.array([0.0, 0.009, 0.5])
    samples = Samples(due, begun, begun + 0.001, np.zeros(3, np.uint16))
    figures = compute_figures(samples, rows_per_request=1)
    assert figures.late == 1
    assert figures.latest_ms == pytest.approx(500.0)
    assert figures.latency is not None
    assert figures.latency.max == pytest.approx(501.0)


@pytest.mark.parametrize("seconds", [0.1, 1.0, 10.0, 14.9, 60.0, 3600.0, 86400.0])
def test_time_is_cut_into_slices_that_hold_everything_once(seconds: float) -> None:
    figures = compute_figures(make_samples([1.0] * 500, seconds=seconds), rows_per_request=1)
    slices = figures.slices
    assert len(slices) <= MOST_SLICES
    assert sum(each.succeeded for each in slices) == 500
    assert all(each.seconds == pytest.approx(choose_slice_seconds(figures.seconds)) for each in slices[:-1])


def test_a_slice_counts_what_ended_in_it_and_times_what_was_due_in_it() -> None:
    samples = make_samples([100.0, 2900.0, 100.0], seconds=3.0, outcomes=[0, 0, 1], names=["timeout"])
    slices = compute_figures(samples, rows_per_request=1, seconds=4.0).slices
    ended = [(each.start, each.succeeded, each.failed) for each in slices if each.succeeded or each.failed]
    assert ended == [(0.0, 1, 0), (2.0, 0, 1), (3.75, 1, 0)]
    assert [each.start for each in slices if each.p99_ms is not None] == [0.0, 1.0]


def test_bins_hold_every_successful_request_once() -> None:
    latencies = make_latencies()
    bins = compute_figures(make_samples(latencies), rows_per_request=1).distribution
    assert sum(each.count for each in bins) == len(latencies)
    assert bins[0].low_ms <= min(latencies)
    assert max(latencies) <= bins[-1].high_ms
    assert bins[0].count > 0 < bins[-1].count


def test_a_run_without_any_answer_has_figures_too() -> None:
    nothing = gather([Record()], begun=0.0, names=["success"])
    figures = compute_figures(nothing, rows_per_request=1, seconds=10.0)
    assert (figures.requests, figures.latency, figures.per_second, figures.distribution) == (0, None, 0.0, ())
    assert len(figures.slices) == 40


def test_the_notes_of_all_users_become_one_sequence_by_when_requests_were_due() -> None:
    one, other = Record(), Record()
    one.add(100.0, 100.5, 101.0, 0)
    one.add(103.0, 103.0, 104.0, 2)
    other.add(102.0, 102.0, 102.5, 1)
    samples = gather([one, other], begun=100.0, names=["success", "other", "timeout"])
    assert samples.due.tolist() == [0.0, 2.0, 3.0]
    assert samples.outcomes.tolist() == [0, 1, 2]
    assert samples.latencies_ms.tolist() == [1000.0, 500.0, 1000.0]
    assert samples.lateness_ms.tolist() == [500.0, 0.0, 0.0]
    assert (one.failed, other.failed) == (1, 1)
