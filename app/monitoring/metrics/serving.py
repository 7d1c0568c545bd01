"""Which model answers since when, which workers are there to answer with it, and how their golden rows came out."""

from __future__ import annotations

import time
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


@dataclass(frozen=True)
class ServingWorker:
    """A living worker of this machine.

    Attributes:
        version: That it answers with; None when it does with none.
        golden_ok: Whether its last golden row came out right; None as long as there was none.
        golden_at: When that was, in seconds since 1970.
        stands_in: Whether that is another one than the active version, which it cannot load.
        looked_for, known: Rows whose answers it has looked for since it began, and those that were known.
    """

    version: str | None
    golden_ok: bool | None = None
    golden_at: float | None = None
    stands_in: bool = False
    looked_for: int = 0
    known: int = 0


@dataclass(frozen=True)
class ActiveVersion:
    """The version that the pointer names, and since when it does, in seconds since 1970."""

    version: str
    activated_at: float


class ServingCollector(Collector):
    """All that it is given returns None, or nothing, where there is none."""

    def __init__(
        self,
        *,
        read_model: Callable[[], ServedModel | None],
        read_active: Callable[[], ActiveVersion | None],
        read_workers: Callable[[], Sequence[ServingWorker]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._read_model = read_model
        self._read_active = read_active
        self._read_workers = read_workers
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        yield from self._describe_model()
        workers = self._read_workers()
        yield from _describe_workers(workers)
        yield from self._describe_golden_rows(workers)
        yield from _describe_cache(workers)

    def _describe_model(self) -> Iterator[Metric]:
        model, active = self._read_model(), self._read_active()
        if model is not None:
            labels = asdict(model)
            info = GaugeMetricFamily(
                "gluonserve_model_info",
                "The model that the worker which answers serves; always 1.",
                labels=tuple(labels),
            )
            info.add_metric(tuple(labels.values()), 1)
            yield info
        if active is not None:
            since = GaugeMetricFamily(
                "gluonserve_model_activated_timestamp_seconds",
                "When the active version was activated, in seconds since 1970.",
                labels=("version",),
            )
            since.add_metric((active.version,), active.activated_at)
            yield since

    def _describe_golden_rows(self, workers: Sequence[ServingWorker]) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "gluonserve_golden_failed_workers",
            "Living workers of this machine whose last golden row came out wrong, or not at all.",
            value=sum(worker.golden_ok is False for worker in workers),
        )
        moments = [worker.golden_at for worker in workers if worker.golden_at is not None]
        if moments:
            yield GaugeMetricFamily(
                "gluonserve_golden_age_seconds",
                "Since when the worker whose last golden row is the oldest has predicted none.",
                value=max(0.0, self._clock() - min(moments)),
            )


def _describe_workers(workers: Sequence[ServingWorker]) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "gluonserve_workers_ready",
        "Living workers of this machine that answer predictions.",
        value=sum(worker.version is not None for worker in workers),
    )
    yield GaugeMetricFamily(
        "gluonserve_stand_in_workers",
        "Living workers of this machine that answer with another version because they cannot load the active one.",
        value=sum(worker.stands_in for worker in workers),
    )
    counted = GaugeMetricFamily(
        "gluonserve_workers",
        "Living workers of this machine by the version that they answer with; empty for none.",
        labels=("version",),
    )
    for version, count in sorted(Counter(worker.version or NOT_READY for worker in workers).items()):
        counted.add_metric((version,), count)
    yield counted


def _describe_cache(workers: Sequence[ServingWorker]) -> Iterator[Metric]:
    looked_for = sum(worker.looked_for for worker in workers)
    if looked_for:
        yield GaugeMetricFamily(
            "gluonserve_cache_hit_ratio",
            "Share of the rows looked for whose answers were known, of all that the living workers were asked for.",
            value=sum(worker.known for worker in workers) / looked_for,
        )
