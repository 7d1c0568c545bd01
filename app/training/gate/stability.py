"""How steady a predictor's answers are: across the folds of its bags, from call to call, and alone or in a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
from autogluon.core.models import BaggedEnsembleModel, WeightedEnsembleModel
from autogluon.tabular import TabularPredictor

Numbers = npt.NDArray[Any]

_ROWS_ACROSS_FOLDS = 1000
_ROWS_TWICE = 500
_ROWS_ALONE = 20


@dataclass(frozen=True)
class Stability:
    """Three differences; zero is perfect.

    Attributes:
        fold_spread: Mean standard deviation across the folds of a bag: of the probability for classes, else of the
            prediction in units of the target's standard deviation. None when no bag has several folds.
        repeat_difference: Largest difference between two predictions of the same rows.
        batch_difference: Largest difference between rows predicted alone and in a batch, relative above 1.
    """

    fold_spread: float | None
    repeat_difference: float
    batch_difference: float


def measure_stability(predictor: TabularPredictor, held_out: pd.DataFrame) -> Stability:
    """Predict held-out rows in several ways, on one thread per forest as a server does."""
    # A forest adds up its trees in whatever order its threads finish; one thread is what is served, and it is exact.
    with joblib.parallel_config(backend="sequential"):
        once, twice = (_predict_numbers(predictor, held_out.head(_ROWS_TWICE)) for _ in range(2))
        count = min(_ROWS_ALONE, len(held_out))
        alone = np.concatenate([_predict_numbers(predictor, held_out.iloc[[row]]) for row in range(count)])
        return Stability(
            fold_spread=measure_fold_spread(predictor, held_out.head(_ROWS_ACROSS_FOLDS)),
            repeat_difference=_find_largest_difference(once, twice),
            batch_difference=_find_largest_difference(once[:count], alone),
        )


def measure_fold_spread(predictor: TabularPredictor, rows: pd.DataFrame) -> float | None:
    """Mean standard deviation of the predictions across folds; bags are averaged by their weight in the ensemble."""
    features = predictor.transform_features(rows)
    spreads, weights = [], []
    for name, weight in _find_base_weights(predictor).items():
        bag = predictor._trainer.load_model(name)
        if isinstance(bag, BaggedEnsembleModel) and bag.n_children > 1:
            folds = np.stack(bag.predict_proba_children(features))
            spreads.append(float(np.std(folds, axis=0, ddof=1).mean()))
            weights.append(weight)
    if not spreads:
        return None
    spread = float(np.average(spreads, weights=weights))
    return spread if predictor.can_predict_proba else spread / _measure_target_spread(rows[predictor.label])


def _find_base_weights(predictor: TabularPredictor) -> dict[str, float]:
    """The models that the best one averages, with their weights; itself when it is no weighted ensemble."""
    best = predictor._trainer.load_model(predictor.model_best)
    if isinstance(best, WeightedEnsembleModel):
        return {name: float(weight) for name, weight in best._get_model_weights().items()}
    return {predictor.model_best: 1.0}


def _measure_target_spread(target: pd.Series) -> float:
    return float(target.std(ddof=0)) or 1.0


def _predict_numbers(predictor: TabularPredictor, rows: pd.DataFrame) -> Numbers:
    predict = predictor.predict_proba if predictor.can_predict_proba else predictor.predict
    return np.asarray(predict(rows), dtype=float)


def _find_largest_difference(first: Numbers, second: Numbers) -> float:
    return float(np.max(np.abs(first - second) / np.maximum(1.0, np.abs(first))))
