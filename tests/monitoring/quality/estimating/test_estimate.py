from __future__ import annotations

import math

import numpy as np
import orjson
import pytest

from app.monitoring.quality.estimating.estimate import can_be_estimated, estimate_metric, estimate_metrics
from app.monitoring.quality.estimating.sums import ExpectedSums
from app.monitoring.quality.measuring.metrics import compute_metric
from app.monitoring.quality.measuring.pairs import Numbers, Pairs

ROWS = 20_000
BINARY = (
    "accuracy",
    "balanced_accuracy",
    "f1",
    "precision",
    "recall",
    "mcc",
    "roc_auc",
    "average_precision",
    "log_loss",
)
MULTICLASS = ("accuracy", "balanced_accuracy", "f1_macro", "mcc", "log_loss")


def draw_pairs(classes: int, *, rows: int = ROWS, seed: int = 0) -> Pairs:
    """Probabilities that hold: each class comes true as often as they say."""
    random = np.random.default_rng(seed)
    said = random.dirichlet(np.full(classes, 0.7), rows)
    truth = (random.random((rows, 1)) > said.cumsum(axis=1)).sum(axis=1)
    return Pairs(
        problem_type="binary" if classes == 2 else "multiclass",
        truth=truth,
        predicted=said.argmax(axis=1),
        probabilities=said,
        classes=classes,
    )


def sum_up(pairs: Pairs, *, true: Numbers | None = None) -> ExpectedSums:
    assert pairs.probabilities is not None
    sums = ExpectedSums(pairs.classes)
    expected = pairs.probabilities if true is None else true
    sums.add_rows(pairs.predicted, pairs.probabilities, expected, positive=find_positive(pairs))
    return sums


def find_positive(pairs: Pairs) -> int | None:
    return pairs.positive if pairs.problem_type == "binary" else None


@pytest.mark.parametrize(("classes", "name"), [*((2, name) for name in BINARY), *((4, name) for name in MULTICLASS)])
def test_where_probabilities_hold_the_estimate_is_what_comes_true(classes: int, name: str) -> None:
    pairs = draw_pairs(classes)
    truth, positive = compute_metric(name, pairs), find_positive(pairs)
    (estimated,) = estimate_metrics([name], sum_up(pairs), positive=positive)
    assert estimated.value == pytest.approx(truth, abs=0.015)
    width = estimated.high - estimated.low
    assert estimated.low - width < truth < estimated.high + width


def test_with_known_outcomes_in_place_of_probabilities_the_estimate_is_the_metric_itself() -> None:
    pairs = draw_pairs(2, rows=500)
    sums = sum_up(pairs, true=np.eye(2)[pairs.truth])
    for name in ("accuracy", "balanced_accuracy", "f1", "mcc", "log_loss"):
        assert estimate_metric(name, sums, positive=1) == pytest.approx(compute_metric(name, pairs), abs=1e-9)
    # Scores are put into bins, in which they count as equal.
    assert estimate_metric("roc_auc", sums, positive=1) == pytest.approx(compute_metric("roc_auc", pairs), abs=0.003)


def test_sums_add_up_survive_being_written_and_do_not_grow_with_the_rows() -> None:
    pairs = draw_pairs(2, rows=2000)
    whole, halves = sum_up(pairs), [sum_up(pairs.take(np.arange(start, 2000, 2))) for start in (0, 1)]
    added = ExpectedSums(2, orjson.loads(orjson.dumps(halves[0].to_state())))
    added.add(halves[1])
    for name in BINARY:
        assert estimate_metric(name, added, positive=1) == pytest.approx(estimate_metric(name, whole, positive=1))
    many = sum_up(draw_pairs(2, rows=100_000, seed=2))
    assert len(orjson.dumps(many.to_state())) < 40_000


def test_what_cannot_be_estimated_is_left_out() -> None:
    assert not can_be_estimated("roc_auc_ovo")
    assert estimate_metrics(["roc_auc_ovo", "root_mean_squared_error"], sum_up(draw_pairs(3)), positive=None) == []
    assert math.isnan(estimate_metric("accuracy", ExpectedSums(2), positive=1))
