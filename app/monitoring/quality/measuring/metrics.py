"""Metrics by the names that AutoGluon gives them, as it defines them at publication."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from app.monitoring.quality.measuring.cells import Cells, compute_of_cells, compute_of_scores, is_of_cells
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
_OF_TWO_CLASSES = frozenset({"f1", "precision", "recall"})


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
        is_of_many = is_of_cells(name) and name not in _OF_TWO_CLASSES
        return is_of_many or name == "log_loss" or name.startswith("roc_auc_ov")
    return name == "pinball_loss" if problem_type == "quantile" else name in _OF_NUMBERS


def is_higher_better(name: str) -> bool:
    return name not in _LOWER_IS_BETTER and not name.endswith("_error")


def compute_metric(name: str, pairs: Pairs) -> float:
    """A metric in its natural sign; NaN where these outcomes do not define it."""
    if not len(pairs):
        return math.nan
    with np.errstate(all="ignore"):
        if pairs.problem_type == "quantile":
            return _compute_pinball(pairs)
        if pairs.problem_type == "regression":
            return float(_OF_NUMBERS[name](pairs.truth, pairs.predicted))
        return _compute_of_classes(name, pairs)


def count_cells(pairs: Pairs) -> Cells:
    counts = np.bincount(pairs.predicted * pairs.classes + pairs.truth, minlength=pairs.classes**2)
    positive = pairs.positive if pairs.problem_type == "binary" else None
    return Cells(counts=counts.reshape(pairs.classes, pairs.classes).astype(float), positive=positive)


def bound_probabilities(probabilities: Numbers) -> Numbers:
    """Probabilities that have a logarithm."""
    return np.clip(probabilities, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)


def _compute_of_classes(name: str, pairs: Pairs) -> float:
    if is_of_cells(name):
        return compute_of_cells(name, count_cells(pairs))
    if pairs.probabilities is None:
        return math.nan
    if name == "log_loss":
        return float(-np.log(bound_probabilities(_take_said(pairs, pairs.probabilities))).mean())
    if name.startswith("roc_auc_ov"):
        return _compute_auc_of_many(name, pairs)
    scores = pairs.probabilities[:, pairs.positive]
    return compute_of_scores(name, pairs.truth == pairs.positive, scores, np.ones(len(pairs)))


def _take_said(pairs: Pairs, probabilities: Numbers) -> Numbers:
    """What was said of the class that came true. Of two classes one decides: the other may have been rounded."""
    if pairs.problem_type == "binary":
        score = probabilities[:, pairs.positive]
        return np.where(pairs.truth == pairs.positive, score, 1 - score)
    said: Numbers = probabilities[np.arange(len(pairs)), pairs.truth]
    return said


def _compute_auc_of_many(name: str, pairs: Pairs) -> float:
    # A heavy library that few models need.
    from sklearn.metrics import roc_auc_score

    against, _, average = name.removeprefix("roc_auc_").partition("_")
    options = {"multi_class": against, "average": average or "macro", "labels": np.arange(pairs.classes)}
    with warnings.catch_warnings():
        # It warns where a class is absent; NaN says the same.
        warnings.simplefilter("ignore")
        try:
            return float(roc_auc_score(pairs.truth, pairs.probabilities, **options))
        except ValueError:
            return math.nan


def _compute_pinball(pairs: Pairs) -> float:
    """Koenker and Bassett, Econometrica 46 (1978), averaged over the levels."""
    below = pairs.truth[:, None] - pairs.predicted
    levels = np.array(pairs.quantile_levels)
    return float(np.maximum(levels * below, (levels - 1) * below).mean())


def _compute_r2(truth: Numbers, predicted: Numbers) -> Any:
    spread = ((truth - truth.mean()) ** 2).sum()
    return 1 - ((truth - predicted) ** 2).sum() / spread if spread > 0 else math.nan


def _compute_percentage_error(truth: Numbers, predicted: Numbers) -> Any:
    return (np.abs(predicted - truth) / np.maximum(np.abs(truth), np.finfo(np.float64).eps)).mean()


def _compute_symmetric_percentage_error(truth: Numbers, predicted: Numbers) -> Any:
    sizes = np.maximum(np.abs(truth) + np.abs(predicted), np.finfo(np.float64).eps)
    return (np.abs(predicted - truth) / sizes).mean()


def _correlate(truth: Numbers, predicted: Numbers) -> Any:
    return np.corrcoef(truth, predicted)[0, 1] if len(truth) > 1 else math.nan


def _rank(numbers: Numbers) -> Numbers:
    """Ranks, of equal numbers the mean of theirs."""
    _, places, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    ranks: Numbers = (counts.cumsum() - (counts - 1) / 2)[places]
    return ranks


_OF_NUMBERS: Mapping[str, Callable[[Numbers, Numbers], Any]] = {
    "root_mean_squared_error": lambda truth, predicted: np.sqrt(((truth - predicted) ** 2).mean()),
    "mean_squared_error": lambda truth, predicted: ((truth - predicted) ** 2).mean(),
    "mean_absolute_error": lambda truth, predicted: np.abs(truth - predicted).mean(),
    "median_absolute_error": lambda truth, predicted: np.median(np.abs(truth - predicted)),
    "mean_absolute_percentage_error": _compute_percentage_error,
    "symmetric_mean_absolute_percentage_error": _compute_symmetric_percentage_error,
    "r2": _compute_r2,
    "pearsonr": _correlate,
    "spearmanr": lambda truth, predicted: _correlate(_rank(truth), _rank(predicted)),
}
