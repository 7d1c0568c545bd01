"""`python -m tests.bench.monitoring.drift`: a table of false alarms and of changes that were found."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click
import numpy as np

from app.errors import PredictionFailed
from app.runtime.predictions import Predictions
from app.runtime.rows import TypedRow
from tests.bench.monitoring.drift.changes import CHANGES
from tests.bench.monitoring.drift.subjects import Prepared, Subject, prepare
from tests.bench.monitoring.drift.windows import draw, judge, replace_column

SUBJECTS = (
    Subject("modeldata", "wa_churn", "churn"),
    Subject("ggplot2", "diamonds", "price"),
    Subject("modeldata", "hpc_data", "class"),
    Subject("modeldata", "credit_data", "Status"),
    Subject("modeldata", "mlc_churn", "churn"),
    Subject("modeldata", "lending_club", "Class"),
    Subject("AER", "NMES1988", "visits"),
    Subject("nycflights13", "flights", "arr_delay", problem_type="regression"),
    Subject("openintro", "email", "spam"),
    Subject("survival", "flchain", "death"),
    Subject("dplyr", "storms", "status"),
    Subject("wooldridge", "k401ksubs", "pira"),
    Subject("modeldata", "wa_churn", "churn", has_training_data=False),
    Subject("ggplot2", "diamonds", "price", has_training_data=False),
    Subject("modeldata", "hpc_data", "class", has_training_data=False),
)


HEAD = ("data", "features", "reference", "live", "windows", "alarms", "any warning", *CHANGES)

# A change of fewer rows is no alarm: of a column that is zero but for some, another unit changes only those.
LEAST = 0.015


@dataclass(frozen=True)
class Trial:
    """Whether one change of one feature was found in the first full window, and that feature told first."""

    change: str
    feature: str
    is_found: bool
    is_first: bool


@click.command()
@click.option("--windows", default=200, help="Windows without drift for each data set.")
@click.option("--rows", default=2000, help="Rows of a window.")
@click.option("--only", multiple=True, help="Names of data sets; all otherwise.")
@click.option("--repeat", default=1, help="How often each change is tried.")
def main(windows: int, rows: int, only: Sequence[str], repeat: int) -> None:
    """Measure and print."""
    warnings.simplefilter("ignore")
    failed = False
    click.echo(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
    for subject in SUBJECTS:
        if only and subject.item not in only:
            continue
        prepared = prepare(subject)
        levels = list(watch_without_drift(prepared, windows, rows))
        trials = [trial for _ in range(repeat) for trial in try_changes(prepared, rows)]
        failed |= report(subject, prepared, levels, trials)
    sys.exit(int(failed))


def watch_without_drift(prepared: Prepared, windows: int, rows: int) -> Iterator[tuple[int, list[str]]]:
    """The gravest level of each window, and what was said."""
    random = np.random.default_rng(1)
    for _ in range(windows):
        live = draw(rows, prepared, random)
        found = judge(prepared, live, prepared.release.executor.predict(live))
        columns = [*found.features, *found.answers]
        said = [f"{one.column.name}: {reason}" for one in columns if one.level for reason in one.reasons]
        yield max(one.level for one in columns), said


def try_changes(prepared: Prepared, rows: int) -> Iterator[Trial]:
    random = np.random.default_rng(2)
    for name, change in CHANGES.items():
        for place, feature in enumerate(prepared.release.schema.features):
            live = draw(rows, prepared, random)
            values = change([row[place] for row in live], feature, random)
            if (
                values is None
                or sum(row[place] != value for row, value in zip(live, values, strict=True)) < LEAST * rows
            ):
                continue
            changed = replace_column(live, place, values)
            found = judge(prepared, changed, answer(prepared, changed, live))
            is_first = found.features[0].column.name == feature.name
            level = next(one.level for one in found.features if one.column.name == feature.name)
            yield Trial(name, feature.name, level == 2, is_first)


def answer(prepared: Prepared, rows: Sequence[TypedRow], before: Sequence[TypedRow]) -> Predictions:
    """Answers to rows; where a model cannot take nulls, those to the rows before the change."""
    try:
        return prepared.release.executor.predict(rows)
    except PredictionFailed:
        return prepared.release.executor.predict(before)


def report(
    subject: Subject, prepared: Prepared, levels: Sequence[tuple[int, list[str]]], trials: Sequence[Trial]
) -> bool:
    """Print a row of the table, and below it what should not be; tell whether a promise is broken."""
    alarms, warned = sum(level == 2 for level, _ in levels), sum(level > 0 for level, _ in levels)
    features = prepared.opened.profile.features
    cells = [subject.name, len(features), features[0].rows, len(prepared.pool), len(levels), alarms, warned]
    for name in CHANGES:
        of_change = [trial for trial in trials if trial.change == name]
        cells.append(f"{sum(trial.is_found and trial.is_first for trial in of_change)} of {len(of_change)}")
    click.echo(f"| {' | '.join(map(str, cells))} |")
    missed = [trial for trial in trials if not (trial.is_found and trial.is_first)]
    for trial in missed:
        click.echo(f"    missed: {trial.feature}, {trial.change}", err=True)
    for said in sorted({text for _, texts in levels for text in texts})[:8]:
        click.echo(f"    said without drift: {said}", err=True)
    return alarms * 100 > len(levels) or bool(missed)


if __name__ == "__main__":
    main()
