"""Traffic, latency and errors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from app.api.dashboard.findings import Findings
from app.api.dashboard.view.page import Block, Charts, Note, Section, TableBlock
from app.api.dashboard.view.presence import explain_absence, is_watched
from app.api.dashboard.view.series import Step, add_up, list_steps
from app.api.dashboard.view.words import count, write_milliseconds, write_moment
from app.charts.chart import Canvas, Chart, Mark, PlotArea
from app.charts.scale import Scale
from app.charts.table import Cell, Table, make_row
from app.charts.text import show_text, write_number, write_share
from app.charts.time_axis import list_time_ticks

_AREA = PlotArea(400, 190, 48, 380, 10, 164)
_MOST_NAMES = 8
_PARTS = {"queue": "waiting for a thread", "validate": "checking the rows", "predict": "predicting"}
_WARNINGS = {
    "unseen": "values that training never saw",
    "out_of_range": "numbers outside of what training saw",
    "new_null": "nulls where training had none",
    "unknown_field": "fields that the model does not know",
}


def describe_traffic(findings: Findings) -> Section:
    """How much came, how long it took, and what went wrong."""
    steps = list_steps(findings)
    if not any(step.requests for step in steps):
        advice = "Send a row with POST /predict; it is seen here within two minutes."
        nothing = f"No traffic in {findings.range.words}."
        return Section("traffic", "Traffic", (explain_absence(findings, nothing, advice),))
    blocks: list[Block] = (
        [] if is_watched(findings) else [explain_absence(findings, "What came since is not known.", "")]
    )
    return Section("traffic", "Traffic", (*blocks, _draw_all(steps, findings), *_list_tables(steps, findings)))


def _draw_all(steps: tuple[Step, ...], findings: Findings) -> Charts:
    charts = (_draw_requests(steps, findings), _draw_latency(steps, findings), _draw_rows(steps, findings))
    return Charts(charts, _tabulate(steps, findings))


def _draw_requests(steps: tuple[Step, ...], findings: Findings) -> Chart:
    canvas = _make_canvas(steps, findings, max(step.requests for step in steps))
    width = findings.range.step.total_seconds()

    def draw(height: Callable[[Step], int]) -> str:
        return canvas.draw_bars(
            (step.start.timestamp(), step.start.timestamp() + width, height(step)) for step in steps if height(step)
        )

    failed, refused = sum(step.failed for step in steps), sum(step.refused for step in steps)
    total = sum(step.requests for step in steps)
    # From the tallest to the lowest, each before the one behind it: what is seen of each is its own part.
    marks = (
        Mark(draw(lambda step: step.requests if step.failed else 0), "failed", "failed (5xx)"),
        Mark(draw(lambda step: step.answered + step.refused if step.refused else 0), "refused", "refused (4xx, 503)"),
        Mark(draw(lambda step: step.answered), "bars", "answered"),
    )
    description = (
        f"{count(total, 'request')} in {findings.range.words}: {write_share(refused / total)} were refused and "
        f"{write_share(failed / total)} failed."
    )
    return _make_chart("requests", f"Requests per {_name_step(findings)}", description, marks, canvas, steps, findings)


def _draw_latency(steps: tuple[Step, ...], findings: Findings) -> Chart:
    quantiles = [step.read_ms(name) for step in steps for name in ("p50_ms", "p99_ms")]
    known = [value for value in quantiles if value is not None]
    canvas = _make_canvas(steps, findings, max(known, default=1.0))
    middle = findings.range.step.total_seconds() / 2

    def draw(name: str) -> str:
        return canvas.draw_broken_line((step.start.timestamp() + middle, step.read_ms(name)) for step in steps)

    marks = (Mark(draw("p99_ms"), "dashed", "99 % within"), Mark(draw("p50_ms"), "line", "median"))
    last = next((step for step in reversed(steps) if step.read_ms("p50_ms") is not None), None)
    description = "No request was answered with predictions."
    if last is not None:
        description = (
            f"At {write_moment(last.start, findings.now)} the median was {write_milliseconds(last.read_ms('p50_ms'))}, "
            f"and 99 % took at most {write_milliseconds(last.read_ms('p99_ms'))}. Of answered predictions only."
        )
    return _make_chart("latency", "Latency, in milliseconds", description, marks, canvas, steps, findings)


def _draw_rows(steps: tuple[Step, ...], findings: Findings) -> Chart:
    canvas = _make_canvas(steps, findings, max(step.rows for step in steps))
    width = findings.range.step.total_seconds()
    bars = canvas.draw_bars(
        (step.start.timestamp(), step.start.timestamp() + width, step.rows) for step in steps if step.rows
    )
    rows, warned = sum(step.rows for step in steps), sum(add_up(steps, "warnings").values())
    cached = sum(step.cached_rows for step in steps)
    without_model = f" {write_share(cached / rows)} were answered from the cache." if cached else ""
    description = f"{count(rows, 'row')} in {findings.range.words}, with {count(warned, 'warning')}.{without_model}"
    marks = (Mark(bars, "bars"),)
    return _make_chart(
        "rows", f"Predicted rows per {_name_step(findings)}", description, marks, canvas, steps, findings
    )


def _make_canvas(steps: tuple[Step, ...], findings: Findings, highest: float) -> Canvas:
    # All plots share one axis of time, however much of it is known.
    seconds = Scale(steps[0].start.timestamp(), _find_end(findings).timestamp())
    return Canvas(seconds, Scale(0.0, highest * 1.08 or 1.0), _AREA)


def _find_end(findings: Findings) -> datetime:
    """Now, by the step: what has not changed has to look the same."""
    return findings.range.list_steps(findings.now)[-1]


def _make_chart(
    key: str,
    title: str,
    description: str,
    marks: tuple[Mark, ...],
    canvas: Canvas,
    steps: tuple[Step, ...],
    findings: Findings,
) -> Chart:
    return Chart(
        key=key,
        title=title,
        description=description,
        x_label="",
        y_label="",
        x_ticks=list_time_ticks(canvas, steps[0].start, _find_end(findings)),
        y_ticks=canvas.list_y_ticks(),
        marks=tuple(mark for mark in marks if mark.path),
        area=_AREA,
        rules="across",
    )


def _name_step(findings: Findings) -> str:
    return "minute" if findings.range.kind == "traffic" else "hour"


def _tabulate(steps: tuple[Step, ...], findings: Findings) -> Table:
    # Minutes without anything would only be scrolled past.
    shown = [step for step in reversed(steps) if step.document is not None]
    return Table(
        caption=f"Traffic by the {_name_step(findings)}, the newest first",
        columns=("from (UTC)", "requests", "refused", "failed", "rows", "median", "99 % within"),
        rows=tuple(
            make_row(
                step.start.strftime("%d %b %H:%M"),
                f"{step.requests:,}",
                f"{step.refused:,}",
                f"{step.failed:,}",
                f"{step.rows:,}",
                write_milliseconds(step.read_ms("p50_ms")),
                write_milliseconds(step.read_ms("p99_ms")),
            )
            for step in shown
        ),
        numeric=frozenset(range(1, 7)),
        is_folded=True,
    )


def _list_tables(steps: tuple[Step, ...], findings: Findings) -> list[Block]:
    tables = [
        _tabulate_counts("Errors", "error", add_up(steps, "by_error")),
        _tabulate_counts("Versions that answered", "version", add_up(steps, "by_version")),
        _tabulate_counts("API keys", "key", add_up(steps, "by_key")),
        _tabulate_counts("Warnings", "warning", _name_warnings(add_up(steps, "warnings"))),
        _tabulate_parts(steps, findings),
    ]
    blocks: list[Block] = [TableBlock(table) for table in tables if table is not None]
    lost = sum(int((step.document or {}).get("lost_lines", 0)) for step in steps)
    if lost:
        text = f"The prediction log lost {count(lost, 'line')}: the numbers above are too low by so many requests."
        blocks.insert(0, Note(text, "notice", "Is the disk full, or slow? See LOG_PATH."))
    return blocks


def _tabulate_counts(caption: str, column: str, counts: dict[str, int]) -> Table | None:
    if not counts:
        return None
    total, shown = sum(counts.values()), list(counts.items())[:_MOST_NAMES]
    left_out = len(counts) - len(shown)
    return Table(
        caption=caption,
        columns=(column, "requests" if column != "warning" else "values"),
        rows=tuple(make_row(show_text(name, most=40), Cell(f"{times:,}", bar=times / total)) for name, times in shown),
        numeric=frozenset({1}),
        note=f"And {left_out:,} more." if left_out > 0 else "",
    )


def _name_warnings(counts: dict[str, int]) -> dict[str, int]:
    return {_WARNINGS.get(kind, kind): times for kind, times in counts.items()}


def _tabulate_parts(steps: tuple[Step, ...], findings: Findings) -> Table | None:
    last = next((step for step in reversed(steps) if step.document and step.rows), None)
    parts = (last.document or {}).get("parts_ms", {}) if last else {}
    known = {name: parts[name] for name in _PARTS if parts.get(name, {}).get("p50") is not None}
    if last is None or not known:
        return None
    longest = max(part["p50"] for part in known.values()) or 1.0
    return Table(
        caption=f"Where the time goes, at {write_moment(last.start, findings.now)}",
        columns=("part of a request", "median, ms", "99 % within, ms"),
        rows=tuple(
            make_row(
                _PARTS[name],
                Cell(write_number(part["p50"]), bar=part["p50"] / longest),
                write_number(part["p99"]),
            )
            for name, part in known.items()
        ),
        numeric=frozenset({1, 2}),
    )
