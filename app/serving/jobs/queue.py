"""Who is told of jobs, and when: a queue of huey, on SQLite or Redis. What is to be done stands in the database.

A message that is lost costs a minute: every minute one worker tells anew of every job that waits.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huey import RedisHuey, SqliteHuey, crontab  # type: ignore[import-untyped]
from huey.exceptions import HueyException  # type: ignore[import-untyped]
from huey.serializer import SignedSerializer  # type: ignore[import-untyped]
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)

_NAME = "gluonserve-jobs"
# A worker waits for messages for a second at a time.
_SECONDS_OF_WORKERS = 5.0
# Who hands a job in waits meanwhile, and takes a thread from those who want predictions.
SECONDS_OF_SENDERS = 0.25
_LONGEST_PAUSE_SECONDS = 1.0
_FAILURES = (RedisError, sqlite3.Error, HueyException, OSError)


class JobQueue:
    """Tells workers of jobs, and is what a worker runs on.

    Attributes:
        lost: Messages that could not be sent; the jobs are begun within a minute all the same.
    """

    def __init__(self, huey: Any) -> None:
        self._huey = huey
        self._advance: Callable[[str], bool] = _advance_nothing
        self._sweep: Callable[[], None] = _sweep_nothing
        self._is_ending: Callable[[], bool] = lambda: False
        self._tell = huey.task(name="advance_job")(self._take)
        huey.periodic_task(crontab(minute="*"), name="sweep_jobs")(self._take_minute)
        self.lost = 0

    def wake(self, job_id: str) -> None:
        """Have some worker look at a job soon. Never raises.

        Fallback: without an answer of the queue, the job waits for the next minute; counted, and logged.
        """
        self._try_to_tell(job_id)

    def run(self, advance: Callable[[str], bool], sweep: Callable[[], None]) -> None:
        """Work until SIGTERM or Ctrl-C; the step under way is then done first.

        Args:
            advance: Does one step of a job, and tells whether there may be another one.
            sweep: What is to be done every minute, and at once.
        """
        self._advance, self._sweep = advance, sweep
        self._huey.on_startup(name="sweep")(sweep)
        consumer = self._huey.create_consumer(
            workers=1, graceful_signal="TERM", max_delay=_LONGEST_PAUSE_SECONDS, check_worker_health=True
        )
        self._is_ending = consumer.stop_flag.is_set
        consumer.run()

    def _take(self, job_id: str) -> None:
        """Put it behind those that wait after each step: a short job need not wait for the end of a long one.

        Fallback: while the queue takes no messages there are no others to be heard of either, and this job goes on.
        """
        while self._advance(job_id):
            if self._try_to_tell(job_id) or self._is_ending():
                return

    def _try_to_tell(self, job_id: str) -> bool:
        try:
            self._tell(job_id)
        except _FAILURES as fault:
            self.lost += 1
            logger.warning("No worker could be told of job %s (%s).", job_id, type(fault).__name__)
            return False
        return True

    def _take_minute(self) -> None:
        self._sweep()


def open_sqlite_queue(path: Path, *, secret: str) -> JobQueue:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return JobQueue(SqliteHuey(_NAME, filename=str(path), serializer=_make_serializer(secret), results=False))


def open_redis_queue(url: str, *, secret: str, timeout_seconds: float = _SECONDS_OF_WORKERS) -> JobQueue:
    pool = ConnectionPool.from_url(
        url,
        socket_connect_timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        # By default it would try ten times: a minute for one message to a Redis that hangs.
        retry=Retry(NoBackoff(), 0),
    )
    return JobQueue(RedisHuey(_NAME, connection_pool=pool, serializer=_make_serializer(secret), results=False))


def _make_serializer(secret: str) -> Any:
    """Messages are pickles: only those that were signed here are opened."""
    return SignedSerializer(secret=secret, salt=_NAME)


def _advance_nothing(job_id: str) -> bool:  # noqa: ARG001 - as what is run
    return False


def _sweep_nothing() -> None:
    """Nothing is swept where nothing is run."""
