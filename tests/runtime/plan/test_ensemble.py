"""The arithmetic between models equals AutoGluon's own functions to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from autogluon.core.calibrate.temperature_scaling import apply_temperature_scaling
from autogluon.core.models.greedy_ensemble.ensemble_selection import AbstractWeightedEnsemble
from autogluon.core.utils.utils import normalize_pred_probas
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.runtime.plan.ensemble import (
    Bag,
    Calibration,
    Ensemble,
    Member,
    Weighting,
    keep_inside_unit_interval,
)

ROWS = np.zeros((3, 1))
NOTHING = Calibration(None)
EDGES = [0.0, -0.0, 1.0, 1e-7, 9.9e-8, 1e-8, 1 - 1e-7, 0.5, np.nextafter(1e-7, 0), np.nextafter(1 - 1e-7, 1)]


class FixedModel:
    """A model that always answers the same."""

    def __init__(self, answers: Any) -> None:
        self._answers = np.asarray(answers)

    def predict(self, matrix: npt.NDArray[np.float64]) -> npt.NDArray[Any]:  # noqa: ARG002
        return self._answers


def make_probabilities(dtype: Any, shape: Any) -> st.SearchStrategy[npt.NDArray[Any]]:
    width = np.dtype(dtype).itemsize * 8
    numbers = st.one_of(
        st.sampled_from(EDGES).map(lambda p: float(np.dtype(dtype).type(p))), st.floats(0, 1, width=width)
    )
    return arrays(dtype, shape, elements=numbers)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
def test_one_class_is_kept_inside_as_autogluon_does(dtype: Any, data: st.DataObject) -> None:
    probabilities = data.draw(make_probabilities(dtype, st.integers(1, 6)))
    expected = normalize_pred_probas(probabilities, "binary")
    got = keep_inside_unit_interval(probabilities)
    assert got.astype(np.float32).tobytes() == expected.astype(np.float32).tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
def test_each_row_of_classes_is_kept_inside_as_autogluon_does_with_the_row_alone(
    dtype: Any, data: st.DataObject
) -> None:
    probabilities = data.draw(make_probabilities(dtype, st.tuples(st.integers(1, 5), st.integers(3, 5))))
    alone = [normalize_pred_probas(row[None, :].copy(), "multiclass")[0] for row in probabilities]
    got = keep_inside_unit_interval(probabilities)
    assert got.astype(np.float32).tobytes() == np.stack(alone).astype(np.float32).tobytes()


@given(arrays(np.float32, st.integers(1, 6), elements=st.floats(2**-23, 1 - 2**-23, width=32)), st.floats(0.2, 5))
def test_temperature_of_two_classes_is_that_of_autogluon(probabilities: Any, temperature: float) -> None:
    expected = apply_temperature_scaling(probabilities, temperature, problem_type="binary")
    got = Calibration({"temperature": temperature}).apply(probabilities)
    assert (got.dtype, got.tobytes()) == (expected.dtype, expected.tobytes())


@given(
    arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(3, 4)), elements=st.floats(2**-23, 1, width=32)),
    st.floats(0.2, 5),
)
def test_temperature_of_many_classes_is_that_of_autogluon(probabilities: Any, temperature: float) -> None:
    expected = apply_temperature_scaling(probabilities, temperature, problem_type="multiclass")
    got = Calibration({"temperature": temperature}).apply(probabilities)
    assert (got.dtype, got.tobytes()) == (expected.dtype, expected.tobytes())


def test_a_probability_of_zero_survives_temperature_scaling_without_a_warning() -> None:
    scaled = Calibration({"temperature": 2.0}).apply(np.array([0.0, 1.0], dtype=np.float32))
    assert scaled.tolist() == [0.0, 1.0]


def test_conformal_additions_keep_the_32_bits_of_the_answers() -> None:
    answers = np.array([[1.0, 2.0]], dtype=np.float32)
    got = Calibration({"additions": [0.1, -0.3]}).apply(answers)
    expected = answers.copy()
    expected += [0.1, -0.3]
    assert (got.dtype, got.tolist()) == (expected.dtype, expected.tolist())
    assert answers.tolist() == [[1.0, 2.0]]


def test_a_bag_is_the_mean_of_its_folds_in_32_bits() -> None:
    folds = [[0.1, 0.7, 0.2], [0.3, 0.4, 0.9], [0.2, 0.2, 0.3]]
    bag = Bag([Member(FixedModel(fold), normalize=True, calibration=NOTHING) for fold in folds], NOTHING)
    expected = np.array(folds[0], dtype=np.float32)
    for fold in folds[1:]:
        expected += np.array(fold, dtype=np.float32)
    assert Ensemble([bag], None).predict(ROWS).tobytes() == (expected / 3).tobytes()


@given(data=st.data())
def test_one_row_has_the_bits_that_it_has_among_others(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from([(3,), (3, 4)]))
    kinds = [np.float32, np.float64, np.float64, np.float32]
    answers = [data.draw(make_probabilities(dtype, shape)) for dtype in kinds]
    calibrations = [Calibration(data.draw(st.sampled_from([None, {"temperature": 1.7}]))) for _ in range(5)]
    document = {
        "weights": [0.6, 0.4],
        "in_float64": data.draw(st.booleans()),
        "normalize": True,
        "calibration": None,
        "outer_calibration": data.draw(st.sampled_from([None, {"temperature": 0.6}])),
    }

    def predict(rows: slice) -> npt.NDArray[Any]:
        members = [
            Member(FixedModel(own[rows]), normalize=True, calibration=calibration)
            for own, calibration in zip(answers, calibrations, strict=False)
        ]
        bags = [Bag(members[:3], calibrations[4]), Bag(members[3:], NOTHING)]
        with np.errstate(all="ignore"):
            return Ensemble(bags, Weighting(document)).predict(ROWS[rows])

    together = predict(slice(None))
    for row in range(3):
        alone = predict(slice(row, row + 1))
        assert (alone.dtype, alone[0].tobytes()) == (together.dtype, together[row].tobytes())


@pytest.mark.parametrize("shape", [(3,), (3, 4)])
def test_weights_join_bags_as_autogluon_does(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    answers = [rng.random(shape, dtype=np.float32) for _ in range(3)]
    weights = [np.float64(2 / 3), np.float64(1 / 7), np.float64(4 / 21)]
    document = {
        "weights": [float(weight) for weight in weights],
        "in_float64": True,
        "normalize": False,
        "calibration": None,
        "outer_calibration": None,
    }
    ensemble = Ensemble(
        [Bag([Member(FixedModel(a), normalize=False, calibration=NOTHING)], NOTHING) for a in answers],
        Weighting(document),
    )
    expected = AbstractWeightedEnsemble.weight_pred_probas(answers, weights).astype(np.float32)
    assert ensemble.predict(ROWS).tobytes() == expected.tobytes()


def test_a_model_is_never_changed_by_what_follows_it() -> None:
    model = FixedModel(np.array([0.0, 1.0, 0.5], dtype=np.float32))
    bag = Bag([Member(model, normalize=True, calibration=Calibration({"temperature": 2.0}))] * 2, NOTHING)
    ensemble = Ensemble([bag], None)
    assert ensemble.predict(ROWS).tolist() == ensemble.predict(ROWS).tolist()
    assert model.predict(ROWS).tolist() == [0.0, 1.0, 0.5]
