"""The page that Prometheus reads: what all workers have counted, and what is looked up when it asks."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.monitoring.metrics.reading import TOO_OLD_SECONDS, BoundedReading
from app.monitoring.metrics.sharing import SharedValues

_OPENMETRICS = "application/openmetrics-text"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MetricsPage:
    content: bytes
    media_type: str


class GuardedCollector(Collector):
    """Stands in front of a collector that looks something up.

    Fallback: when it fails, or takes longer than half a second, the page says what it said last, for up to a minute,
    and then leaves its metrics out. Each time is counted in `failures` and the first of each kind is logged; whoever
    watches still sees the rest.
    """

    def __init__(self, collector: Collector) -> None:
        self.failures = 0
        self._name = type(collector).__name__
        self._reading = BoundedReading(lambda: tuple(collector.collect()))
        self._logged: set[type[Exception]] = set()

    def collect(self) -> Iterable[Metric]:
        try:
            return self._reading.read()
        except Exception as fault:
            self._note_failure(fault)
            known = self._reading.recall(TOO_OLD_SECONDS)
            return () if known is None else known.value

    def _note_failure(self, fault: Exception) -> None:
        self.failures += 1
        if type(fault) not in self._logged:
            self._logged.add(type(fault))
            logger.warning("%s has nothing new for the metrics for now", self._name, exc_info=fault)


class PageWriter:
    """Args: collectors: What is looked up for every page."""

    def __init__(self, collectors: Sequence[Collector]) -> None:
        self._collectors = [GuardedCollector(one) for one in collectors]

    def add(self, collector: Collector) -> None:
        self._collectors.append(GuardedCollector(collector))

    @property
    def failures(self) -> int:
        """Times that a collector had nothing new, in this process."""
        return sum(collector.failures for collector in self._collectors)

    def write(self, accept: str, *, own: CollectorRegistry, shared: SharedValues | None) -> MetricsPage:
        """Write the page as OpenMetrics for a header `Accept` that asks for it, else as text of Prometheus.

        Args:
            own: What this process counts by itself, as long as it shares nothing.
        """
        registry = CollectorRegistry()
        if shared is None:
            registry.register(own)
        else:
            MultiProcessCollector(registry, path=str(shared.directory))  # type: ignore[no-untyped-call]
        for collector in self._collectors:
            registry.register(collector)
        # Not the header itself: the library would repeat parts of it in the answer.
        encode, media_type = choose_encoder(_OPENMETRICS if _OPENMETRICS in accept else "")
        return MetricsPage(encode(registry), media_type)
