"""Samples in figures: percentiles, rates, errors by kind, and how they went over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.loadtest.sending.samples import Moments, Samples

LATE_MS = 10.0
"""A request that begins so long after it was due counts as late."""
UNSENT = "never sent: all users were busy"
MOST_SLICES = 60
_SLICE_SECONDS = (0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800)
_BINS_PER_DECADE = 20
_TINIEST_MS = 1e-3


@dataclass(frozen=True)
class Latency:
    """Milliseconds from when requests were due to the last byte of their answers; percentiles are those of all."""

    mean: float
    min: float
    max: float
    p50: float
    p95: float
    p99: float
    p999: float


@dataclass(frozen=True)
class FailureCount:
    """One kind of failure.

    Attributes:
        p50_ms: How long half of them took to fail; None for those that were never sent.
    """

    kind: str
    count: int
    p50_ms: float | None


@dataclass(frozen=True)
class Slice:
    """A part of the time: what was answered within it, and the latency of those that were due within it.

    Attributes:
        start: In seconds since the run began.
        p50_ms: None when nothing that was due in it succeeded.
    """

    start: float
    seconds: float
    succeeded: int
    failed: int
    p50_ms: float | None
    p99_ms: float | None

    @property
    def per_second(self) -> float:
        return self.succeeded / self.seconds


@dataclass(frozen=True)
class Bin:
    """How many requests took from `low_ms` to `high_ms`."""

    low_ms: float
    high_ms: float
    count: int


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What came of a run.

    Attributes:
        seconds: The time that the rates refer to: until the end of the load, without waiting for the last answers.
        per_second: Successful requests.
        latency: Of the successful requests; None when there were none.
        failed: Requests without a good answer, among them those that were due and never sent.
        late: Requests that began more than LATE_MS after they were due, because all users were busy.
    """

    seconds: float
    requests: int
    succeeded: int
    failed: int
    per_second: float
    rows_per_second: float
    latency: Latency | None
    failures: tuple[FailureCount, ...]
    late: int
    latest_ms: float
    slices: tuple[Slice, ...]
    distribution: tuple[Bin, ...]

    @property
    def success_rate(self) -> float:
        return self.succeeded / self.requests if self.requests else 0.0

    def to_document(self) -> dict[str, Any]:
        return {"success_rate": self.success_rate, **asdict(self)}


def compute_figures(
    samples: Samples, *, rows_per_request: int, seconds: float | None = None, unsent: int = 0
) -> Figures:
    """Figures of a run.

    Args:
        seconds: How long the load was to take; None when it ended with its last answer.
        unsent: Requests that were due, and that nobody was free to send.
    """
    last = float(samples.ended.max()) if len(samples) else 0.0
    span = max(last if seconds is None else min(seconds, last) or seconds, 1e-9)
    good = samples.is_success
    succeeded = int(good.sum())
    in_time = int((good & (samples.ended <= span)).sum())
    late_ms = samples.lateness_ms
    return Figures(
        seconds=span,
        requests=len(samples) + unsent,
        succeeded=succeeded,
        failed=len(samples) + unsent - succeeded,
        per_second=in_time / span,
        rows_per_second=in_time * rows_per_request / span,
        latency=_summarise_latencies(samples.latencies_ms[good]),
        failures=_count_failures(samples, unsent),
        late=int((late_ms > LATE_MS).sum()),
        latest_ms=float(late_ms.max()) if len(samples) else 0.0,
        slices=tuple(_cut_into_slices(samples, span)),
        distribution=_bin_latencies(samples.latencies_ms[good]),
    )


def choose_slice_seconds(span: float) -> float:
    """The shortest slices of which not too many make up a time."""
    return next((seconds for seconds in _SLICE_SECONDS if span / seconds <= MOST_SLICES), span / MOST_SLICES)


def _summarise_latencies(latencies_ms: Moments) -> Latency | None:
    if not len(latencies_ms):
        return None
    p50, p95, p99, p999 = (float(value) for value in np.percentile(latencies_ms, [50, 95, 99, 99.9]))
    mean, least, most = float(latencies_ms.mean()), float(latencies_ms.min()), float(latencies_ms.max())
    return Latency(mean=mean, min=least, max=most, p50=p50, p95=p95, p99=p99, p999=p999)


def _count_failures(samples: Samples, unsent: int) -> tuple[FailureCount, ...]:
    """The most frequent first."""
    counts = np.bincount(samples.outcomes, minlength=1)
    found = [
        FailureCount(samples.names[kind], int(counts[kind]), _take_median(samples, samples.outcomes == kind))
        for kind in np.flatnonzero(counts)
        if kind
    ]
    if unsent:
        found.append(FailureCount(UNSENT, unsent, None))
    return tuple(sorted(found, key=lambda each: (-each.count, each.kind)))


def _take_median(samples: Samples, chosen: npt.NDArray[np.bool_]) -> float:
    return float(np.median(samples.latencies_ms[chosen]))


def _cut_into_slices(samples: Samples, span: float) -> Iterator[Slice]:
    """The last slice may be shorter than the others."""
    width = choose_slice_seconds(span)
    good, latencies_ms = samples.is_success, samples.latencies_ms
    for number in range(int(np.ceil(round(span / width, 6)))):
        start, end = number * width, min((number + 1) * width, span)
        ended = (samples.ended > start) & (samples.ended <= end)
        due = good & (samples.due >= start) & (samples.due < end)
        p50, p99 = np.percentile(latencies_ms[due], [50, 99]) if due.any() else (None, None)
        yield Slice(
            start=start,
            seconds=end - start,
            succeeded=int((ended & good).sum()),
            failed=int((ended & ~good).sum()),
            p50_ms=None if p50 is None else float(p50),
            p99_ms=None if p99 is None else float(p99),
        )


def _bin_latencies(latencies_ms: Moments) -> tuple[Bin, ...]:
    """Bins whose widths grow with the latency, from the first that holds one to the last."""
    if not len(latencies_ms):
        return ()
    places = np.floor(np.log10(np.maximum(latencies_ms, _TINIEST_MS)) * _BINS_PER_DECADE).astype(int)
    first = int(places.min())
    edges = [10.0 ** ((first + step) / _BINS_PER_DECADE) for step in range(int(places.max()) - first + 2)]
    counts = np.bincount(places - first)
    return tuple(Bin(low, high, int(number)) for low, high, number in zip(edges[:-1], edges[1:], counts, strict=True))
