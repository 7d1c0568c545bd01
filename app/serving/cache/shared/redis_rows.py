"""Answers in Redis: read by the requests themselves, written and watched over by a thread beside them."""

from __future__ import annotations

import glob
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import cast

from redis import Redis
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as NoAnswer

from app.redis_link.link import RedisGone, RedisLink
from app.runtime.cost_curve import CostCurve
from app.serving.cache.counts import CacheCounts
from app.serving.cache.shared.keys import remove_keys, write_key
from app.serving.cache.shared.seal import Seal

MOST_ROWS_WAITING = 20_000
_SECONDS_BETWEEN_ROUNDS = 0.1
_SECONDS_BETWEEN_MEASUREMENTS = 1.0
# The link lets one call a second through while Redis does not answer; this is how soon after it may be made it is.
_SECONDS_BETWEEN_PROBES = 0.2
_SECONDS_AFTER_A_REFUSAL = 1.0
_MEASURED_ROWS = (1, 64)
_MEASUREMENTS_AT_FIRST, _MEASUREMENTS_KEPT = 3, 5

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Written:
    release: str
    answers: Mapping[bytes, bytes]


@dataclass(frozen=True, eq=False)
class _Forgotten:
    release: str
    then: Callable[[], None]


class RedisRows:
    """Answers that all workers share.

    A request reads at most once, with one command for all of its rows. Whatever else is to be done, a thread does: it
    writes, it measures what a look takes, and while Redis does not answer it is the one that looks whether Redis is
    back. So the only requests that ever wait for a dead Redis are those under way when it dies, and they wait once.

    Fallback: what is not found in time is computed, as if it had never been written; the link logs and counts outages.
    What Redis refuses to write (it is full, or only to be read), and what there is no room for while it cannot be
    written, is left out, and counted in `lost`; the first refusal of each kind is logged. What bears no seal of this
    installation is taken for not there, and counted as damaged.

    Attributes:
        lost: Answers that were to be written, and were not.
        cost: What a look takes by the last measurements; None as long as Redis does not answer.
    """

    def __init__(self, link: RedisLink, seal: Seal, *, ttl_seconds: int, counts: CacheCounts) -> None:
        self.lost = 0
        self.cost: CostCurve | None = None
        self._link = link
        self._seal = seal
        self._ttl_seconds = ttl_seconds
        self._counts = counts
        self._waiting: deque[_Written | _Forgotten] = deque()
        self._rows_waiting = 0
        self._measured = {rows: deque[float](maxlen=_MEASUREMENTS_KEPT) for rows in _MEASURED_ROWS}
        self._next_measurement = self._next_writing = 0.0
        self._refusals: set[type[Exception]] = set()
        self._lock = threading.Lock()
        self._round = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cache-in-redis", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Write what waits, if that can be done now, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def read_cost(self) -> CostCurve | None:
        return self.cost

    def find(self, release: str, names: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those that are there. Never raises."""
        if self.cost is None or self._link.is_given_up:
            return {}
        keys = [write_key(release, name) for name in names]
        try:
            sealed = self._link.call(lambda client: _read(client, keys))
        except RedisGone:
            return {}
        found, damaged = {}, 0
        for name, content in zip(names, sealed, strict=True):
            answer = None if content is None else self._seal.open(name, content)
            if answer is not None:
                found[name] = answer
            damaged += content is not None and answer is None
        if damaged:
            self._counts.add(damaged=damaged)
        return found

    def keep(self, release: str, answers: Mapping[bytes, bytes], *, are_wanted: Callable[[], bool]) -> None:
        """Have answers written soon; what is not wanted any more when it is this one's turn is not."""
        with self._lock:
            if not are_wanted():
                return
            if self._rows_waiting + len(answers) > MOST_ROWS_WAITING:
                self.lost += len(answers)
                return
            self._rows_waiting += len(answers)
            self._waiting.append(_Written(release, answers))

    def forget(self, release: str, *, then: Callable[[], None]) -> None:
        """Have all answers of a release removed soon, also those that wait to be written; then call `then`."""
        # Under the lock: what was wanted until now is in the queue before it, and nothing comes after it.
        with self._lock:
            self._waiting.append(_Forgotten(release, then))

    def work(self) -> None:
        """One round of the thread; whoever else calls it takes turns with the thread."""
        with self._round:
            now = time.monotonic()
            if now >= self._next_measurement:
                self.measure()
                pause = _SECONDS_BETWEEN_PROBES if self._link.is_given_up else _SECONDS_BETWEEN_MEASUREMENTS
                self._next_measurement = now + pause
            self._write_waiting()

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._stop.wait(_SECONDS_BETWEEN_ROUNDS)
            try:
                self.work()
            except Exception:
                # This thread has to outlive whatever goes wrong once.
                logger.exception("The cache in Redis failed; the next round is due in a moment.")

    def measure(self) -> None:
        """Look for rows that are not there; while Redis does not answer this is what finds out that it does again."""
        try:
            # The first one may have to connect, which requests seldom do.
            self._time_look(1)
            for _ in range(1 if self._measured[1] else _MEASUREMENTS_AT_FIRST):
                for rows, seconds in self._measured.items():
                    seconds.append(self._time_look(rows))
        except RedisGone:
            self.cost = None
            return
        (one, of_one), (many, of_many) = ((rows, median(seconds)) for rows, seconds in self._measured.items())
        per_row = max((of_many - of_one) / (many - one), of_one / 1000)
        self.cost = CostCurve(fixed_seconds=max(of_one - per_row, of_one / 1000), seconds_per_row=per_row)

    def _time_look(self, rows: int) -> float:
        keys = [write_key("", bytes([number])) for number in range(rows)]
        began = time.perf_counter()
        self._link.call(partial(_read, keys=keys))
        return time.perf_counter() - began

    def _write_waiting(self) -> None:
        while self._waiting and time.monotonic() >= self._next_writing:
            item = self._waiting[0]
            try:
                self._link.call(partial(self._do, item=item))
            except RedisGone:
                self._drop_what_waits_to_be_written()
                return
            self._take_off(item)

    def _do(self, client: Redis, item: _Written | _Forgotten) -> None:
        if isinstance(item, _Forgotten):
            remove_keys(client, glob.escape(item.release))
            item.then()
            return
        pipeline = client.pipeline(transaction=False)
        for name, answer in item.answers.items():
            pipeline.set(write_key(item.release, name), self._seal.close(name, answer), ex=self._ttl_seconds)
        try:
            pipeline.execute()
        except (NotConnected, NoAnswer):
            raise
        except ResponseError as refusal:
            # It answers: it can still be read, and that it writes again will show.
            self._note_refusal(refusal, rows=len(item.answers))

    def _note_refusal(self, refusal: ResponseError, *, rows: int) -> None:
        self.lost += rows
        self._next_writing = time.monotonic() + _SECONDS_AFTER_A_REFUSAL
        if type(refusal) not in self._refusals:
            self._refusals.add(type(refusal))
            logger.warning("Redis takes no answers (%s); it is asked again every second.", type(refusal).__name__)

    def _drop_what_waits_to_be_written(self) -> None:
        """Answers are not worth their room; that some are to be forgotten is not to be forgotten."""
        for item in list(self._waiting):
            if isinstance(item, _Written):
                self.lost += len(item.answers)
                self._take_off(item)

    def _take_off(self, item: _Written | _Forgotten) -> None:
        with self._lock:
            self._waiting.remove(item)
            self._rows_waiting -= len(item.answers) if isinstance(item, _Written) else 0


def _read(client: Redis, keys: Sequence[str]) -> list[bytes | None]:
    """One command for all of them; what is no text there is as if there were nothing."""
    return cast("list[bytes | None]", client.mget(keys))


class NoSharedRows:
    """There is no Redis: each process remembers by itself."""

    lost = 0

    def start(self) -> None: ...

    def close(self) -> None: ...

    def read_cost(self) -> None:
        return None

    def find(self, release: str, names: Sequence[bytes]) -> dict[bytes, bytes]:  # noqa: ARG002
        return {}

    def keep(self, release: str, answers: Mapping[bytes, bytes], *, are_wanted: Callable[[], bool]) -> None: ...

    def forget(self, release: str, *, then: Callable[[], None]) -> None: ...


SharedRows = RedisRows | NoSharedRows
