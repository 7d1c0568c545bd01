"""A load test as one HTML page that needs nothing else: figures, failures, plots, and what it was compared with."""

from __future__ import annotations

from collections.abc import Iterator

from app.charts.page import Figure, Section
from app.charts.rendering import render_page
from app.charts.table import Table, make_row
from app.charts.text import show_text, write_number, write_share
from app.loadtest.results.comparison import CAUTION, Comparison
from app.loadtest.results.figures import Figures, Latency
from app.loadtest.results.plots import draw_distribution, draw_failures, draw_latency_over_time, draw_throughput
from app.loadtest.results.report import LoadReport

_MOST_FAILURES = 100


def render_report(report: LoadReport) -> str:
    """The page; all texts are escaped."""
    return render_page(
        kind="Load test",
        name=show_text(report.order.target.url, most=200),
        detail=report.began_at,
        facts=list(_list_facts(report)),
        sections=list(_describe(report)),
    )


def _list_facts(report: LoadReport) -> Iterator[tuple[str, str]]:
    order, figures, latency = report.order, report.figures, report.figures.latency
    yield "requests a second", write_number(figures.per_second)
    yield "successful", f"{write_share(figures.success_rate)} of {figures.requests:,}"
    if latency is not None:
        yield "latency p50", f"{write_number(latency.p50)} ms"
        yield "latency p99", f"{write_number(latency.p99)} ms"
    yield "load", order.describe()
    yield "rows", f"{order.rows_per_request:,} per request, of {report.rows:,} in {show_text(order.rows.name)}"
    if order.warm_up_seconds:
        yield "warm-up", f"{order.warm_up_seconds:g} s, {report.warm_up_requests:,} requests, not counted"
    yield "connections", "kept where the server keeps them" if order.keep_alive else "a new one for each request"
    yield "this side", f"{write_number(report.client.us_per_request)} µs of CPU per request"


def _describe(report: LoadReport) -> Iterator[Section]:
    figures, latency = report.figures, report.figures.latency
    yield _describe_throughput(report)
    if latency is not None:
        yield _describe_latency(figures, latency)
    if figures.failed:
        yield _describe_failures(figures)
    if report.comparison is not None:
        yield _describe_comparison(report.comparison)


def _describe_throughput(report: LoadReport) -> Section:
    figures = report.figures
    interrupted = ("It was interrupted: these are the results so far.",) if report.was_interrupted else ()
    cells = (
        f"{figures.succeeded:,}",
        f"{figures.failed:,}",
        f"{figures.seconds:.1f} s",
        write_number(figures.per_second),
        write_number(figures.rows_per_second),
    )
    return Section(
        key="throughput-section",
        title="How many",
        sentences=interrupted,
        points=report.notes,
        tables=(
            Table(
                caption="Requests",
                columns=("requests", "succeeded", "failed", "time", "requests/s", "rows/s"),
                rows=(make_row(f"{figures.requests:,}", *cells),),
                numeric=frozenset(range(1, 6)),
            ),
        ),
        figures=(Figure(draw_throughput(figures)),),
    )


def _describe_latency(figures: Figures, latency: Latency) -> Section:
    values = (latency.mean, latency.min, latency.p50, latency.p95, latency.p99, latency.p999, latency.max)
    return Section(
        key="latency-section",
        title="How fast",
        sentences=(
            "From when a request was due to the last byte of its answer, connecting included; of successful requests.",
        ),
        tables=(
            Table(
                caption="Latency",
                columns=("", "mean", "min", "p50", "p95", "p99", "p99.9", "max"),
                rows=(make_row("ms", *(f"{value:,.2f}" for value in values)),),
                numeric=frozenset(range(1, 8)),
            ),
        ),
        figures=(Figure(draw_latency_over_time(figures, latency)), Figure(draw_distribution(figures, latency))),
    )


def _describe_failures(figures: Figures) -> Section:
    shown = figures.failures[:_MOST_FAILURES]
    left_out = len(figures.failures) - len(shown)
    return Section(
        key="failures-section",
        title="What failed",
        tables=(
            Table(
                caption="Failures",
                columns=("failure", "requests", "share", "p50 ms"),
                rows=tuple(
                    make_row(
                        show_text(each.kind),
                        f"{each.count:,}",
                        write_share(each.count / figures.requests),
                        _write_ms(each.p50_ms),
                    )
                    for each in shown
                ),
                numeric=frozenset({1, 2, 3}),
                note=f"{left_out} more kinds are in the JSON." if left_out else "",
            ),
        ),
        figures=(Figure(draw_failures(figures)),),
    )


def _write_ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


def _describe_comparison(comparison: Comparison) -> Section:
    return Section(
        key="comparison-section",
        title="Compared with an earlier run",
        sentences=(f"The earlier run began {show_text(comparison.began_at)}. {CAUTION}",),
        points=tuple(f"The loads differ: {show_text(each)}." for each in comparison.unlike),
        tables=(
            Table(
                caption="Before and now",
                columns=("figure", "before", "now", "ratio", "noise", "verdict"),
                rows=tuple(
                    make_row(
                        each.figure,
                        write_number(each.before),
                        write_number(each.now),
                        write_number(each.ratio),
                        "not known" if each.noise is None else f"± {each.noise:.1%}",
                        each.verdict,
                    )
                    for each in comparison.differences
                ),
                numeric=frozenset({1, 2, 3, 4}),
            ),
        ),
    )
