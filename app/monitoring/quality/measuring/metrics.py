"""Metrics by their names, as AutoGluon defines them at publication, computed by scikit-learn and SciPy.

Those that only ask which class was answered and which was true take counts of such cases, which may be fractions: so
they serve for outcomes that came and for outcomes that are expected.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from app.monitoring.quality.measuring.pairs import Pairs
from app.release.manifest import Manifest, ProblemType

Numbers = npt.NDArray[Any]

# Below, and above one minus it, a probability counts as this much: its logarithm has no bound.
LEAST_PROBABILITY = 1e-15

_USUAL: Mapping[ProblemType, tuple[str, ...]] = {
    "binary": ("accuracy", "balanced_accuracy", "f1", "precision", "recall", "mcc", "roc_auc", "log_loss"),
    "multiclass": ("accuracy", "balanced_accuracy", "f1_macro", "mcc", "log_loss"),
    "regression": ("root_mean_squared_error", "mean_absolute_error", "median_absolute_error", "r2"),
    "quantile": ("pinball_loss",),
}
_LOWER_IS_BETTER = frozenset({"log_loss", "pinball_loss"})
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


def choose_metrics(manifest: Manifest) -> list[str]:
    """The metric that the model was trained for, the usual ones of its kind, and those that were published; each once.

    One that is not known here is left out.
    """
    names = (manifest.eval_metric, *_USUAL[manifest.problem_type], *manifest.quality)
    return [name for name in dict.fromkeys(names) if knows_metric(name, manifest.problem_type)]


def knows_metric(name: str, problem_type: ProblemType) -> bool:
    if problem_type == "binary":
        return is_of_cells(name) or name in ("roc_auc", "average_precision", "log_loss")
    if problem_type == "multiclass":
        is_of_two = name in ("f1", "precision", "recall")
        return (is_of_cells(name) and not is_of_two) or name == "log_loss" or name.startswith("roc_auc_ov")
    return name == "pinball_loss" if problem_type == "quantile" else name in _list_number_metrics()


def is_of_cells(name: str) -> bool:
    """Whether a metric only asks which class was answered and which was true."""
    stem, _, average = name.rpartition("_")
    return name in ("accuracy", "balanced_accuracy", "mcc", "quadratic_kappa", "f1", "precision", "recall") or (
        stem in ("f1", "precision", "recall") and average in _AVERAGES
    )


def is_higher_better(name: str) -> bool:
    return name not in _LOWER_IS_BETTER and not name.endswith("_error")


def compute_metric(name: str, pairs: Pairs) -> float:
    """A metric in its natural sign; NaN where these outcomes do not define it."""
    if is_of_cells(name):
        return compute_of_cells(name, count_cells(pairs))
    return _compute_or_nan(lambda: _compute_of_rows(name, pairs))


def compute_of_cells(name: str, cells: Cells) -> float:
    """A metric of answered and true classes; NaN where the counts do not define it."""
    answered, true = np.nonzero(cells.counts)
    weights = cells.counts[answered, true]
    return _compute_or_nan(lambda: _compute_of_classes(name, true, answered, weights, cells.positive))


def count_cells(pairs: Pairs) -> Cells:
    counts = np.zeros((pairs.classes, pairs.classes))
    np.add.at(counts, (pairs.predicted, pairs.truth), 1.0)
    return Cells(counts=counts, positive=pairs.positive if pairs.problem_type == "binary" else None)


def compute_of_scores(name: str, truth: Numbers, scores: Numbers, weights: Numbers) -> float:
    """`roc_auc` or `average_precision` of a positive class, of rows with weights; NaN where one class is absent."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    compute = roc_auc_score if name == "roc_auc" else average_precision_score
    if not truth[weights > 0].any() or truth[weights > 0].all():
        return math.nan
    return _compute_or_nan(lambda: compute(truth, scores, sample_weight=weights))


