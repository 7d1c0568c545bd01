"""The report of a load test as a person reads it on a terminal."""

from __future__ import annotations

import click

from app.charts.text import show_text, write_number
from app.cli.output import print_table
from app.loadtest.results.comparison import CAUTION, Comparison, Difference
from app.loadtest.results.figures import Figures
from app.loadtest.results.report import LoadReport

_MOST_FAILURES = 20


def print_report(report: LoadReport) -> None:
    order, figures = report.order, report.figures
    click.echo(f"{order.target.url}: {order.describe()}, {describe_rows(report)}")
    if report.was_interrupted:
        click.echo("Interrupted: these are the results so far.")
    _print_counts(figures)
    _print_latency(figures)
    _print_failures(figures)
    for note in report.notes:
        click.echo(f"Note: {note}")
    if report.comparison is not None:
        _print_comparison(report.comparison)


def describe_rows(report: LoadReport) -> str:
    each = report.order.rows_per_request
    return f"{each} row{'s' * (each > 1)} per request, {report.rows:,} rows of {show_text(report.order.rows.name)}"


def _print_counts(figures: Figures) -> None:
    print_table(
        ["requests", "succeeded", "failed", "success", "seconds", "requests/s", "rows/s"],
        [
            [
                f"{figures.requests:,}",
                f"{figures.succeeded:,}",
                f"{figures.failed:,}",
                f"{figures.success_rate:.2%}",
                f"{figures.seconds:.1f}",
                write_number(figures.per_second),
                write_number(figures.rows_per_second),
            ]
        ],
    )


def _print_latency(figures: Figures) -> None:
    latency = figures.latency
    if latency is None:
        return
    values = (latency.mean, latency.min, latency.p50, latency.p95, latency.p99, latency.p999, latency.max)
    print_table(
        ["latency", "mean", "min", "p50", "p95", "p99", "p99.9", "max"],
        [["ms", *(f"{value:,.2f}" for value in values)]],
    )


def _print_failures(figures: Figures) -> None:
    if not figures.failures:
        return
    shown = figures.failures[:_MOST_FAILURES]
    print_table(
        ["failure", "count", "share", "p50 ms"],
        [
            [each.kind, f"{each.count:,}", f"{each.count / figures.requests:.2%}", _write_ms(each.p50_ms)]
            for each in shown
        ],
    )
    if len(figures.failures) > len(shown):
        click.echo(f"{len(figures.failures) - len(shown)} more kinds of failure: see --json.")


def _write_ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


def _print_comparison(comparison: Comparison) -> None:
    click.echo(f"Compared with the run of {show_text(comparison.began_at)}:")
    print_table(
        ["figure", "before", "now", "ratio", "noise", "verdict"],
        [_list_cells(each) for each in comparison.differences],
    )
    for difference in comparison.unlike:
        click.echo(f"Note: the loads differ: {show_text(difference)}.")
    click.echo(CAUTION)


def _list_cells(each: Difference) -> list[str]:
    noise = "not known" if each.noise is None else f"± {each.noise:.1%}"
    ratio = "–" if each.ratio is None else f"{each.ratio:.3f}"
    return [each.figure, write_number(each.before), write_number(each.now), ratio, noise, each.verdict]
