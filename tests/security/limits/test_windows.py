"""Sliding windows, in memory and in a real Redis: the same decisions, and waits that are as long as told."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from app.redis_link.link import RedisGone, RedisLink
from app.security.limits.shared_windows import DividedWindows, RedisWindows, SharedWindows
from app.security.limits.windows import Counts, Decision, MemoryWindows, Quota, Windows
from tests.redis_link.server import RedisServer

SHORT = Quota("requests", 10, window_seconds=1)
LONG = Quota("requests", 100, window_seconds=60)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@dataclass(frozen=True)
class Timed:
    """Windows, and the time that they go by: made for those in memory, real for Redis."""

    windows: Windows
    now: Callable[[], float]
    sleep: Callable[[float], None]


@pytest.fixture(params=["memory", "redis"])
def timed(request: pytest.FixtureRequest, redis_server: RedisServer) -> Timed:
    if request.param == "memory":
        clock = Clock()
        return Timed(MemoryWindows(clock=clock), clock, clock.sleep)
    with redis_server.connect() as client:
        client.flushall()
    return Timed(RedisWindows(RedisLink(redis_server.url, timeout_seconds=2)), time.monotonic, time.sleep)


@pytest.fixture
def windows(timed: Timed) -> Windows:
    return timed.windows


def take_all(windows: Windows, owner: str, quota: Quota, *, costs: list[int]) -> list[bool]:
    return [windows.take(owner, quota, cost).is_granted for cost in costs]


def test_so_many_units_are_granted_and_no_more(windows: Windows) -> None:
    decisions = [windows.take("a", LONG, 1) for _ in range(150)]
    assert [decision.is_granted for decision in decisions] == [True] * 100 + [False] * 50
    assert [decision.remaining for decision in decisions] == [*range(99, -1, -1), *[0] * 50]


def test_a_cost_is_granted_as_a_whole_or_not_at_all(windows: Windows) -> None:
    assert take_all(windows, "a", LONG, costs=[60, 50, 40, 1]) == [True, False, True, False]


def test_owners_and_quotas_are_counted_apart(windows: Windows) -> None:
    rows = Quota("rows", 100)
    windows.take("a", LONG, 100)
    assert windows.take("b", LONG, 100).is_granted
    assert windows.take("a", rows, 100).is_granted


def test_a_cost_above_the_whole_quota_is_never_granted(windows: Windows) -> None:
    decision = windows.take("a", LONG, 101)
    assert not decision.is_granted
    assert decision.remaining == 100
    assert math.isinf(decision.counts.seconds_until(101, LONG))


@pytest.mark.parametrize(("used", "cost"), [(10, 1), (10, 10), (7, 5)])
def test_after_the_told_wait_the_same_cost_is_granted_and_not_long_before(timed: Timed, used: int, cost: int) -> None:
    timed.windows.take("a", SHORT, used)
    began, refusal = timed.now(), timed.windows.take("a", SHORT, cost)
    assert not refusal.is_granted
    exact = refusal.counts.seconds_until(cost, SHORT)
    assert refusal.retry_after_seconds == math.floor(exact) + 1
    timed.sleep(max(0.0, exact - 0.1))
    too_early = timed.windows.take("a", SHORT, cost)
    # A real second may have been longer.
    assert not too_early.is_granted or timed.now() > began + exact
    timed.sleep(0.15)
    assert too_early.is_granted or timed.windows.take("a", SHORT, cost).is_granted


def test_a_sustained_load_gets_the_quota_per_window(timed: Timed) -> None:
    quota = Quota("requests", 50, window_seconds=1)
    began, granted = timed.now(), 0
    while (passed := timed.now() - began) < 3:
        granted += timed.windows.take("a", quota, 1).is_granted
        timed.sleep(0.002)
    # The first window is granted at once, the others as time passes.
    assert 0.9 * 50 * passed <= granted <= 1.05 * 50 * (passed + 0.1)


def test_the_counters_stay_right_when_many_threads_take_at_once() -> None:
    windows = MemoryWindows()
    granted: list[bool] = []

    def take() -> None:
        granted.extend(windows.take("a", Quota("requests", 1000), 1).is_granted for _ in range(500))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(granted), sum(granted)) == (4000, 1000)


def test_what_was_used_fades_within_two_windows() -> None:
    clock = Clock()
    windows = MemoryWindows(clock=clock)
    windows.take("a", LONG, 100)
    remaining = []
    for _ in range(5):
        remaining.append(windows.take("a", LONG, 0).remaining)
        clock.now += 30
    assert remaining == [0, 0, 0, 50, 100]


def test_only_so_many_owners_are_remembered_those_used_last() -> None:
    windows = MemoryWindows(max_remembered=3)
    for owner in ["a", "b", "c", "a", "d"]:
        windows.take(owner, LONG, 100)
    assert [windows.take(owner, LONG, 1).is_granted for owner in ["a", "d", "c"]] == [False, False, False]
    assert windows.take("b", LONG, 1).is_granted


def test_the_headers_figures_follow_from_the_counts() -> None:
    half_over = Counts(previous=50, current=20, current_seconds_left=30.0)
    decision = Decision(LONG, 60, is_granted=False, counts=half_over)
    assert decision.remaining == 55
    assert decision.seconds_until_more == 1
    assert decision.retry_after_seconds == 5
    assert Decision(LONG, 1, is_granted=True, counts=Counts(0, 0, 60.0)).seconds_until_more == 0


def test_workers_that_count_apart_grant_a_part_each() -> None:
    workers = [DividedWindows(MemoryWindows(), workers=4) for _ in range(4)]
    granted = [sum(worker.take("a", Quota("requests", 103), 1).is_granted for _ in range(200)) for worker in workers]
    assert granted == [25, 25, 25, 25]
    shown = workers[0].take("b", Quota("requests", 103), 1)
    assert (shown.amount, shown.remaining) == (100, 96)


def test_workers_share_what_redis_counts(redis_server: RedisServer) -> None:
    with redis_server.connect() as client:
        client.flushall()
    workers = [SharedWindows(*make_pair(redis_server), workers=2) for _ in range(2)]
    granted = [worker.take("a", LONG, 1).is_granted for _ in range(100) for worker in workers]
    assert sum(granted) == 100


def test_without_redis_each_worker_grants_its_part_and_nothing_twice(redis_server: RedisServer) -> None:
    """Also when Redis comes back and has forgotten everything."""
    with redis_server.connect() as client:
        client.flushall()
    clock = Clock()
    workers = [SharedWindows(*make_pair(redis_server, clock), workers=2, clock=clock) for _ in range(2)]

    def ask(times: int) -> int:
        return sum(worker.take("a", LONG, 1).is_granted for _ in range(times) for worker in workers)

    before = ask(30)
    redis_server.kill()
    during = ask(200)
    redis_server.start()
    time.sleep(1)
    after = ask(200)
    # Each worker has granted 30 of its 50 before, and grants the other 20 of them while Redis is gone.
    assert (before, during, after) == (60, 40, 0)
    assert all(worker.local_decisions == 200 for worker in workers)
    clock.now += 2 * LONG.window_seconds
    with redis_server.connect() as client:
        client.flushall()
    assert workers[0].take("a", LONG, 100).is_granted


def test_without_the_fallback_a_dead_redis_would_fail_the_request(redis_server: RedisServer) -> None:
    shared, _ = make_pair(redis_server)
    redis_server.kill()
    try:
        with pytest.raises(RedisGone):
            shared.take("a", LONG, 1)
    finally:
        redis_server.start()


def make_pair(redis_server: RedisServer, clock: Callable[[], float] = time.monotonic) -> tuple[Windows, Windows]:
    return RedisWindows(RedisLink(redis_server.url, timeout_seconds=2)), MemoryWindows(clock=clock)
