"""How steady answers are, measured on real predictors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.training.gate.stability import measure_fold_spread, measure_stability
from tests.builders import fit_predictor
from tests.fixtures import FittedModel

Fitted = Callable[[str], FittedModel]


@pytest.mark.parametrize("problem_type", ["binary", "multiclass", "regression", "quantile"])
def test_a_sound_predictor_is_steady(fitted: Fitted, problem_type: str) -> None:
    model = fitted(problem_type)
    stability = measure_stability(model.predictor, model.held_out)
    assert stability.fold_spread is not None
    assert 0 < stability.fold_spread < 0.2
    assert stability.repeat_difference == 0
    assert stability.batch_difference <= 1e-6


def test_the_spread_is_the_standard_deviation_of_the_folds_weighted_by_the_ensemble(fitted: Fitted) -> None:
    model = fitted("binary")
    rows = model.held_out.head(50)
    trainer = model.predictor._trainer
    features = model.predictor.transform_features(rows)
    weights = trainer.load_model(model.predictor.model_best)._get_model_weights()
    total = spread = 0.0
    for name, weight in weights.items():
        bag = trainer.load_model(name)
        children = [bag.load_child(child).predict_proba(features) for child in bag.models]
        if len(children) > 1:
            spread += weight * float(np.std(children, axis=0, ddof=1).mean())
            total += weight
    assert measure_fold_spread(model.predictor, rows) == pytest.approx(spread / total, abs=1e-6)


def test_folds_that_disagree_spread_more(fitted: Fitted, tmp_path: Path) -> None:
    model = fitted("binary")
    noise = model.train_data.head(40).copy()
    noise["bought"] = np.random.default_rng(0).choice(["yes", "no"], len(noise))
    erratic = fit_predictor(noise, problem_type="binary", path=tmp_path / "erratic", families=("LR",))
    steady = measure_fold_spread(model.predictor, model.held_out)
    unsteady = measure_fold_spread(erratic, model.held_out)
    assert steady is not None
    assert unsteady is not None
    assert unsteady > steady


def test_a_bag_with_one_child_has_no_spread(fitted: Fitted, tmp_path: Path) -> None:
    model = fitted("binary")
    forest = fit_predictor(model.train_data, problem_type="binary", path=tmp_path / "forest", families=("RF",))
    assert measure_fold_spread(forest, model.held_out) is None
