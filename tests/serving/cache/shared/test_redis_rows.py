"""Answers in a real Redis, which is killed, frozen, full, only to be read, emptied and filled with garbage."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from redis import Redis

from app.redis_link.link import CALL_TIMEOUT_SECONDS, RedisLink
from app.serving.cache.counts import CacheCounts
from app.serving.cache.shared.keys import PREFIX
from app.serving.cache.shared.redis_rows import MOST_ROWS_WAITING, RedisRows
from app.serving.cache.shared.seal import Seal
from tests.redis_link.server import RedisServer
from tests.serving.cache.builders import CountingExecutor, make_caching

Result = TypeVar("Result")
ROW = [(1,)]


class SlowLink(RedisLink):
    """A way to Redis that takes its time."""

    seconds = 0.0

    def call(self, command: Callable[[Redis], Result]) -> Result:
        time.sleep(self.seconds)
        return super().call(command)


class Installation:
    """Processes that share a Redis, each with a memory of its own; the threads beside them work when they are told."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.executor = CountingExecutor()
        self.counts = CacheCounts()
        self._links: list[RedisLink] = []

    def open_rows(self, *, secret: str = "s" * 32, timeout_seconds: float = 2.0) -> RedisRows:
        # A busy machine may take longer than 50 ms to answer at all; only what a frozen one costs is about the limit.
        self.link = SlowLink(self.server.url, timeout_seconds=timeout_seconds)
        self._links.append(self.link)
        rows = RedisRows(self.link, Seal(secret), ttl_seconds=60, counts=self.counts)
        rows.work()
        return rows

    def cached_rows(self, rows: RedisRows, version: str = "1") -> int:
        """What a process without any memory does not have to compute of the row; what it computes, it writes."""
        caching = make_caching(self.executor, version=version, shared=rows, counts=self.counts)
        answers = caching.predict(ROW)
        assert answers.labels == ["(1,)"]
        rows.work()
        return answers.cached_rows

    def close(self) -> None:
        for link in self._links:
            link.close()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def here(server: RedisServer) -> Iterator[Installation]:
    with server.connect() as client:
        client.flushall()
    installation = Installation(server)
    yield installation
    installation.close()


@pytest.fixture
def client(server: RedisServer, here: Installation) -> Iterator[Redis]:
    with server.connect() as client:
        yield client


def test_what_one_process_has_computed_another_finds_for_its_time(here: Installation, client: Redis) -> None:
    rows = here.open_rows()
    assert [here.cached_rows(rows) for _ in range(2)] == [0, 1]
    assert [here.cached_rows(here.open_rows(), version) for version in ("1", "2")] == [1, 0]
    keys = list(client.scan_iter())
    assert sorted(key.rpartition(b":")[0].decode() for key in keys) == [f"{PREFIX}:churn:1", f"{PREFIX}:churn:2"]
    assert all(0 < client.ttl(key) <= 60 for key in keys)
    assert here.counts.shared_hits == 2


def test_of_many_rows_those_that_are_there_are_found_and_the_others_are_computed(here: Installation) -> None:
    rows = here.open_rows()
    make_caching(here.executor, shared=rows).predict([(position,) for position in range(0, 1000, 2)])
    rows.work()
    answers = make_caching(here.executor, shared=rows).predict([(position,) for position in range(1000)])
    assert answers.labels == [f"({position},)" for position in range(1000)]
    assert [len(one_pass) for one_pass in here.executor.passes] == [500, 500]


@pytest.mark.parametrize("garbage", [b"", b"\x00" * 100, b'["yes",null]', random.Random(7).randbytes(100)])
def test_garbage_is_not_believed_and_is_replaced(here: Installation, client: Redis, garbage: bytes) -> None:
    rows = here.open_rows()
    here.cached_rows(rows)
    for key in client.scan_iter():
        client.set(key, garbage)
    assert [here.cached_rows(rows) for _ in range(2)] == [0, 1]
    assert here.counts.damaged == 1


def test_what_is_no_text_there_is_not_believed_and_is_replaced(here: Installation, client: Redis) -> None:
    rows = here.open_rows()
    here.cached_rows(rows)
    for key in client.scan_iter():
        client.delete(key)
        client.lpush(key, "a list")
    assert [here.cached_rows(rows) for _ in range(2)] == [0, 1]


def test_the_answer_to_another_row_is_not_believed(here: Installation, client: Redis) -> None:
    rows = here.open_rows()
    here.cached_rows(rows)
    (mine,) = client.scan_iter()
    make_caching(here.executor, shared=rows).predict([(2,)])
    rows.work()
    (other,) = (key for key in client.scan_iter() if key != mine)
    client.copy(other, mine, replace=True)
    assert here.cached_rows(rows) == 0
    assert here.counts.damaged == 1


