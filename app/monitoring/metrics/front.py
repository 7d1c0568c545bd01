"""What is counted in front of the application and beside it: connections that workers took, and workers that ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

# By the names that the front counts under: what they are called here.
_COUNTERS = {
    "taken": ("connections", "Connections that workers have taken; exact, also for workers that were killed."),
    "hung": (
        "hung_predictions",
        "Predictions that were given up and answered 504; their workers were replaced.",
    ),
    "deaths": ("worker_deaths", "Workers that ended while they served, without being told to."),
    "boot_failures": ("worker_boot_failures", "Workers that ended before they could serve."),
}
_REFUSED_BODIES = "refused_bodies"


class FrontCollector(Collector):
    """Args: count: Totals of the whole server by the names above, and by the codes of refusals."""

    def __init__(self, count: Callable[[], Mapping[str, int]]) -> None:
        self._count = count

    def collect(self) -> Iterator[Metric]:
        counts = dict(self._count())
        for name, (metric, meaning) in _COUNTERS.items():
            yield CounterMetricFamily(f"gluonserve_{metric}", meaning, value=counts.pop(name))
        yield GaugeMetricFamily(
            "gluonserve_lethal_bodies",
            "Request bodies that are refused now because workers ended while they were at them.",
            value=counts.pop(_REFUSED_BODIES),
        )
        refused = CounterMetricFamily(
            "gluonserve_overload_refusals",
            "Requests that were answered in front of the workers, by the code of the answer; no other metric has them.",
            labels=("code",),
        )
        for code, count in counts.items():
            refused.add_metric((code,), count)
        yield refused
