from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.errors import PredictionFailed
from app.runtime.plan.answers import make_answers, refuse_non_finite
from app.runtime.predictions import Predictions


def test_numbers_are_their_own_answers() -> None:
    answers = make_answers({"kind": "number"}).describe(np.array([1.5, -2.0], dtype=np.float32))
    assert answers == Predictions([1.5, -2.0], None)


def test_quantiles_are_named_by_level() -> None:
    form = make_answers({"kind": "quantile", "names": ["0.1", "0.9"]})
    assert form.describe(np.array([[1.0, 2.0]], dtype=np.float32)) == Predictions([{"0.1": 1.0, "0.9": 2.0}], None)


@pytest.mark.parametrize(
    ("in_float64", "labels"), [pytest.param(False, ["no", "yes"], id="32"), pytest.param(True, ["yes", "yes"], id="64")]
)
def test_a_threshold_is_compared_in_the_precision_of_the_predictor(in_float64: bool, labels: list[str]) -> None:
    """0.43 in 32 bits is a little above 0.43 in 64."""
    form = make_answers(
        {
            "kind": "binary",
            "names": ["no", "yes"],
            "labels": ["no", "yes"],
            "threshold": 0.43,
            "threshold_in_float64": in_float64,
        }
    )
    assert form.describe(np.array([0.43, 0.75], dtype=np.float32)) == Predictions(
        labels,
        [{"no": float(np.float32(1) - np.float32(0.43)), "yes": float(np.float32(0.43))}, {"no": 0.25, "yes": 0.75}],
    )


def test_labels_keep_their_json_type() -> None:
    form = make_answers({"kind": "class", "names": ["1", "2", "3"], "labels": [1, 2, 3], "trained": None})
    got = form.describe(np.array([[0.25, 0.5, 0.25]], dtype=np.float32))
    assert got == Predictions([2], [{"1": 0.25, "2": 0.5, "3": 0.25}])


def test_classes_too_rare_to_train_on_have_no_probability() -> None:
    form = make_answers(
        {"kind": "class", "names": ["a", "b", "c", "d"], "labels": ["a", "b", "c", "d"], "trained": [0, 1, 3]}
    )
    got = form.describe(np.array([[0.25, 0.25, 0.5]], dtype=np.float32))
    assert got == Predictions(["d"], [{"a": 0.25, "b": 0.25, "c": 0.0, "d": 0.5}])


def test_two_classes_left_of_many_are_answered_as_many() -> None:
    form = make_answers({"kind": "class", "names": ["a", "b", "c"], "labels": ["a", "b", "c"], "trained": [0, 2]})
    got = form.describe(np.array([0.75], dtype=np.float32))
    assert got == Predictions(["c"], [{"a": 0.25, "b": 0.0, "c": 0.75}])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(PredictionFailed):
        refuse_non_finite(np.array([0.5, value]))


NAMES = ["a", "b", "c"]
FORMS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "number": ({"kind": "number"}, [0.1, 2.0]),
    "quantile": ({"kind": "quantile", "names": NAMES}, [[0.1, 0.2, 0.3]] * 2),
    "binary": (
        {"kind": "binary", "names": ["no", "yes"], "labels": [0, 1], "threshold": 0.43, "threshold_in_float64": True},
        [0.1, 0.43],
    ),
    "class": ({"kind": "class", "names": NAMES, "labels": [1, 2, 3], "trained": None}, [[0.1, 0.2, 0.7]] * 2),
    "two of three": ({"kind": "class", "names": NAMES, "labels": NAMES, "trained": [0, 2]}, [0.1, 0.9]),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_answers_by_their_columns_are_the_same(name: str, precision: type[np.floating[Any]]) -> None:
    document, answers = FORMS[name]
    form, numbers = make_answers(document), np.array(answers, dtype=precision)
    rows, columns = form.describe(numbers), form.list_columns(numbers)
    by_name = {key: values.tolist() for key, values in columns.numbers.items()}
    if columns.labels is None:
        assert rows.labels == [dict(zip(by_name, row, strict=True)) for row in zip(*by_name.values(), strict=True)]
    else:
        assert rows.labels == list(columns.labels)
        listed = [dict(zip(by_name, row, strict=True)) for row in zip(*by_name.values(), strict=True)]
        assert (rows.probabilities or []) == listed
