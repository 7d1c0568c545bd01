"""Messages about jobs, over real queues."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from app.serving.jobs.queue import JobQueue, open_redis_queue, open_sqlite_queue
from tests.redis_link.server import RedisServer

SECRET = "s" * 32


def take_one(queue: JobQueue) -> str | None:
    """What a worker does with the next message, without its threads."""
    told: list[str] = []

    def advance(job_id: str) -> bool:
        told.append(job_id)
        return False

    queue._advance = advance
    task = queue._huey.dequeue()
    if task is None:
        return None
    queue._huey.execute(task)
    return told[0]


def test_a_message_goes_through_a_file(tmp_path: Path) -> None:
    open_sqlite_queue(tmp_path / "jobs.db", secret=SECRET).wake("first")
    worker = open_sqlite_queue(tmp_path / "jobs.db", secret=SECRET)
    assert take_one(worker) == "first"
    assert take_one(worker) is None


def test_a_message_goes_through_redis() -> None:
    with RedisServer() as redis:
        open_redis_queue(redis.url, secret=SECRET).wake("first")
        assert take_one(open_redis_queue(redis.url, secret=SECRET)) == "first"


def test_a_job_with_more_to_do_is_put_behind_the_others(tmp_path: Path) -> None:
    queue = open_sqlite_queue(tmp_path / "jobs.db", secret=SECRET)
    queue.wake("long")
    queue.wake("short")
    queue._advance = lambda _: True
    queue._huey.execute(queue._huey.dequeue())
    assert [take_one(queue), take_one(queue)] == ["short", "long"]


def test_a_job_goes_on_where_it_is_while_the_queue_takes_no_messages() -> None:
    queue, steps = open_redis_queue("redis://127.0.0.1:1/0", secret=SECRET), list("abc")
    queue._advance = lambda _: bool(steps.pop()) and bool(steps)
    queue._take("long")
    assert (steps, queue.lost) == ([], 2)


def test_who_hands_a_job_in_does_not_wait_for_a_redis_that_hangs() -> None:
    with RedisServer() as redis:
        queue = open_redis_queue(redis.url, secret=SECRET, timeout_seconds=0.1)
        queue.wake("first")
        redis.freeze()
        begun = time.monotonic()
        queue.wake("second")
        # Of the library itself it would be a minute.
        assert time.monotonic() - begun < 5
        redis.thaw()
        assert queue.lost == 1


def test_messages_that_were_signed_by_others_are_not_opened(tmp_path: Path) -> None:
    open_sqlite_queue(tmp_path / "jobs.db", secret="o" * 32).wake("first")
    worker = open_sqlite_queue(tmp_path / "jobs.db", secret=SECRET)
    with pytest.raises(ValueError, match="mismatch"):
        worker._huey.dequeue()


def test_a_queue_that_cannot_be_reached_loses_a_message_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    queue = open_redis_queue("redis://127.0.0.1:1/0", secret=SECRET)
    queue.wake("first")
    assert queue.lost == 1
    assert "No worker could be told of job first (ConnectionError)." in caplog.text
