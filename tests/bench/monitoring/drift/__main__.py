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
    Subject("nycflights13", "flights", "arr_delay"),
    Subject("openintro", "email", "spam"),
    Subject("survival", "flchain", "death"),
    Subject("dplyr", "storms", "status"),
    Subject("wooldridge", "k401ksubs", "pira"),
    Subject("modeldata", "wa_churn", "churn", has_training_data=False),
    Subject("ggplot2", "diamonds", "price", has_training_data=False),
    Subject("modeldata", "hpc_data", "class", has_training_data=False),
)


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
    """Print what was found; tell whether a promise is broken."""
    alarms = sum(level == 2 for level, _ in levels)
    warned = sum(level > 0 for level, _ in levels)
    reference = prepared.opened.profile.features[0].rows
    click.echo(
        f"{subject.name}: {len(prepared.opened.profile.features)} features, {reference} reference rows, "
        f"{len(prepared.pool)} live; {len(levels)} windows: {alarms} alarms, {warned} with any warning"
    )
    for said in sorted({text.split(" (")[0] for _, texts in levels for text in texts})[:8]:
        click.echo(f"    said: {said}")
    for name in CHANGES:
        of_change = [trial for trial in trials if trial.change == name]
        found, first = sum(t.is_found for t in of_change), sum(t.is_found and t.is_first for t in of_change)
        missed = sorted({t.feature for t in of_change if not (t.is_found and t.is_first)})
        click.echo(f"    {name}: {found} of {len(of_change)} found, {first} first {' '.join(missed)}")
    return alarms * 100 > len(levels) or any(not (trial.is_found and trial.is_first) for trial in trials)


if __name__ == "__main__":
    main()
