"""The metrics of live outcomes are those of publication, which AutoGluon's scorers compute."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from autogluon.core.metrics import METRICS

from app.monitoring.quality.measuring.metrics import (
    choose_metrics,
    compute_metric,
    count_cells,
    is_higher_better,
    knows_metric,
)
from app.monitoring.quality.measuring.pairs import Pairs
from app.release.manifest import ProblemType
from tests.manifests import make_manifest

ROWS = 500
KINDS: tuple[ProblemType, ...] = ("binary", "multiclass", "regression", "quantile")
NAMES = [(kind, name) for kind in KINDS for name in sorted({scorer.name for scorer in METRICS[kind].values()})]
# AutoGluon's own invention, of which it publishes no definition.
UNKNOWN = {"pac"}


def make_pairs(kind: ProblemType) -> Pairs:
    random = np.random.default_rng(4)
    if kind in ("binary", "multiclass"):
        classes = 2 if kind == "binary" else 4
        said = random.dirichlet(np.ones(classes), ROWS)
        if kind == "binary":  # Some scores are equal.
            said = np.stack([said[:, 0].round(2), 1 - said[:, 0].round(2)], axis=1)
        truth = (random.random((ROWS, 1)) > said.cumsum(axis=1)).sum(axis=1)
        return Pairs(problem_type=kind, truth=truth, predicted=said.argmax(axis=1), probabilities=said, classes=classes)
    truth = random.normal(10, 3, ROWS).round(1)
    if kind == "regression":
        return Pairs(problem_type=kind, truth=truth, predicted=(truth + random.normal(0, 1, ROWS)).round(1))
    predicted = np.stack([truth - 1, truth, truth + 2], axis=1) + random.normal(0, 1, (ROWS, 3))
    return Pairs(problem_type=kind, truth=truth, predicted=predicted, quantile_levels=(0.1, 0.5, 0.9))


def ask_autogluon(name: str, pairs: Pairs) -> float:
    scorer: Any = METRICS[pairs.problem_type][name]
    needs_probabilities = scorer.needs_proba or scorer.needs_threshold
    probabilities = pairs.probabilities
    if needs_probabilities and probabilities is not None and pairs.problem_type == "binary":
        probabilities = probabilities[:, 1]
    levels = {"quantile_levels": np.array(pairs.quantile_levels)} if scorer.needs_quantile else {}
    given = probabilities if needs_probabilities else pairs.predicted
    return float(scorer.convert_score_to_original(scorer(pairs.truth, given, **levels)))


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_each_metric_is_what_autogluon_computes(kind: ProblemType, name: str) -> None:
    assert knows_metric(name, kind) == (name not in UNKNOWN)
    if name not in UNKNOWN:
        pairs = make_pairs(kind)
        assert compute_metric(name, pairs) == pytest.approx(ask_autogluon(name, pairs), abs=1e-9)
        assert is_higher_better(name) == METRICS[kind][name].greater_is_better_internal


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "mcc", "balanced_accuracy", "f1"])
def test_of_one_class_alone_nothing_is_made_up(name: str) -> None:
    pairs = make_pairs("binary")
    alone = pairs.take(np.nonzero(pairs.truth == 0)[0])
    value = compute_metric(name, alone)
    assert math.isnan(value) or 0 <= value <= 1
    assert math.isnan(compute_metric(name, pairs.take(np.array([], dtype=int))))


def test_cells_count_answered_and_true_classes() -> None:
    pairs = Pairs(
        problem_type="binary", truth=np.array([0, 1, 1, 1]), predicted=np.array([0, 0, 1, 1]), classes=2, positive=1
    )
    assert count_cells(pairs).counts.tolist() == [[1, 1], [0, 2]]


def test_the_metric_of_training_comes_first_and_published_ones_are_there() -> None:
    names = choose_metrics(make_manifest(eval_metric="roc_auc"))
    assert names[0] == "roc_auc"
    assert len(set(names)) == len(names) == 8
    assert "pac" not in choose_metrics(make_manifest(eval_metric="pac"))
