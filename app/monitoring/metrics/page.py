"""The page that Prometheus reads: what all workers have counted, and what is looked up when it asks."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.monitoring.metrics.sharing import SharedValues

_OPENMETRICS = "application/openmetrics-text"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MetricsPage:
    content: bytes
    media_type: str


class GuardedCollector(Collector):
    """Stands in front of a collector that looks something up.

    Fallback: when it fails its metrics are missing from the page, `gluonserve_collector_failures_total` counts it for
    this process, and the first failure of each kind is logged; whoever watches still sees the rest.
    """

    def __init__(self, collector: Collector) -> None:
        self.failures = 0
        self.name = type(collector).__name__
        self._collector = collector
        self._logged: set[type[Exception]] = set()

    def collect(self) -> Iterable[Metric]:
        try:
            return tuple(self._collector.collect())
        except Exception as fault:
            self.failures += 1
            if type(fault) not in self._logged:
                self._logged.add(type(fault))
                logger.warning("%s cannot be shown among the metrics for now", self.name, exc_info=fault)
            return ()


class _Failures(Collector):
    def __init__(self, collectors: Sequence[GuardedCollector]) -> None:
        self._collectors = collectors

    def collect(self) -> Iterator[Metric]:
        counter = CounterMetricFamily(
            "gluonserve_collector_failures",
            "Times that a part of this page was left out, counted by the worker that answers.",
            labels=("collector",),
        )
        for one in self._collectors:
            counter.add_metric((one.name,), one.failures)
        yield counter


class PageWriter:
    """Args: collectors: What is looked up for every page."""

    def __init__(self, collectors: Sequence[Collector]) -> None:
        self._collectors = [GuardedCollector(one) for one in collectors]

    def add(self, collector: Collector) -> None:
        self._collectors.append(GuardedCollector(collector))

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
        for collector in (*self._collectors, _Failures(self._collectors)):
            registry.register(collector)
        # Not the header itself: the library would repeat parts of it in the answer.
        encode, media_type = choose_encoder(_OPENMETRICS if _OPENMETRICS in accept else "")
        return MetricsPage(encode(registry), media_type)
