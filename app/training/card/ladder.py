"""The optimisation ladder on a card: every candidate, and what was given up for speed."""

from __future__ import annotations

from dataclasses import dataclass

from app.charts.chart import Canvas, Chart, Mark, Point
from app.charts.page import Figure, Section
from app.charts.scale import cover, cover_logarithmically
from app.charts.table import Cell, Table, make_row
from app.charts.text import show_text, write_number
from app.release.manifest import LadderEntry

_MOST_NAMED = 12


@dataclass(frozen=True)
class Measured:
    """A candidate that has a place in the plot."""

    entry: LadderEntry
    latency_ms: float
    loss: float

    @property
    def place(self) -> Point:
        return self.latency_ms, self.loss * 100


def describe_ladder(ladder: tuple[LadderEntry, ...], eval_metric: str) -> Section | None:
    """The candidates in a table and a plot; None when no ladder was built."""
    if not ladder:
        return None
    measured = _choose_measured(ladder)
    frontier = find_frontier(measured)
    return Section(
        key="ladder",
        title="Candidates it was chosen from",
        sentences=(
            f"Loss is how much worse {eval_metric} is than that of the full ensemble on the same held-out rows, with "
            "the 95 % interval of the difference; below 0 it is better. Speed is that of one thread.",
        ),
        tables=(_tabulate(ladder, beaten=[one.entry for one in measured if one not in frontier]),),
        figures=(Figure(_draw_frontier(measured, frontier)),) if len(measured) > 1 else (),
    )


def find_frontier(measured: list[Measured]) -> list[Measured]:
    """The candidates that no other beats in both loss and latency, the fastest first."""
    frontier: list[Measured] = []
    for one in sorted(measured, key=lambda one: (one.latency_ms, one.loss)):
        if not frontier or one.loss < frontier[-1].loss:
            frontier.append(one)
    return frontier


def _choose_measured(ladder: tuple[LadderEntry, ...]) -> list[Measured]:
    return [
        Measured(entry, entry.latency_ms, entry.loss)
        for entry in ladder
        if entry.latency_ms is not None and entry.loss is not None
    ]


def _tabulate(ladder: tuple[LadderEntry, ...], *, beaten: list[LadderEntry]) -> Table:
    return Table(
        caption="Candidates",
        columns=("candidate", "loss", "95 % interval", "one row p50", "p99", "rows/s", "size", "memory", "verdict"),
        rows=tuple(_describe_entry(entry, is_beaten=entry in beaten) for entry in ladder),
        numeric=frozenset(range(1, 8)),
        marked=frozenset(position for position, entry in enumerate(ladder) if entry.chosen),
    )


def _describe_entry(entry: LadderEntry, *, is_beaten: bool) -> tuple[Cell, ...]:
    verdict = ("Chosen" if entry.chosen else "Another is faster and not worse" if is_beaten else "", entry.reason)
    return make_row(
        show_text(f"{entry.name}: {entry.description}", most=200),
        _write_loss(entry.loss),
        "–" if entry.loss_low is None else f"{_write_loss(entry.loss_low)} to {_write_loss(entry.loss_high)}",
        _write_with_unit(entry.latency_ms, "ms"),
        _write_with_unit(entry.latency_p99_ms, "ms"),
        write_number(entry.rows_per_second),
        _write_with_unit(entry.size_mb, "MB"),
        _write_with_unit(entry.memory_mb, "MB"),
        show_text(": ".join(filter(None, verdict)), most=240),
    )


def _draw_frontier(measured: list[Measured], frontier: list[Measured]) -> Chart:
    x, y = cover_logarithmically(one.latency_ms for one in measured), cover(one.place[1] for one in measured)
    canvas = Canvas(x, y)
    chosen = [one for one in measured if one.entry.chosen]
    named = list({one.entry.name: one for one in (*chosen, *frontier)}.values())[:_MOST_NAMED]
    return Chart(
        key="frontier",
        title="Loss against speed",
        description=f"{len(measured)} candidates by the time of one row (logarithmic) and the loss of quality; the "
        f"line joins those that no other beats in both: {_name(frontier)}. Chosen: {_name(chosen) or 'none'}.",
        x_label="one row, ms",
        y_label="loss, %",
        x_ticks=canvas.list_x_ticks(),
        y_ticks=canvas.list_y_ticks(),
        marks=(
            Mark(canvas.draw_line(one.place for one in frontier), "frontier", "best trade-offs"),
            Mark(canvas.draw_dots(one.place for one in frontier), "dots"),
            Mark(canvas.draw_dots(one.place for one in measured if one not in frontier), "second", "beaten"),
            Mark(canvas.draw_dots(one.place for one in chosen), "marked", "chosen"),
        ),
        words=tuple(canvas.write_beside(one.place, show_text(one.entry.name, most=24)) for one in named),
    )


def _name(candidates: list[Measured]) -> str:
    return ", ".join(show_text(one.entry.name) for one in candidates)


def _write_loss(loss: float | None) -> str:
    return "–" if loss is None else f"{loss * 100:+.2f} %"


def _write_with_unit(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{write_number(value)} {unit}"
