"""The loss of quality between two models, and its paired interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from autogluon.core.metrics import METRICS

from app.training.gate.metrics import Answers
from app.training.gate.quality_loss import QualityLoss, compute_quality_loss

RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.integers(0, 2, 2000)


def answer(rate: float, *, seed: int = 1) -> Answers:
    """Right with this probability, and as sure as it is right."""
    is_right = np.random.default_rng(seed).random(len(TRUTH)) < rate
    predicted = np.where(is_right, TRUTH, 1 - TRUTH)
    return Answers(
        problem_type="binary", truth=TRUTH, predicted=predicted, probabilities=np.where(predicted, rate, 1 - rate)
    )


def compare(answers: Answers, reference: Answers, metric: str) -> QualityLoss:
    loss = compute_quality_loss(answers, reference, METRICS["binary"][metric], seed=0)
    assert loss is not None
    return loss


@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "f1"])
def test_a_worse_model_loses_whether_higher_or_lower_is_better(metric: str) -> None:
    good, bad = answer(0.9), answer(0.7)
    worse, better = compare(bad, good, metric), compare(good, bad, metric)
    assert worse.loss == pytest.approx(abs(worse.value - worse.reference) / worse.reference)
    assert 0 < worse.low < worse.loss < worse.high
    assert better.low < better.loss < better.high < 0
    assert (worse.metric, worse.value, worse.reference) == (metric, better.reference, better.value)


@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_equal_answers_lose_nothing(metric: str) -> None:
    loss = compare(answer(0.8), answer(0.8), metric)
    assert [str(number) for number in (loss.loss, loss.low, loss.high)] == ["0.0", "0.0", "0.0"]


def test_rows_are_drawn_alike_for_both() -> None:
    reference = answer(0.8)
    flipped = reference.predicted.copy()
    flipped[:10] = 1 - TRUTH[:10]
    loss = compare(
        Answers(problem_type="binary", truth=TRUTH, predicted=flipped, probabilities=reference.probabilities),
        reference,
        "accuracy",
    )
    unpaired_half = 1.96 * math.sqrt(2 * 0.8 * 0.2 / len(TRUTH)) / 0.8
    assert (loss.high - loss.low) / 2 < unpaired_half / 4


def test_models_that_differ_by_chance_have_an_interval_around_zero() -> None:
    loss = compare(answer(0.8, seed=2), answer(0.8, seed=3), "accuracy")
    assert loss.low < 0 < loss.high


def test_a_perfect_reference_gives_a_finite_loss() -> None:
    truth = np.array([1.0, 2.0, 3.0, 4.0])
    perfect = Answers(problem_type="regression", truth=truth, predicted=truth)
    missed = Answers(problem_type="regression", truth=truth, predicted=truth + 0.5)
    scorer = METRICS["regression"]["root_mean_squared_error"]
    loss = compute_quality_loss(missed, perfect, scorer, seed=0)
    assert loss is not None
    assert (loss.reference, loss.value) == (0, 0.5)
    assert 1 < loss.low <= loss.loss < math.inf
    same = compute_quality_loss(perfect, perfect, scorer, seed=0)
    assert same is not None
    assert (same.loss, same.low, same.high) == (0, 0, 0)


def test_a_metric_that_the_rows_do_not_define_compares_nothing() -> None:
    ones = np.ones(50, dtype=int)
    answers = Answers(problem_type="binary", truth=ones, predicted=ones, probabilities=np.full(50, 0.9))
    assert compute_quality_loss(answers, answers, METRICS["binary"]["roc_auc"], seed=0) is None