def test_what_another_installation_has_written_is_not_believed(here: Installation) -> None:
    here.cached_rows(here.open_rows())
    assert here.cached_rows(here.open_rows(secret="t" * 32)) == 0


def test_after_it_was_emptied_answers_are_written_again(here: Installation, client: Redis) -> None:
    rows = here.open_rows()
    here.cached_rows(rows)
    client.flushall()
    assert [here.cached_rows(rows) for _ in range(2)] == [0, 1]


def test_a_full_redis_is_still_read_and_written_again_when_it_has_room(
    here: Installation, client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    rows = here.open_rows()
    here.cached_rows(rows)
    client.config_set("maxmemory", 1)
    try:
        assert here.cached_rows(rows, "2") == 0
        assert here.cached_rows(rows, "1") == 1
        time.sleep(1)
        assert here.cached_rows(rows, "2") == 0
        assert rows.lost == 2
        assert caplog.messages == ["Redis takes no answers (OutOfMemoryError); it is asked again every second."]
    finally:
        client.config_set("maxmemory", 0)
    time.sleep(1)
    assert [here.cached_rows(rows, "2") for _ in range(2)] == [0, 1]
    assert here.link.outages == 0


def test_a_redis_that_is_only_to_be_read_is_read(
    here: Installation, client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    rows = here.open_rows()
    here.cached_rows(rows)
    client.replicaof("127.0.0.1", "1")
    try:
        assert [here.cached_rows(rows, version) for version in ("2", "1")] == [0, 1]
        assert caplog.messages == ["Redis takes no answers (ReadOnlyError); it is asked again every second."]
    finally:
        client.replicaof("NO", "ONE")
    assert here.link.outages == 0


def test_while_it_is_dead_rows_are_computed_and_when_it_is_back_it_is_used_without_a_request_asking(
    here: Installation, server: RedisServer
) -> None:
    rows = here.open_rows()
    here.cached_rows(rows)
    rows.start()
    server.kill()
    assert [here.cached_rows(rows) for _ in range(20)] == [0] * 20
    server.start()
    time.sleep(2)
    assert rows.read_cost() is not None
    assert [here.cached_rows(rows) for _ in range(2)] == [0, 1]
    rows.close()


def test_while_it_hangs_each_thread_waits_once_at_most(here: Installation, server: RedisServer) -> None:
    rows = here.open_rows(timeout_seconds=CALL_TIMEOUT_SECONDS)
    caching = [make_caching(here.executor, shared=rows) for _ in range(8)]

    def ask(number: int) -> list[float]:
        times = []
        for position in range(50):
            began = time.perf_counter()
            caching[number].predict([(position,)])
            times.append(time.perf_counter() - began)
        return times

    server.freeze()
    try:
        with ThreadPoolExecutor(8) as threads:
            times = list(threads.map(ask, range(8)))
    finally:
        server.thaw()
    waited = [sum(seconds >= CALL_TIMEOUT_SECONDS for seconds in of_one) for of_one in times]
    assert max(waited) <= 1
    assert here.link.outages == 1


def test_connections_that_are_cut_cost_no_answer(here: Installation, client: Redis) -> None:
    rows = here.open_rows()
    for _ in range(5):
        client.client_kill_filter(_type="normal", skipme=True)
        here.cached_rows(rows)
    assert here.executor.passes


def test_a_slow_one_is_not_asked_where_the_model_is_faster(here: Installation) -> None:
    rows = here.open_rows()
    fast = rows.read_cost()
    assert fast is not None
    here.link.seconds = 0.02
    for _ in range(3):
        rows.measure()
    slow = rows.read_cost()
    assert slow is not None
    assert slow.estimate_seconds(1) > 0.01 > fast.estimate_seconds(1)


def test_what_waits_to_be_written_has_a_bound(here: Installation) -> None:
    rows = here.open_rows()
    many = {position.to_bytes(32, "big"): b"1" for position in range(MOST_ROWS_WAITING)}
    rows.keep("churn:1", many, are_wanted=lambda: True)
    rows.keep("churn:1", {b"x" * 32: b"1"}, are_wanted=lambda: True)
    assert rows.lost == 1


def test_what_is_distrusted_is_removed_with_what_waits_to_be_written(here: Installation, client: Redis) -> None:
    rows, told = here.open_rows(), []
    here.cached_rows(rows, "1")
    here.cached_rows(rows, "2")
    caching = make_caching(here.executor, shared=rows)
    caching.predict([(2,)])
    caching.close()
    rows.forget("churn:1", then=lambda: told.append(client.dbsize()))
    rows.work()
    assert told == [1]
    assert [here.cached_rows(rows, version) for version in ("1", "2")] == [0, 1]
