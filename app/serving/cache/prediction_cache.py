"""The cache of one process: one memory for all releases, and what stands before each of them."""

from __future__ import annotations

import logging
from collections.abc import Collection

from app.runtime.loading import LoadedRelease
from app.serving.cache.caching import CachingExecutor
from app.serving.cache.counts import CacheCounts
from app.serving.cache.digests import RowDigests
from app.serving.cache.flights import Flights
from app.serving.cache.memory import RowMemory

logger = logging.getLogger(__name__)


class PredictionCache:
    """Remembers answers of every release that this process holds, and forgets those of a release that it lets go.

    Attributes:
        counts: What became of the rows that were asked for.
        memory: What this process remembers.
    """

    def __init__(self, *, memory_bytes: int) -> None:
        self.counts = CacheCounts()
        self.memory = RowMemory(most_bytes=memory_bytes)
        self._flights = Flights()
        self._by_version: dict[str, CachingExecutor] = {}
        self._seen: set[str] = set()

    def stand_before(self, release: LoadedRelease) -> CachingExecutor:
        """What answers in place of the executor of a release that was loaded just now."""
        self._close(release.manifest.version)
        caching = CachingExecutor(
            release.executor,
            RowDigests(release),
            memory=self.memory,
            flights=self._flights,
            counts=self.counts,
        )
        self._by_version[release.manifest.version] = caching
        return caching

    def keep_only(self, held: Collection[str]) -> None:
        """Forget the answers of versions that this process held, and holds no more."""
        for version in list(self._by_version):
            if version in held:
                self._seen.add(version)
            # One that was never seen is being loaded.
            elif version in self._seen:
                self._close(version)

    def distrust(self, release: LoadedRelease) -> None:
        """Forget all answers of a release that turned out to answer wrongly, and keep none that is still to come."""
        if self._by_version.get(release.manifest.version) is release.cached:
            self._close(release.manifest.version)

    def _close(self, version: str) -> None:
        self._seen.discard(version)
        caching = self._by_version.pop(version, None)
        if caching is not None:
            caching.close()


class NoCache:
    """Switched off: the model computes every row."""

    counts = CacheCounts()

    def stand_before(self, release: LoadedRelease) -> None: ...

    def keep_only(self, held: Collection[str]) -> None: ...

    def distrust(self, release: LoadedRelease) -> None: ...
