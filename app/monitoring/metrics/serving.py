"""Which model answers, and which workers are there to answer with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from prometheus_client import Metric
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

NOT_READY = ""


@dataclass(frozen=True)
class ServedModel:
    """What the worker that answers serves."""

    name: str
    version: str
    problem_type: str
    eval_metric: str
    execution: str


class ServingCollector(Collector):
    """
    Args:
        read_model: None while there is none.
        read_workers: The version that each living worker of this machine answers with; None for one that has none.
    """

    def __init__(
        self, read_model: Callable[[], ServedModel | None], read_workers: Callable[[], Sequence[str | None]]
    ) -> None:
        self._read_model = read_model
        self._read_workers = read_workers

    def collect(self) -> Iterator[Metric]:
        model = self._read_model()
        if model is not None:
            labels = asdict(model)
            info = GaugeMetricFamily("gluonserve_model_info", "The model that answers; always 1.", labels=tuple(labels))
            info.add_metric(tuple(labels.values()), 1)
            yield info
        versions = self._read_workers()
        yield GaugeMetricFamily(
            "gluonserve_workers_ready",
            "Living workers of this machine that answer predictions.",
            value=sum(version is not None for version in versions),
        )
        workers = GaugeMetricFamily(
            "gluonserve_workers",
            "Living workers of this machine by the version that they answer with; empty for none.",
            labels=("version",),
        )
        for version, count in sorted(Counter(version or NOT_READY for version in versions).items()):
            workers.add_metric((version,), count)
        yield workers
