"""Metrics that only ask which class was answered and which was true, and scores that rank rows.

They take counts, which may be fractions: so they serve for outcomes that came and for outcomes that are expected. Plain
NumPy, because an interval computes each two hundred times: scikit-learn, whose values these are, takes thirty times as
long to check its arguments, and a watcher without it is smaller by a hundred megabytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]

_AVERAGED = ("precision", "recall", "f1")
_AVERAGES = ("macro", "micro", "weighted")


@dataclass(frozen=True, kw_only=True)
class Cells:
    """How often, or how often it is to be expected, that a class was answered and a class was true.

    Attributes:
        counts: `counts[answered, true]`.
        positive: Position of the positive class of a binary model; None for more classes.
    """

    counts: Numbers
    positive: int | None


def is_of_cells(name: str) -> bool:
    stem, _, average = name.rpartition("_")
    return name in _OF_ALL or name in _AVERAGED or (stem in _AVERAGED and average in _AVERAGES)


def compute_of_cells(name: str, cells: Cells) -> float:
    """A metric of answered and true classes, by the name that AutoGluon gives it; NaN where there are no rows."""
    counts = cells.counts
    if not counts.sum() > 0:
        return math.nan
    if name in _OF_ALL:
        return float(_OF_ALL[name](counts))
    if name in _AVERAGED:
        return float(_compute_by_class(name, counts)[cells.positive or 0])
    stem, _, average = name.rpartition("_")
    return _average(stem, average, counts)


def compute_of_scores(name: str, truth: Numbers, scores: Numbers, weights: Numbers) -> float:
    """`roc_auc`, or else `average_precision`, of rows with weights; NaN where one of the two classes is absent."""
    _, places = np.unique(scores, return_inverse=True)
    hits = np.bincount(places, weights * truth)
    misses = np.bincount(places, weights * ~truth)
    if not (hits.sum() > 0 and misses.sum() > 0):
        return math.nan
    if name == "roc_auc":
        return float((hits * (misses.cumsum() - misses / 2)).sum() / (hits.sum() * misses.sum()))
    found, said = hits[::-1].cumsum(), (hits + misses)[::-1].cumsum()
    return float((_divide(found, said) * hits[::-1]).sum() / hits.sum())


def _compute_accuracy(counts: Numbers) -> Any:
    return np.trace(counts) / counts.sum()


def _compute_balanced_accuracy(counts: Numbers) -> Any:
    true = counts.sum(axis=0)
    return (np.diag(counts)[true > 0] / true[true > 0]).mean()


def _compute_mcc(counts: Numbers) -> Any:
    """Gorodkin, Computational Biology and Chemistry 28 (2004), for any number of classes."""
    rows, answered, true = counts.sum(), counts.sum(axis=1), counts.sum(axis=0)
    spread = (rows**2 - (answered**2).sum()) * (rows**2 - (true**2).sum())
    return (np.trace(counts) * rows - (answered * true).sum()) / math.sqrt(spread) if spread > 0 else 0.0


def _compute_quadratic_kappa(counts: Numbers) -> Any:
    """Cohen, Psychological Bulletin 70 (1968): by the square of how far apart two classes are."""
    places = np.arange(len(counts))
    apart = (places[:, None] - places[None, :]) ** 2
    by_chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    expected = (apart * by_chance).sum()
    return 1 - (apart * counts).sum() / expected if expected > 0 else math.nan


def _compute_by_class(name: str, counts: Numbers) -> Numbers:
    right, answered, true = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    if name == "f1":
        return _divide(2 * right, answered + true)
    return _divide(right, answered if name == "precision" else true)


def _average(stem: str, average: str, counts: Numbers) -> float:
    if average == "micro":  # Each row has one class, so that all three are the share of right answers.
        return float(_compute_accuracy(counts))
    by_class, true = _compute_by_class(stem, counts), counts.sum(axis=0)
    if average == "weighted":
        return float((by_class * true).sum() / true.sum())
    return float(by_class[(true > 0) | (counts.sum(axis=1) > 0)].mean())


def _divide(numbers: Numbers, by: Numbers) -> Numbers:
    """Nothing of nothing is none."""
    shares: Numbers = np.divide(numbers, by, out=np.zeros(len(numbers)), where=by > 0)
    return shares


_OF_ALL: Mapping[str, Callable[[Numbers], Any]] = {
    "accuracy": _compute_accuracy,
    "balanced_accuracy": _compute_balanced_accuracy,
    "mcc": _compute_mcc,
    "quadratic_kappa": _compute_quadratic_kappa,
}
