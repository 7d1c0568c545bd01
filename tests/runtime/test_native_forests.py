"""Forests whose trees are asked directly answer to the bit what scikit-learn answers with one thread."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from app.runtime.native import _pin_to_one_thread

ROWS = 400


def make_rows(seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(ROWS, 5)).astype(np.float32)
    matrix[rng.random(matrix.shape) < 0.05] = np.nan
    return matrix, np.nansum(matrix, axis=1) + rng.normal(0, 0.3, ROWS)


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
@pytest.mark.parametrize("rows", [1, 7, ROWS])
def test_probabilities_are_equal_to_the_bit(kind: Any, classes: int, rows: int) -> None:
    matrix, score = make_rows()
    labels = np.digitize(score, np.quantile(score, np.linspace(0, 1, classes + 1)[1:-1]))
    forest = kind(n_estimators=30, random_state=0, n_jobs=1).fit(matrix, labels)
    expected = forest.predict_proba(matrix[:rows])
    _pin_to_one_thread(SimpleNamespace(model=forest))
    assert "predict_proba" in vars(forest)
    assert np.array_equal(forest.predict_proba(matrix[:rows]), expected)


@pytest.mark.parametrize("kind", [RandomForestRegressor, ExtraTreesRegressor])
@pytest.mark.parametrize("rows", [1, 7, ROWS])
def test_numbers_are_equal_to_the_bit(kind: Any, rows: int) -> None:
    matrix, score = make_rows()
    forest = kind(n_estimators=30, random_state=0, n_jobs=1).fit(matrix, score)
    expected = forest.predict(matrix[:rows])
    _pin_to_one_thread(SimpleNamespace(model=forest))
    assert "predict" in vars(forest)
    assert np.array_equal(forest.predict(matrix[:rows]), expected)


def test_a_forest_of_another_kind_is_left_as_it_is() -> None:
    class Forest(RandomForestRegressor):  # type: ignore[misc]
        pass

    matrix, score = make_rows()
    several = np.column_stack([score, -score])
    for forest in (Forest(5).fit(matrix, score), RandomForestRegressor(5).fit(matrix, several)):
        _pin_to_one_thread(SimpleNamespace(model=forest))
        assert {"predict", "predict_proba"}.isdisjoint(vars(forest))
        assert forest.n_jobs == 1
