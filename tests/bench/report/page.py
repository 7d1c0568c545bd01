"""docs/performance.md of a run: what was promised, what was measured, and how."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.report.machine import Machine
from tests.bench.report.targets import Verdict, compute_excess, group_by_family
from tests.bench.results import Growth, GrowthPoint, Sample, SubjectResult
from tests.bench.scope import MANY_ROWS, NATIVE, NOOP, SERVERS, WORKERS, Load, Scope

_NOTHING = "–"
_SERVER_NAMES = {NATIVE: "native path"}


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run as a whole."""

    date: str
    minutes: float
    machine: Machine
    scope: Scope
    results: Mapping[str, SubjectResult]
    growth: Growth | None
    verdicts: Sequence[Verdict]


def render_page(run: Run) -> str:
    parts = [
        *_render_introduction(run),
        *_render_verdicts(run.verdicts),
        *_render_loads(run),
        *_render_memory(run.results.values()),
        *_render_starts(run.results.values()),
        *_render_growth(run.growth),
        *_render_method(run),
    ]
    return "\n\n".join(parts) + "\n"


def render_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    rule = ["---", *(["---:"] * (len(head) - 1))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def format_figure(value: float | None) -> str:
    """Three digits that count."""
    if value is None or value != value:
        return _NOTHING
    if value == 0 or 0.001 <= abs(value) < 1000:
        return f"{value:.3g}"
    return f"{value:.1e}" if abs(value) < 1 else f"{float(f'{value:.3g}'):,.0f}"


def _render_introduction(run: Run) -> Iterator[str]:
    machine = run.machine
    libraries = ", ".join(f"{name} {found}" for name, found in machine.libraries.items())
    yield "# Performance"
    yield "Written by `make bench`; every figure on this page is of one run. What counts are the ratios."
    yield (
        f"Measured on {run.date} in {run.minutes:.0f} minutes: {machine.cpu}, {machine.cores} cores, "
        f"{machine.memory_gb:.0f} GB of memory, {machine.system}, Python {machine.python}, {libraries}. "
        f"{WORKERS} gunicorn workers; the client that makes the load runs on the same cores."
    )
    yield (
        "- **no-op** is a Flask view that parses the JSON and answers prepared bytes: the limit of Flask.\n"
        "- **plan** is `gunicorn` as `gluonserve serve` starts it, answering from the compiled plan.\n"
        "- **native path** is the same release without its plan: AutoGluon answers.\n"
        "- **tutorial** is a plain Flask server: the predictor loaded at start, a DataFrame, `predict` and "
        "`predict_proba` per request."
    )


def _render_verdicts(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield "## What it should do, and does it"
    marks = {True: "yes", False: "**no**", None: "not measured"}
    yield render_table(
        ["target", "limit", "measured", "holds"],
        [
            [
                verdict.promise,
                f"{'at least' if verdict.is_minimum else 'at most'} {_with_unit(verdict.limit, verdict.unit)}",
                _with_unit(verdict.measured, verdict.unit),
                marks[verdict.holds],
            ]
            for verdict in verdicts
        ],
    )


def _render_loads(run: Run) -> Iterator[str]:
    for rows in sorted({load.rows for load in run.scope.loads}):
        yield f"## {rows:,} row{'s' if rows > 1 else ''} per request"
        for result in run.results.values():
            yield f"**{result.name}**{'' if result.has_plan else ' (this release has no plan)'}"
            loads = sorted(load for load in run.scope.loads if load.rows == rows)
            yield render_table(
                ["server", "c", "p50 ms", "p99 ms", "requests/s", "rows/s", "to the no-op", "requests", "errors"],
                [cells for server in SERVERS for load in loads if (cells := _describe_load(result, server, load))],
            )
            if rows == MANY_ROWS:
                seconds = median(result.in_process_seconds)
                yield (
                    f"`predict_proba` in process takes {seconds:.2f} s for the same rows: "
                    f"{format_figure(MANY_ROWS / seconds)} rows/s."
                )


def _describe_load(result: SubjectResult, server: str, load: Load) -> list[str] | None:
    name = [_name(server), str(load.concurrency)]
    samples = result.of(server, load)
    if not samples:
        return [*name, *[_NOTHING] * 7] if load in result.left_out.get(server, ()) else None
    ratio = result.compare_speed(server, NOOP, load)
    return [
        *name,
        *(
            format_figure(_middle(samples, figure))
            for figure in ("p50_ms", "p99_ms", "requests_per_second", "rows_per_second")
        ),
        _NOTHING if ratio is None else f"{100 * ratio:.3g} %",
        f"{sum(sample.requests for sample in samples):,}",
        str(sum(sample.errors for sample in samples)),
    ]


def _render_memory(results: Iterable[SubjectResult]) -> Iterator[str]:
    yield "## Memory of a worker"
    yield "In MB. PSS counts a page that several processes share in parts, RSS counts it in full for each."
    yield render_table(
        ["predictor", "server", "PSS", "RSS", f"PSS after {MANY_ROWS:,} rows", f"RSS after {MANY_ROWS:,} rows"],
        [
            [
                result.name,
                _name(server),
                *(
                    format_figure(max(getattr(worker, kind) for worker in result.memory[stage][server]))
                    for stage in ("one_row", "end")
                    for kind in ("pss", "rss")
                ),
            ]
            for result in results
            for server in result.memory["end"]
        ],
    )


def _render_starts(results: Iterable[SubjectResult]) -> Iterator[str]:
    yield "## Start to ready"
    yield "In seconds from the start of a worker process, all workers starting at once."
    yield render_table(
        ["predictor", "server", "`/health/ready` says 200", "worker logs that it serves", "what it logs"],
        [
            [
                result.name,
                _name(server),
                f"{start.ready:.2f}",
                _NOTHING if start.loaded is None else f"{start.loaded:.2f}",
                start.log_line or "",
            ]
            for result in results
            for server, start in result.starts.items()
        ],
    )


def _render_growth(growth: Growth | None) -> Iterator[str]:
    if growth is None:
        return
    yield "## Larger models"
    yield (
        f"The plan alone, in process, one thread, validation left out: one row (the median of different ones) and "
        f"{growth.many_rows:,} rows, each the fastest of several passes. "
        "Growth of 1 would be linear: as many times the time as the size."
    )
    for title, points, size in (
        ("trees", growth.by_trees, lambda point: point.trees),
        ("features", growth.by_features, lambda point: point.features),
    ):
        rows = []
        for family in group_by_family(points):
            excess = f"{compute_excess(family, size):.2f}"
            rows += [_describe_growth(point, excess if point is family[-1] else "") for point in family]
        yield render_table(
            ["family", "trees", "features", "1 row, ms", f"{growth.many_rows:,} rows, ms", f"growth with {title}"], rows
        )


def _describe_growth(point: GrowthPoint, excess: str) -> list[str]:
    times = [format_figure(point.one_row_ms), format_figure(point.many_rows_ms)]
    return [point.family, str(point.trees), str(point.features), *times, excess]


def _render_method(run: Run) -> Iterator[str]:
    yield "## How it is measured"
    yield (
        "The predictors are AutoGluon ensembles of public data sets (Telco churn, HPC jobs, diamonds), trained with "
        "`optimize_for_deployment` and bags of 3. All servers run at the same time under the settings of "
        f"`config/gunicorn.py`; each load goes to one after the other for {run.scope.seconds:g} s, and all of that "
        f"again in every round ({run.scope.rounds} in this run). A figure is the median of its rounds, a ratio the "
        "median of the ratios within each round."
    )
    yield (
        "Latency runs from connecting to the last byte. Every request holds other rows than the one before; c is how "
        "many are under way at once, each on a new connection. Loads of which one wave would take a server more than "
        f"{run.scope.longest_seconds:g} s are left out ({_NOTHING}); slow servers sit out later rounds, and with few "
        "requests p99 is the slowest of them. Some answers to every load are compared with AutoGluon's own."
    )
    yield "To repeat it: `make bench`, or `make bench QUICK=1` for a short look that leaves this page as it is."


def _middle(samples: Sequence[Sample], figure: str) -> float:
    return float(median(getattr(sample, figure) for sample in samples))


def _with_unit(value: float | None, unit: str) -> str:
    return _NOTHING if value is None else f"{format_figure(value)} {unit}".strip()


def _name(server: str) -> str:
    return _SERVER_NAMES.get(server, server)
