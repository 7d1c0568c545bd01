"""The metrics of one process: takes in what it observes, and writes the page of all processes that share with it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from app.monitoring.metrics.front import FrontCollector
from app.monitoring.metrics.machine import ProcessCollector
from app.monitoring.metrics.page import MetricsPage, PageWriter
from app.monitoring.metrics.requests import RequestMetrics
from app.monitoring.metrics.sampling import Counts, Sampled, Sampler
from app.monitoring.metrics.sharing import SharedValues, SharingFailed
from app.monitoring.observation import RequestObserved

_COUNTS_OF_PAGE = {"collector_failures": "Times that a part of this page could not be looked up, or not in time."}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Values:
    requests: RequestMetrics
    sampler: Sampler


class ProcessMetrics:
    """A consumer of observations.

    Its values are made when they are first needed: where the process shares them has to be known by then.

    Args:
        sampled: What parts of this process count by themselves.
        read_under_way: How many predictions are under way.
        collectors: What is looked up when the page is written.
    """

    def __init__(
        self, sampled: Sequence[Sampled], *, read_under_way: Callable[[], int], collectors: Sequence[Collector] = ()
    ) -> None:
        self._page = PageWriter(collectors)
        self._sampled = (*sampled, Sampled(_COUNTS_OF_PAGE, self._count_failures))
        self._read_under_way = read_under_way
        self._registry = CollectorRegistry()
        self._shared: SharedValues | None = None
        self._values: _Values | None = None
        self._lock = threading.Lock()

    def share(self, directory: Path, slot: int, *, front: Callable[[], Mapping[str, int]], master: int) -> None:
        """Count where the other workers of this server can read it, from before the first request on.

        Args:
            slot: The name of this process's files.
            front: What is counted in front of the application, for all workers together.
            master: The process that all workers are children of.

        Fallback: where the files have no room, each worker tells only of itself; logged.
        """
        shared = SharedValues(directory, slot)
        self._page.add(FrontCollector(front))
        self._page.add(ProcessCollector(master))
        with self._lock:
            try:
                shared.join()
            except SharingFailed as fault:
                logger.error("/metrics tells only of the worker that answers: there is %s.", fault)
                return
            self._shared = shared
            self._values = None

    def add_collector(self, collector: Collector) -> None:
        self._page.add(collector)

    def consume(self, events: Sequence[RequestObserved], *, lost: int) -> None:
        with self._lock:
            values = self._make_values()
            values.requests.consume(events, lost=lost)
            values.sampler.sample()

    def close(self) -> None:
        """Count what came since the last look."""
        with self._lock:
            self._make_values().sampler.sample(at_once=True)

    def write_page(self, accept: str) -> MetricsPage:
        with self._lock:
            self._make_values().sampler.sample(at_once=True)
            own, shared = self._registry, self._shared
        return self._page.write(accept, own=own, shared=shared)

    def _count_failures(self) -> Counts:
        return Counts(self._page, {"collector_failures": self._page.failures})

    def _make_values(self) -> _Values:
        if self._values is None:
            self._registry = CollectorRegistry()
            self._values = _Values(
                RequestMetrics(self._registry),
                Sampler(self._registry, self._sampled, read_under_way=self._read_under_way),
            )
        return self._values
