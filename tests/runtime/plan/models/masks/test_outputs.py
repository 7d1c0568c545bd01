"""The last step of a booster, at the ends of what floats hold; test_lightgbm and test_xgboost compare its bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.runtime.plan.models.masks.outputs import make_output


def test_scores_beyond_what_exp_can_hold_become_certain() -> None:
    logistic = make_output({"kind": "logistic", "slope": 1.0})
    assert logistic(np.array([[-800.0], [0.0], [800.0]])).tolist() == [0.0, 0.5, 1.0]


def test_xgboost_keeps_a_certain_no_above_zero() -> None:
    logistic = make_output({"kind": "logistic_float32"})
    answers = logistic(np.array([[-800.0], [0.0], [800.0]], np.float32))
    assert answers.dtype == np.float32
    assert answers.tolist() == [pytest.approx(3.0e-39, rel=0.1), 0.5, 1.0]


@pytest.mark.parametrize(("kind", "dtype"), [("softmax", np.float64), ("softmax_float32", np.float32)])
def test_softmax_of_distant_scores_has_no_nan(kind: str, dtype: type[np.floating[Any]]) -> None:
    answers = make_output({"kind": kind})(np.array([[3000.0, -3000.0], [1.0, 1.0]], dtype))
    assert answers.dtype == dtype
    assert answers.tolist() == [[1.0, 0.0], [0.5, 0.5]]


def test_a_single_sum_per_row_is_the_answer_itself() -> None:
    sums = np.array([[1.5], [-2.0]])
    assert make_output({"kind": "only_sum"})(sums).tolist() == [1.5, -2.0]
    assert make_output({"kind": "sums"})(sums).tolist() == [[1.5], [-2.0]]
