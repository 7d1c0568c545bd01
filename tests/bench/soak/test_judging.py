from __future__ import annotations

from dataclasses import replace

import pytest

from tests.bench.servers.processes import WorkerMemory
from tests.bench.soak.judging import Footprint, Reading, SoakResult, count_unexpected

WARM = Footprint(WorkerMemory(pss=100.0, rss=150.0), descriptors=30, threads=12)


def make_result(last: Footprint, *, pid: int = 2) -> SoakResult:
    """Two workers, of which the second one ends like this."""
    first, later = {1: WARM, 2: WARM}, {1: WARM, pid: last}
    return make_soak(*[first] * 3, *[later] * 3)


def make_soak(*workers: dict[int, Footprint]) -> SoakResult:
    readings = [Reading(1000 * number, number, footprints) for number, footprints in enumerate(workers)]
    return SoakResult(readings=readings, unexpected={}, refused_activations=[])


def with_memory(*, pss: float = 100.0, rss: float = 150.0) -> Footprint:
    return replace(WARM, memory=WorkerMemory(pss=pss, rss=rss))


@pytest.mark.parametrize(
    "last", [WARM, with_memory(rss=157.4), with_memory(pss=120.0), replace(WARM, descriptors=29, threads=11)]
)
def test_workers_that_stay_within_the_bounds_hold(last: Footprint) -> None:
    assert list(make_result(last).find_broken_promises()) == []


@pytest.mark.parametrize(
    ("last", "sentence"),
    [
        (with_memory(rss=159.0), "worker 2: RSS grew from 150.0 to 159.0 MB, by 6.0%"),
        (replace(WARM, descriptors=31), "worker 2: descriptors grew from 30 to 31"),
        (replace(WARM, threads=13), "worker 2: threads grew from 12 to 13"),
    ],
)
def test_growth_of_one_worker_is_found(last: Footprint, sentence: str) -> None:
    assert list(make_result(last).find_broken_promises()) == [sentence]


def test_a_large_worker_may_not_grow_by_twenty_megabytes_although_that_is_a_small_share() -> None:
    large = with_memory(rss=1000.0)
    grown = with_memory(rss=1021.0)
    assert list(make_soak(*[{1: large}] * 3, *[{1: grown}] * 3).find_broken_promises()) == [
        "worker 1: RSS grew from 1000.0 to 1021.0 MB, by 2.1%"
    ]


def test_versions_of_different_sizes_that_take_turns_are_no_growth() -> None:
    sizes = [replace(with_memory(pss=100.0 + n, rss=150.0 + n), descriptors=30 + n) for n in (0, 12, 5)]
    assert list(make_soak(*[{1: sizes[n % 3]} for n in range(8)]).find_broken_promises()) == []


def test_a_replaced_worker_proves_nothing() -> None:
    assert list(make_result(WARM, pid=3).find_broken_promises()) == ["a worker was replaced, and growth cannot be told"]


def test_wrong_answers_and_refused_activations_break_the_run() -> None:
    result = replace(make_result(WARM), unexpected={"503": 2}, refused_activations=["409 busy"])
    assert list(result.find_broken_promises()) == [
        "2 requests were not answered as they should be: 503",
        "an activation was refused: 409 busy",
    ]


def test_a_leak_of_a_kilobyte_is_a_kilobyte_for_each_request_of_a_worker() -> None:
    readings = [
        Reading(requests, 0, {pid: with_memory(rss=150.0 + requests / 2 * 1024 / 1e6) for pid in (1, 2)})
        for requests in (0, 10_000, 20_000)
    ]
    result = SoakResult(readings=readings, unexpected={}, refused_activations=[])
    assert result.list_bytes_per_request() == pytest.approx([1024, 1024])


def test_answers_are_compared_with_what_was_asked_for() -> None:
    faults = ["404: nothing", "422: rows", "422: rows", "connection reset"]
    assert count_unexpected(7, faults, {200: 8, 404: 1, 422: 1}) == {"422": 1, "connection reset": 1}
    assert count_unexpected(8, faults[:2], {200: 8, 404: 1, 422: 1}) == {}