def bound_probabilities(probabilities: Numbers) -> Numbers:
    """Probabilities that have a logarithm."""
    return np.clip(probabilities, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)


def _compute_or_nan(compute: Callable[[], Any]) -> float:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # scikit-learn warns where a metric is undefined; NaN says the same.
        warnings.simplefilter("ignore")
        try:
            return float(compute())
        except ValueError:
            return math.nan


def _compute_of_classes(name: str, true: Numbers, answered: Numbers, weights: Numbers, positive: int | None) -> float:
    from sklearn import metrics

    stem, _, average = name.rpartition("_")
    scorers: Mapping[str, Callable[..., Any]] = {
        "accuracy": metrics.accuracy_score,
        "balanced_accuracy": metrics.balanced_accuracy_score,
        "mcc": metrics.matthews_corrcoef,
        "quadratic_kappa": partial(metrics.cohen_kappa_score, weights="quadratic"),
        "f1": metrics.f1_score,
        "precision": metrics.precision_score,
        "recall": metrics.recall_score,
    }
    if average in _AVERAGES and stem in scorers:
        return float(scorers[stem](true, answered, average=average, sample_weight=weights))
    if name in ("f1", "precision", "recall"):
        return float(scorers[name](true == positive, answered == positive, sample_weight=weights))
    return float(scorers[name](true, answered, sample_weight=weights))


def _compute_of_rows(name: str, pairs: Pairs) -> float:
    if pairs.problem_type == "quantile":
        return _compute_pinball(pairs)
    if pairs.problem_type == "regression":
        return float(_list_number_metrics()[name](pairs.truth, pairs.predicted))
    if pairs.probabilities is None or not len(pairs):
        return math.nan
    if name == "log_loss":
        said = pairs.probabilities[np.arange(len(pairs)), pairs.truth]
        return float(-np.log(bound_probabilities(said)).mean())
    if name.startswith("roc_auc_ov"):
        return _compute_auc_of_many(name, pairs)
    scores = pairs.probabilities[:, pairs.positive]
    return compute_of_scores(name, pairs.truth == pairs.positive, scores, np.ones(len(pairs)))


def _compute_auc_of_many(name: str, pairs: Pairs) -> float:
    from sklearn.metrics import roc_auc_score

    _, _, kind = name.partition("roc_auc_")
    against, _, average = kind.partition("_")
    labels = np.arange(pairs.classes)
    return float(
        roc_auc_score(pairs.truth, pairs.probabilities, labels=labels, multi_class=against, average=average or "macro")
    )


def _compute_pinball(pairs: Pairs) -> float:
    from sklearn.metrics import mean_pinball_loss

    levels = enumerate(pairs.quantile_levels)
    losses = [mean_pinball_loss(pairs.truth, pairs.predicted[:, column], alpha=level) for column, level in levels]
    return float(np.mean(losses))


def _list_number_metrics() -> Mapping[str, Callable[[Numbers, Numbers], Any]]:
    from scipy import stats
    from sklearn import metrics

    return {
        "root_mean_squared_error": metrics.root_mean_squared_error,
        "mean_squared_error": metrics.mean_squared_error,
        "mean_absolute_error": metrics.mean_absolute_error,
        "median_absolute_error": metrics.median_absolute_error,
        "mean_absolute_percentage_error": metrics.mean_absolute_percentage_error,
        "symmetric_mean_absolute_percentage_error": _compute_symmetric_percentage_error,
        "r2": metrics.r2_score,
        "pearsonr": lambda truth, predicted: stats.pearsonr(truth, predicted)[0],
        "spearmanr": lambda truth, predicted: stats.spearmanr(truth, predicted)[0],
    }


def _compute_symmetric_percentage_error(truth: Numbers, predicted: Numbers) -> float:
    sizes = np.maximum(np.abs(truth) + np.abs(predicted), np.finfo(np.float64).eps)
    return float(np.mean(np.abs(predicted - truth) / sizes))
