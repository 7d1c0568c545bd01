"""Held-out metrics: AutoGluon's own up to sign, with intervals that hold the value."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import pytest
from autogluon.core.metrics import METRICS

from app.release.manifest import MetricValue
from app.training.gate.metrics import (
    METRICS_OF_REPORT,
    Answers,
    answer_held_out_rows,
    choose_scorers,
    compute_quality,
)
from tests.fixtures import FittedModel

Fitted = Callable[[str], FittedModel]


def measure(model: FittedModel, *also: str) -> dict[str, MetricValue]:
    answers = answer_held_out_rows(model.predictor, model.held_out)
    return compute_quality(answers, choose_scorers(model.predictor, also), seed=0)


@pytest.mark.parametrize("problem_type", ["binary", "multiclass", "regression", "quantile"])
def test_every_metric_is_autogluons_up_to_sign(fitted: Fitted, problem_type: str) -> None:
    model = fitted(problem_type)
    quality = measure(model)
    compared = model.predictor.evaluate(model.held_out)
    assert set(METRICS_OF_REPORT[problem_type]) <= set(quality)
    shared = set(quality) & set(compared)
    assert shared
    for name in shared:
        sign = 1 if quality[name].higher_is_better else -1
        assert quality[name].value == pytest.approx(sign * compared[name], abs=1e-12)


@pytest.mark.parametrize("problem_type", ["binary", "multiclass"])
def test_a_metric_of_probabilities_is_autogluons_too(fitted: Fitted, problem_type: str) -> None:
    model = fitted(problem_type)
    probabilities = model.predictor.predict_proba(model.held_out)
    truth = model.held_out[model.predictor.label]
    codes = truth.map({label: code for code, label in enumerate(model.predictor.class_labels)}).to_numpy()
    given = probabilities.iloc[:, 1].to_numpy() if problem_type == "binary" else probabilities.to_numpy()
    expected = -METRICS[problem_type]["log_loss"](codes, given)
    assert measure(model)["log_loss"].value == pytest.approx(expected, abs=1e-12)


def test_labels_follow_the_decision_threshold_of_the_predictor(fitted: Fitted) -> None:
    model = fitted("binary")
    before = model.predictor.decision_threshold
    model.predictor.set_decision_threshold(0.9)
    try:
        expected = (model.predictor.predict(model.held_out) == model.held_out["bought"]).mean()
        assert measure(model)["accuracy"].value == pytest.approx(expected)
    finally:
        model.predictor.set_decision_threshold(before)


@pytest.mark.parametrize("problem_type", ["binary", "regression"])
def test_an_interval_holds_its_value_and_losses_are_positive(fitted: Fitted, problem_type: str) -> None:
    for name, metric in measure(fitted(problem_type)).items():
        assert metric.low <= metric.value <= metric.high
        assert metric.low < metric.high
        assert metric.higher_is_better or metric.value > 0, name


def test_a_metric_that_a_limit_names_is_measured(fitted: Fitted) -> None:
    assert "pac" in measure(fitted("binary"), "pac")


def test_the_same_seed_gives_the_same_interval(fitted: Fitted) -> None:
    model = fitted("regression")
    assert measure(model) == measure(model)


def test_the_interval_of_a_mean_is_that_of_the_textbook() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 1000)
    predicted = np.where(random.random(1000) < 0.8, truth, 1 - truth)
    answers = Answers(problem_type="binary", truth=truth, predicted=predicted, probabilities=predicted.astype(float))
    accuracy = compute_quality(answers, [METRICS["binary"]["accuracy"]], seed=0)["accuracy"]
    half = 1.96 * math.sqrt(accuracy.value * (1 - accuracy.value) / 1000)
    assert accuracy.low == pytest.approx(accuracy.value - half, abs=0.008)
    assert accuracy.high == pytest.approx(accuracy.value + half, abs=0.008)


def test_many_rows_are_measured_in_bounded_time_with_a_narrower_interval() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=200_000)
    answers = Answers(problem_type="regression", truth=truth, predicted=truth + random.normal(size=200_000))
    started = time.monotonic()
    error = compute_quality(answers, [METRICS["regression"]["mean_absolute_error"]], seed=0)["mean_absolute_error"]
    assert time.monotonic() - started < 10
    half = 1.96 * math.sqrt(1 - 2 / math.pi) / math.sqrt(200_000)
    assert (error.high - error.low) / 2 == pytest.approx(half, rel=0.3)


def test_a_metric_that_the_rows_do_not_define_is_left_out() -> None:
    ones = np.ones(50, dtype=int)
    answers = Answers(problem_type="binary", truth=ones, predicted=ones, probabilities=np.full(50, 0.9))
    scorers = [METRICS["binary"][name] for name in ("accuracy", "roc_auc")]
    assert list(compute_quality(answers, scorers, seed=0)) == ["accuracy"]
