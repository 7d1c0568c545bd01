"""`make bench`: measure the servers on the same predictors in one run, write the page, say what does not hold."""

from __future__ import annotations

import shutil
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import click
import orjson

from tests.bench.command import FAILED, bench_command, run_child, say
from tests.bench.report.machine import describe_machine
from tests.bench.report.page import Run, render_page
from tests.bench.report.targets import Verdict, judge
from tests.bench.results import Growth, GrowthPoint, SubjectResult
from tests.bench.rounds import measure_subject
from tests.bench.scope import FULL, QUICK, Scope
from tests.bench.servers.running import ROOT

PAGE = ROOT / "docs" / "performance.md"


@bench_command(
    epilog="Exit code 1 says that a target does not hold.",
    quick="One predictor, one round; leaves docs/performance.md as it is.",
)
def main(quick: bool, predictors: Path, cache: Path) -> None:
    """Measure and report."""
    started = time.monotonic()
    scope = QUICK if quick else FULL
    results = {result.name: result for result in measure_all(scope, predictors, cache)}
    growth = measure_growth(cache) if scope.growth else None
    run = Run(
        date=datetime.now(timezone.utc).date().isoformat(),
        minutes=(time.monotonic() - started) / 60,
        machine=describe_machine(),
        scope=scope,
        results=results,
        growth=growth,
        verdicts=judge(results, growth),
    )
    write_report(run, cache, page=cache / "performance-quick.md" if quick else PAGE)
    # What a full run could not measure is not shown to hold either.
    faults = (False,) if quick else (False, None)
    sys.exit(FAILED if any(verdict.holds in faults for verdict in run.verdicts) else 0)


def measure_all(scope: Scope, predictors: Path, cache: Path) -> list[SubjectResult]:
    prepared = {
        subject: run_child("tests.bench.models.prepare", subject.name, str(predictors), str(cache))
        for subject in scope.subjects
    }
    return [measure_subject(subject, places, cache, scope, say) for subject, places in prepared.items()]


def measure_growth(cache: Path) -> Growth | None:
    say("growth: timing plans of growing size")
    found = run_child("tests.bench.models.growth", str(cache))
    if found is None:
        return None
    points = {name: [GrowthPoint(**point) for point in found[name]] for name in ("by_trees", "by_features")}
    return Growth(found["many_rows"], points["by_trees"], points["by_features"])


def write_report(run: Run, cache: Path, *, page: Path) -> None:
    figures = cache / f"{page.stem}.json"
    figures.write_bytes(orjson.dumps(run, option=orjson.OPT_INDENT_2))
    page.write_text(render_page(run), encoding="utf-8")
    click.echo(f"\n{page} and {figures}\n")
    width = min(100, shutil.get_terminal_size().columns)
    for verdict in run.verdicts:
        click.echo(describe_verdict(verdict)[: 2 * width])


def describe_verdict(verdict: Verdict) -> str:
    mark = {True: "holds", False: "FAILS", None: "     "}[verdict.holds]
    limit = f"{'>=' if verdict.is_minimum else '<='} {verdict.limit:g}"
    measured = "not measured" if verdict.measured is None else f"{verdict.measured:.4g}"
    return f"{mark}  {measured:>12} {limit:>9} {verdict.unit:<2}  {verdict.promise}"


if __name__ == "__main__":
    main()
