"""The machine and its workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from app.api.dashboard.findings import Findings
from app.api.dashboard.view.page import Block, Charts, Fact, Facts, Note, Section, TableBlock
from app.api.dashboard.view.presence import explain_absence
from app.api.dashboard.view.words import count, write_bytes, write_moment
from app.charts.chart import Canvas, Chart, Mark, PlotArea
from app.charts.scale import Scale
from app.charts.table import Cell, State, Table, make_row
from app.charts.text import show_text
from app.charts.time_axis import list_time_ticks
from app.monitoring.snapshots import Snapshot
from app.runtime.switching.workers import WorkerState

_AREA = PlotArea(400, 150, 48, 380, 10, 126)
_CURVES = {"cpu_percent": "Processor in use", "memory_percent": "Memory in use", "disk_free_percent": "Disk free"}
_MOST_WORKERS = 64
_LITTLE_FREE_PERCENT = 10.0


def describe_system(findings: Findings) -> Section:
    """How busy the machine is, and what each worker serves."""
    blocks: list[Block] = []
    if findings.system:
        newest = findings.system[0]
        blocks.append(_describe_machine(newest, findings))
        if len(findings.system) > 1:
            blocks.append(Charts(tuple(_draw(name, findings) for name in _CURVES)))
    else:
        blocks.append(explain_absence(findings, "Nothing is known of the machine in the last hour.", "Wait a minute."))
    if findings.workers:
        blocks.append(TableBlock(_tabulate_workers(findings)))
    else:
        blocks.append(Note("No worker is alive.", "alarm", "Start the server with: gluonserve serve"))
    return Section("system", "System", tuple(blocks))


def _list_measured(findings: Findings) -> Sequence[Mapping[str, Any]]:
    return findings.system[0].document.get("workers") or () if findings.system else ()


def _describe_machine(newest: Snapshot, findings: Findings) -> Facts:
    document = newest.document
    free = document.get("disk_free_percent")
    is_little = free is not None and free < _LITTLE_FREE_PERCENT
    return Facts(
        (
            Fact("processor", _write_percent(document.get("cpu_percent"))),
            Fact("memory", _write_percent(document.get("memory_percent"))),
            Fact(
                "free disk",
                f"{_write_percent(free)} ({write_bytes(document.get('disk_free_bytes'))})",
                "alarm" if is_little else None,
            ),
            Fact("measured", write_moment(newest.window_end, findings.now)),
        )
    )


def _write_percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} %"


def _draw(name: str, findings: Findings) -> Chart:
    points = [(each.window_end, each.document.get(name)) for each in reversed(findings.system)]
    # By the minute: what has not changed has to look the same.
    start = points[0][0]
    end = max(findings.now.replace(second=0, microsecond=0), start + timedelta(minutes=1))
    canvas = Canvas(Scale(start.timestamp(), end.timestamp()), Scale(0.0, 100.0), _AREA)
    known = [value for _, value in points if value is not None]
    spread = f"Between {min(known):.0f} % and {max(known):.0f} % in the last hour." if known else "Not known."
    line = canvas.draw_broken_line((moment.timestamp(), value) for moment, value in points)
    return Chart(
        key=f"system-{name.partition('_')[0]}",
        title=f"{_CURVES[name]}, in per cent",
        description=spread,
        x_label="",
        y_label="",
        x_ticks=list_time_ticks(canvas, start, end),
        y_ticks=canvas.list_y_ticks(),
        marks=(Mark(line, "line"),),
        area=_AREA,
        rules="across",
    )


def _tabulate_workers(findings: Findings) -> Table:
    memory = {(each.get("host"), each.get("pid")): each.get("rss_bytes") for each in _list_measured(findings)}
    shown, left_out = findings.workers[:_MOST_WORKERS], len(findings.workers) - _MOST_WORKERS
    return Table(
        caption=f"{count(len(findings.workers), 'worker')} alive",
        columns=("worker", "version", "golden row", "looked at", "memory", "holds"),
        rows=tuple(_describe_worker(worker, memory.get((worker.host, worker.pid)), findings) for worker in shown),
        numeric=frozenset({4}),
        note=f"And {left_out:,} more." if left_out > 0 else "",
    )


def _describe_worker(worker: WorkerState, memory: float | None, findings: Findings) -> tuple[Cell, ...]:
    state, words = _describe_golden(worker.golden_ok)
    looked_at = None if worker.golden_at is None else datetime.fromtimestamp(worker.golden_at, timezone.utc)
    return make_row(
        show_text(worker.name, most=60),
        show_text(worker.active or "none", most=20),
        Cell(words, state=state),
        "–" if looked_at is None else write_moment(looked_at, findings.now),
        write_bytes(memory),
        ", ".join(show_text(version, most=20) for version in worker.held) or "–",
    )


def _describe_golden(is_right: bool | None) -> tuple[State, str]:
    if is_right is None:
        return "unknown", "not known"
    return ("good", "right") if is_right else ("alarm", "wrong")
