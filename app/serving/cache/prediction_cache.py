"""The cache of one process: one memory for all releases, and what stands before each of them."""

from __future__ import annotations

import glob
import logging
from collections.abc import Collection
from fnmatch import fnmatchcase
from pathlib import Path

from app.runtime.loading import LoadedRelease
from app.serving.cache.caching import CachingExecutor
from app.serving.cache.clearing import ClearingFollower, order_clearing
from app.serving.cache.counts import CacheCounts
from app.serving.cache.digests import RowDigests
from app.serving.cache.flights import Flights
from app.serving.cache.measuring import measure_look, read_model_cost
from app.serving.cache.memory import RowMemory
from app.serving.cache.shared.answers import SharedAnswers
from app.serving.cache.shared.keys import name_release
from app.serving.cache.shared.redis_rows import NoSharedRows, SharedRows
from app.serving.cache.worth import Worth

logger = logging.getLogger(__name__)


class PredictionCache:
    """Remembers answers of every release that this process holds, and forgets those of a release that it lets go.

    Answers in Redis stay there for their time when a version is replaced: a rollback finds them again.

    Attributes:
        counts: What became of the rows that were asked for.
        memory: What this process remembers.
        shared: What all processes do.
    """

    def __init__(self, store: Path, *, memory_bytes: int, counts: CacheCounts, shared: SharedRows) -> None:
        self.counts = counts
        self.memory = RowMemory(most_bytes=memory_bytes)
        self.shared = shared
        self._store = store
        self._clearing = ClearingFollower(store, self._clear)
        self._flights = Flights()
        self._standing: dict[str, tuple[LoadedRelease, CachingExecutor]] = {}
        self._seen: set[str] = set()

    def start(self) -> None:
        self.shared.start()

    def close(self) -> None:
        self.shared.close()

    def stand_before(self, release: LoadedRelease) -> CachingExecutor:
        """What answers in place of the executor of a release that was loaded just now."""
        version = release.manifest.version
        self._close(version)
        digests = RowDigests(release)
        look, model = measure_look(release, digests), read_model_cost(release)
        worth = Worth("in memory", look=lambda: look, model=model)
        shared_worth = Worth("in Redis", look=self.shared.read_cost, model=model)
        shared = SharedAnswers(name_release(release.manifest), self.shared, shared_worth)
        caching = CachingExecutor(
            release.executor,
            digests,
            memory=self.memory,
            shared=shared,
            worth=worth,
            flights=self._flights,
            counts=self.counts,
        )
        self._standing[version] = release, caching
        return caching

    def follow(self, held: Collection[str]) -> None:
        """Forget what is ordered to be forgotten, and the answers of versions that this process holds no more."""
        self._clearing.follow()
        for version, (_, caching) in list(self._standing.items()):
            if version in held:
                self._seen.add(version)
                caching.tell_worth(version)
            # One that was never seen is being loaded.
            elif version in self._seen:
                self._close(version)

    def distrust(self, release: LoadedRelease) -> None:
        """Forget all answers of a release that turned out to answer wrongly, everywhere, and keep none still to come.

        Redis first and then the other workers: they would find them there again.
        """
        version = release.manifest.version
        standing = self._standing.get(version)
        if standing is not None and standing[1] is release.cached:
            self._close(version)
        label = name_release(release.manifest)
        self.shared.forget(label, then=lambda: self._order_clearing(label))

    def describe(self) -> dict[str, int]:
        """What this process remembers, and what became of the rows that it was asked for since it began."""
        counts = {name: getattr(self.counts, name) for name in CacheCounts.NAMES}
        return {"rows": len(self.memory), "bytes": self.memory.used_bytes, **counts}

    def _clear(self, pattern: str) -> None:
        for release, caching in list(self._standing.values()):
            if fnmatchcase(name_release(release.manifest), pattern):
                caching.forget()

    def _order_clearing(self, label: str) -> None:
        """Fallback: where the store cannot be written, other workers forget when they forget; logged."""
        try:
            order_clearing(self._store, glob.escape(label))
        except OSError as fault:
            logger.error("Other workers cannot be told to forget what %s answered (%s).", label, fault.strerror)

    def _close(self, version: str) -> None:
        self._seen.discard(version)
        standing = self._standing.pop(version, None)
        if standing is not None:
            standing[1].close()


class NoCache:
    """Switched off: the model computes every row."""

    counts = CacheCounts()
    memory = RowMemory(most_bytes=0)
    shared = NoSharedRows()

    def start(self) -> None: ...

    def close(self) -> None: ...

    def stand_before(self, release: LoadedRelease) -> None: ...

    def follow(self, held: Collection[str]) -> None: ...

    def distrust(self, release: LoadedRelease) -> None: ...

    def describe(self) -> None:
        return None
