"""Plots of a load test: how many were answered over time, how fast over time, and how fast in all."""

from __future__ import annotations

from collections.abc import Sequence

from app.charts.chart import Canvas, Chart, Mark
from app.charts.scale import Scale, cover_logarithmically
from app.charts.text import write_number
from app.loadtest.results.figures import Figures, Latency, Slice

_MARGIN = 1.08


def draw_throughput(figures: Figures) -> Chart:
    """Successful requests a second over time."""
    slices = figures.slices
    rates = [each.per_second for each in slices]
    canvas = _open_canvas(slices, rates)
    return Chart(
        key="throughput",
        title="Throughput over time",
        description=f"Successful requests a second: {write_number(figures.per_second)} on average, from "
        f"{write_number(min(rates, default=0.0))} to {write_number(max(rates, default=0.0))} in parts of "
        f"{write_number(_measure_width(slices))} s.",
        x_label="seconds since the start",
        y_label="requests/s",
        x_ticks=canvas.list_x_ticks(),
        y_ticks=canvas.list_y_ticks(),
        marks=(Mark(canvas.draw_broken_line(_place(slices, rates)), "line", "successful requests a second"),),
    )


def draw_latency_over_time(figures: Figures, latency: Latency) -> Chart:
    """p50 and p99 of the requests that were due in each part of the time."""
    slices = figures.slices
    p50, p99 = [each.p50_ms for each in slices], [each.p99_ms for each in slices]
    canvas = Canvas(
        Scale(0.0, figures.seconds), cover_logarithmically(value for value in (*p50, *p99) if value is not None)
    )
    return Chart(
        key="latency-over-time",
        title="Latency over time",
        description=f"p50 and p99 of the requests due in parts of {write_number(_measure_width(slices))} s; over the "
        f"whole run they are {write_number(latency.p50)} and {write_number(latency.p99)} ms. Logarithmic.",
        x_label="seconds since the start",
        y_label="ms",
        x_ticks=canvas.list_x_ticks(),
        y_ticks=canvas.list_y_ticks(),
        marks=(
            Mark(canvas.draw_broken_line(_place(slices, p99)), "dashed", "p99"),
            Mark(canvas.draw_broken_line(_place(slices, p50)), "line", "p50"),
        ),
    )


def draw_distribution(figures: Figures, latency: Latency) -> Chart:
    """How many requests took how long, in bins that grow with the latency."""
    bins = figures.distribution
    highest = max(each.count for each in bins)
    x = Scale(bins[0].low_ms / 1.2, bins[-1].high_ms * 1.2, is_logarithmic=True)
    canvas = Canvas(x, Scale(0.0, highest * _MARGIN))
    return Chart(
        key="distribution",
        title="Distribution of latency",
        description=f"Successful requests by how long they took, {write_number(latency.min)} to "
        f"{write_number(latency.max)} ms; 95 of 100 took at most {write_number(latency.p95)} ms, 99 of 100 at most "
        f"{write_number(latency.p99)} ms. Logarithmic.",
        x_label="ms",
        y_label="requests",
        x_ticks=canvas.list_x_ticks(),
        y_ticks=canvas.list_y_ticks(),
        marks=(
            Mark(canvas.draw_bars((each.low_ms, each.high_ms, each.count) for each in bins), "bars", "requests"),
            Mark(canvas.draw_line([(latency.p99, 0.0), (latency.p99, highest * _MARGIN)]), "dashed", "p99"),
        ),
    )


def draw_failures(figures: Figures) -> Chart:
    """Failed requests a second over time."""
    slices = figures.slices
    rates = [each.failed / each.seconds for each in slices]
    canvas = _open_canvas(slices, rates)
    bars = ((each.start, each.start + each.seconds, rate) for each, rate in zip(slices, rates, strict=True) if rate)
    return Chart(
        key="failures-over-time",
        title="Failed requests over time",
        description=f"Failed requests a second, {sum(each.failed for each in slices):,} in this time; at most "
        f"{write_number(max(rates, default=0.0))} a second in parts of {write_number(_measure_width(slices))} s.",
        x_label="seconds since the start",
        y_label="failed requests/s",
        x_ticks=canvas.list_x_ticks(),
        y_ticks=canvas.list_y_ticks(),
        marks=(Mark(canvas.draw_bars(bars), "failed", "failed requests a second"),),
    )


def _open_canvas(slices: Sequence[Slice], rates: Sequence[float]) -> Canvas:
    end = slices[-1].start + slices[-1].seconds if slices else 1.0
    return Canvas(Scale(0.0, end), Scale(0.0, max(rates, default=0.0) * _MARGIN or 1.0))


def _place(slices: Sequence[Slice], values: Sequence[float | None]) -> list[tuple[float, float | None]]:
    """Each value in the middle of its slice."""
    return [(each.start + each.seconds / 2, value) for each, value in zip(slices, values, strict=True)]


def _measure_width(slices: Sequence[Slice]) -> float:
    return slices[0].seconds if slices else 0.0
