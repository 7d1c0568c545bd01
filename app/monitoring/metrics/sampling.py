"""Counts that parts of this process keep by themselves, taken over into shared values once a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge

SECONDS_BETWEEN_SAMPLES = 1.0


@dataclass(frozen=True)
class Counts:
    """What a part has counted since it began.

    Attributes:
        source: The part itself; when it is another one, it has begun anew.
    """

    source: object
    by_name: Mapping[str, int]


@dataclass(frozen=True)
class Sampled:
    """Numbers to sample: counters by the ends of their names, each with its meaning, and where they come from."""

    meanings: Mapping[str, str]
    read: Callable[[], Counts | None]


class Sampler:
    """Adds up what the parts have counted.

    Args:
        read_under_way: How many predictions are under way in this process now.
    """

    def __init__(
        self, registry: CollectorRegistry, sampled: tuple[Sampled, ...], *, read_under_way: Callable[[], int]
    ) -> None:
        self._parts = [_Part(one, registry) for one in sampled]
        self._read_under_way = read_under_way
        self._under_way = Gauge(
            "gluonserve_predictions_under_way",
            "Predictions that have begun and not ended.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._next_at = 0.0

    def sample(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if now < self._next_at and not at_once:
            return
        self._next_at = now + SECONDS_BETWEEN_SAMPLES
        self._under_way.set(self._read_under_way())
        for part in self._parts:
            part.sample()


class _Part:
    def __init__(self, sampled: Sampled, registry: CollectorRegistry) -> None:
        self._read = sampled.read
        self._counters = {
            name: Counter(f"gluonserve_{name}", meaning, registry=registry)
            for name, meaning in sampled.meanings.items()
        }
        self._last = Counts(None, {})

    def sample(self) -> None:
        counts = self._read()
        if counts is None:
            return
        known = self._last.by_name if counts.source is self._last.source else {}
        for name, count in counts.by_name.items():
            self._counters[name].inc(count - known.get(name, 0))
        self._last = counts
