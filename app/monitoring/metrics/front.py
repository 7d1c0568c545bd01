"""What is counted in front of the application: connections that workers took, and what was answered without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

_TAKEN, _HUNG = "taken", "hung"


class FrontCollector(Collector):
    """Args: count: Totals of the whole server by name: `taken`, `hung`, and the codes of refusals."""

    def __init__(self, count: Callable[[], Mapping[str, int]]) -> None:
        self._count = count

    def collect(self) -> Iterator[Metric]:
        counts = dict(self._count())
        yield CounterMetricFamily(
            "gluonserve_connections",
            "Connections that workers have taken; exact, also for workers that were killed.",
            value=counts.pop(_TAKEN),
        )
        yield CounterMetricFamily(
            "gluonserve_hung_predictions",
            "Predictions that were given up and answered 504; their workers were replaced.",
            value=counts.pop(_HUNG),
        )
        refused = CounterMetricFamily(
            "gluonserve_overload_refusals",
            "Requests that were answered in front of the workers, by the code of the answer; no other metric has them.",
            labels=("code",),
        )
        for code, count in counts.items():
            refused.add_metric((code,), count)
        yield refused
