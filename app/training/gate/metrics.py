"""Held-out metrics with bootstrap intervals, in their natural sign: AutoGluon negates losses, gluonserve does not."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from autogluon.tabular import TabularPredictor

from app.release.manifest import MetricValue
from app.training.gate.metric_names import find_scorer

Numbers = npt.NDArray[Any]

METRICS_OF_REPORT = {
    "binary": (
        "accuracy",
        "balanced_accuracy",
        "f1",
        "precision",
        "recall",
        "mcc",
        "roc_auc",
        "average_precision",
        "log_loss",
    ),
    "multiclass": ("accuracy", "balanced_accuracy", "f1_macro", "mcc", "log_loss"),
    "regression": ("root_mean_squared_error", "mean_absolute_error", "median_absolute_error", "r2"),
    "quantile": ("pinball_loss",),
}

_RESAMPLES = 200
_BOOTSTRAP_SECONDS = 10.0
_MOST_RESAMPLED_ROWS = 10_000
_INTERVAL_PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a predictor answered to held-out rows, in the coding that AutoGluon's scorers take.

    Attributes:
        truth: 1 for the positive class of a binary problem, positions in `class_labels` for multiclass, else numbers.
        predicted: Coded like `truth`; one column per quantile level for quantile problems.
        probabilities: Of the positive class for binary, one column per class for multiclass, else None.
    """

    problem_type: str
    truth: Numbers
    predicted: Numbers
    probabilities: Numbers | None = None
    quantile_levels: tuple[float, ...] = ()

    def take(self, rows: Numbers) -> Answers:
        probabilities = None if self.probabilities is None else self.probabilities[rows]
        return replace(self, truth=self.truth[rows], predicted=self.predicted[rows], probabilities=probabilities)


def answer_held_out_rows(predictor: TabularPredictor, held_out: pd.DataFrame) -> Answers:
    """Predict held-out rows in one pass; labels follow the predictor's own decision threshold."""
    truth, kind = held_out[predictor.label], predictor.problem_type
    if kind not in ("binary", "multiclass"):
        levels = tuple(predictor.quantile_levels) if kind == "quantile" else ()
        predicted = predictor.predict(held_out).to_numpy()
        return Answers(problem_type=kind, truth=truth.to_numpy(), predicted=predicted, quantile_levels=levels)
    probabilities = predictor.predict_proba(held_out)
    labels = predictor.predict_from_proba(probabilities)
    if kind == "binary":
        positive = predictor.positive_class
        return Answers(
            problem_type=kind,
            truth=(truth == positive).to_numpy(dtype=int),
            predicted=(labels == positive).to_numpy(dtype=int),
            probabilities=probabilities[positive].to_numpy(),
        )
    classes = pd.Index(predictor.class_labels)
    return Answers(
        problem_type=kind,
        truth=classes.get_indexer(np.asarray(truth)),
        predicted=classes.get_indexer(np.asarray(labels)),
        probabilities=probabilities[predictor.class_labels].to_numpy(),
    )


def choose_scorers(predictor: TabularPredictor, also: Iterable[str] = ()) -> list[Any]:
    """The evaluation metric, the metrics of every report for this problem type, then those in `also`; each once."""
    kind = predictor.problem_type
    named = [find_scorer(name, kind) for name in (*METRICS_OF_REPORT[kind], *also)]
    return list({scorer.name: scorer for scorer in (predictor.eval_metric, *named)}.values())


def compute_quality(answers: Answers, scorers: Sequence[Any], *, seed: int) -> dict[str, MetricValue]:
    """Every metric with its 95 % percentile bootstrap interval; metrics that these rows do not define are left out."""
    values = {scorer.name: compute_metric(scorer, answers) for scorer in scorers}
    defined = [scorer for scorer in scorers if math.isfinite(values[scorer.name])]
    resampled: dict[str, list[float]] = {scorer.name: [] for scorer in defined}
    rows = len(answers.truth)
    for resample in map(answers.take, draw_resamples(rows, seed=seed)):
        for scorer in defined:
            resampled[scorer.name].append(compute_metric(scorer, resample))
    return {
        scorer.name: _describe(scorer, values[scorer.name], resampled[scorer.name], rows=rows) for scorer in defined
    }


def draw_resamples(rows: int, *, seed: int) -> Iterator[Numbers]:
    """Positions of rows drawn with replacement: at most 200 times, for about ten seconds, and 10 000 rows each."""
    random = np.random.default_rng(seed)
    deadline = time.monotonic() + _BOOTSTRAP_SECONDS
    for _ in range(_RESAMPLES):
        yield random.integers(0, rows, min(rows, _MOST_RESAMPLED_ROWS))
        if time.monotonic() > deadline:
            break


def find_interval(value: float, resampled: Iterable[float], *, rows: int) -> tuple[float, float]:
    """The 95 % percentile interval of a value by what it was on resampled rows.

    Above 10 000 rows each resample has 10 000, and the interval is narrowed by the root of their share: the m-out-of-n
    bootstrap (Bickel, Götze and van Zwet, Statistica Sinica 7, 1997).
    """
    narrowing = math.sqrt(min(rows, _MOST_RESAMPLED_ROWS) / rows)
    finite = [score for score in resampled if math.isfinite(score)] or [value]
    low, high = (value + (end - value) * narrowing for end in np.percentile(finite, _INTERVAL_PERCENTILES))
    return float(min(low, value)), float(max(high, value))


def to_natural_sign(scorer: Any, score: float) -> float:
    """AutoGluon's higher-is-better score as the metric that people know: a log_loss is positive."""
    return float(scorer.convert_score_to_original(score))


def compute_metric(scorer: Any, answers: Answers) -> float:
    """One metric in its natural sign; NaN where the rows do not define it, such as roc_auc when one class is absent."""
    levels = {"quantile_levels": np.array(answers.quantile_levels)} if scorer.needs_quantile else {}
    given = answers.probabilities if scorer.needs_proba or scorer.needs_threshold else answers.predicted
    if given is None:
        return math.nan
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # scikit-learn warns where a metric is undefined; NaN says the same.
        warnings.simplefilter("ignore")
        try:
            return to_natural_sign(scorer, scorer(answers.truth, given, **levels))
        except ValueError:
            return math.nan


def _describe(scorer: Any, value: float, resampled: Sequence[float], *, rows: int) -> MetricValue:
    low, high = find_interval(value, resampled, rows=rows)
    return MetricValue(value=value, low=low, high=high, higher_is_better=bool(scorer.greater_is_better_internal))
