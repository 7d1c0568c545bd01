"""A CatBoost model read from its arrays answers as AutoGluon's child model does, nearly always to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from autogluon.tabular.models import CatBoostModel as Child
from hypothesis import given, settings
from hypothesis import strategies as st

from app.release.plan.columns import EncodedColumn
from app.release.plan.models.catboost import export_catboost
from app.runtime.plan.models.catboost import CatBoostModel

Matrix = npt.NDArray[np.float64]
LEVELS = {"color": 2, "size": 4, "shop": 7, "city": 180, "street": 150}
NUMBERS = ("price", "weight", "visits", "member")
COLUMNS = [
    EncodedColumn("unused"),
    *(EncodedColumn(name) for name in NUMBERS),
    *(EncodedColumn(name, levels) for name, levels in LEVELS.items()),
]
MANY_CTRS = {"simple_ctr": ["Borders", "Buckets", "BinarizedTargetMeanValue", "Counter"], "max_ctr_complexity": 4}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "binary": ("binary", {}),
    "binary by depth": ("binary", {"grow_policy": "Depthwise", "depth": 5}),
    "binary by loss": ("binary", {"grow_policy": "Lossguide", "max_leaves": 20}),
    "binary and deep": ("binary", {"depth": 11, "iterations": 6}),
    "binary and ordered": ("binary", {"boosting_type": "Ordered"}),
    "binary with missing values last": ("binary", {"nan_mode": "Max"}),
    "binary with categories one by one": ("binary", {"one_hot_max_size": 10}),
    "binary with every statistic": ("binary", MANY_CTRS | {"combinations_ctr": MANY_CTRS["simple_ctr"]}),
    "multiclass": ("multiclass", {}),
    "multiclass by loss": ("multiclass", {"grow_policy": "Lossguide"}),
    "multiclass, one against all": ("multiclass", {"loss_function": "MultiClassOneVsAll"}),
    "regression": ("regression", {}),
    "regression of medians": ("regression", {"loss_function": "MAE", "boost_from_average": True}),
    "regression with target classes": ("regression", {"simple_ctr": ["Borders:TargetBorderCount=4", "Buckets"]}),
    "quantile": ("quantile", {}),
}


@dataclass(frozen=True)
class Case:
    child: Any
    model: CatBoostModel
    arrays: dict[str, npt.NDArray[Any]]
    limits: dict[int, Matrix]

    def ask_child(self, matrix: Matrix) -> npt.NDArray[Any]:
        answers: npt.NDArray[Any] = self.child._predict_proba(make_frame(matrix))
        return answers


def make_frame(matrix: Matrix) -> pd.DataFrame:
    """What AutoGluon's pipeline hands to its models where the plan has this matrix."""
    frame = pd.DataFrame(matrix, columns=[column.name for column in COLUMNS])
    for column in COLUMNS:
        if column.levels is not None:
            codes = np.nan_to_num(frame[column.name].to_numpy(), nan=-1).astype(int)
            frame[column.name] = pd.Categorical.from_codes(codes, categories=pd.RangeIndex(column.levels))
    return frame


def make_matrix(rows: int, *, seed: int = 0) -> Matrix:
    rng = np.random.default_rng(seed)
    numbers = [rng.normal(50, 20, rows), rng.random(rows), rng.integers(0, 40, rows), rng.random(rows) < 0.4]
    codes = [rng.integers(0, min(levels, 9), rows) for levels in LEVELS.values()]
    matrix = np.column_stack([np.zeros(rows), *numbers, *codes]).astype(np.float64)
    matrix[rng.random(rows) < 0.1, 1] = np.nan
    matrix[rng.random((rows, len(COLUMNS))) < 0.03 * (np.arange(len(COLUMNS)) > 5)] = np.nan
    return matrix


def make_target(matrix: Matrix, problem_type: str) -> pd.Series:
    rng = np.random.default_rng(1)
    filled = np.nan_to_num(matrix)
    score = filled[:, 1] / 20 + (filled[:, 5] == filled[:, 6]) + (filled[:, 8] + filled[:, 9]) % 3
    score += (filled[:, 7] == 3) * 2 + filled[:, 3] / 20 + rng.normal(0, 0.4, len(score))
    if problem_type in ("regression", "quantile"):
        return pd.Series(score)
    classes = 2 if problem_type == "binary" else 4
    return pd.Series(pd.qcut(score, classes, labels=False))


@pytest.fixture(scope="module")
def make_case(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    @cache
    def make(variant: str) -> Case:
        return fit_case(variant, tmp_path_factory.mktemp("catboost"))

    return make


def fit_case(variant: str, directory: Path) -> Case:
    problem_type, hyperparameters = VARIANTS[variant]
    matrix = make_matrix(1500)
    extra = {"ag.quantile_levels": [0.1, 0.5, 0.9]} if problem_type == "quantile" else {}
    child = Child(
        path=str(directory),
        problem_type=problem_type,
        hyperparameters={"iterations": 25, "learning_rate": 0.2} | hyperparameters | extra,
    )
    child.fit(X=make_frame(matrix).drop(columns="unused"), y=make_target(matrix, problem_type), num_cpus=1, num_gpus=0)
    document = export_catboost(child, COLUMNS, directory, "part")
    with np.load(directory / document["files"]["structure"]) as stored:
        arrays = dict(stored)
    limits = find_limits(document, arrays)
    return Case(child=child, model=CatBoostModel(document, directory), arrays=arrays, limits=limits)


def find_limits(document: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> dict[int, Matrix]:
    """Which numbers the model compares each column of the matrix with."""
    sources, limits = (
        np.concatenate([arrays[f"{kind}_{of}"] for kind in ("split", "bit")]) for of in ("source", "limit")
    )
    columns = dict(enumerate(document["columns"]))
    return {columns[source]: limits[sources == source] for source in set(sources) & set(columns)}


def near(limits: Matrix) -> list[float]:
    """The limits and the float32 and float64 numbers next to them."""
    finite = limits[np.isfinite(limits)]
    with np.errstate(over="ignore"):
        rounded = finite.astype(np.float32)
        sides = [np.nextafter(numbers, direction) for numbers in (finite, rounded) for direction in (-np.inf, np.inf)]
    return [float(number) for number in np.concatenate([finite, rounded, *sides])]


EXTREMES = [np.nan, 0.0, -0.0, 3.4e38, -3.4e38, 3.5e38, -1e300, 1e-45, -1e-45, 5e-324, np.inf, -np.inf]


def mutate(matrix: Matrix, limits: dict[int, Matrix], *, seed: int = 3) -> Matrix:
    """A third of the values become extremes, limits or their neighbours, or any category, also one not seen."""
    rng = np.random.default_rng(seed)
    mutated = matrix.copy()
    for place, column in enumerate(COLUMNS):
        chosen = rng.random(len(matrix)) < 1 / 3
        mutated[chosen, place] = rng.choice(values_of(place, column, limits), chosen.sum())
    return mutated


def values_of(place: int, column: EncodedColumn, limits: dict[int, Matrix]) -> list[float]:
    if column.levels is not None:
        return [np.nan, *range(column.levels)]
    return [*EXTREMES, *near(limits.get(place, np.zeros(1)))]


def assert_same(answers: npt.NDArray[Any], expected: npt.NDArray[Any], variant: str) -> None:
    if VARIANTS[variant] == ("multiclass", {}) or variant == "multiclass by loss":
        # CatBoost's softmax takes an approximate exp() that depends on the processor.
        np.testing.assert_allclose(answers, expected, rtol=1e-14, atol=1e-300)
        answers, expected = answers.astype(np.float32), expected.astype(np.float32)
    np.testing.assert_array_equal(answers, expected)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_thousand_rows_agree_with_autogluon(make_case: Callable[[str], Case], variant: str) -> None:
    case = make_case(variant)
    matrix = mutate(make_matrix(1000, seed=5), case.limits)

    assert_same(case.model.predict(matrix), case.ask_child(matrix), variant)


@pytest.mark.parametrize(
    "variant", ["binary with every statistic", "multiclass by loss", "binary and deep", "quantile"]
)
def test_a_row_has_the_same_answer_alone_and_in_any_batch(make_case: Callable[[str], Case], variant: str) -> None:
    case = make_case(variant)
    matrix = mutate(make_matrix(1025, seed=6), case.limits)
    together = case.model.predict(matrix)

    for rows in (1, 2, 8, 9, 97, 511, 513):
        parts = [case.model.predict(matrix[start : start + rows]) for start in range(0, len(matrix), rows)]
        np.testing.assert_array_equal(np.concatenate(parts), together)


@pytest.mark.parametrize("variant", ["binary with every statistic", "binary with missing values last", "multiclass"])
@given(data=st.data())
@settings(max_examples=25)
def test_any_rows_agree_with_autogluon(make_case: Callable[[str], Case], variant: str, data: st.DataObject) -> None:
    case = make_case(variant)
    cells = [st.sampled_from(values_of(place, column, case.limits)) for place, column in enumerate(COLUMNS)]
    cells = [
        cell if column.levels else st.one_of(cell, st.floats(width=64))
        for cell, column in zip(cells, COLUMNS, strict=True)
    ]
    matrix = np.array(data.draw(st.lists(st.tuples(*cells), min_size=1, max_size=4)), dtype=np.float64)

    assert_same(case.model.predict(matrix), case.ask_child(matrix), variant)


@pytest.mark.parametrize("variant", ["binary", "multiclass", "quantile"])
def test_no_rows_have_no_answers(make_case: Callable[[str], Case], variant: str) -> None:
    predict = make_case(variant).model.predict

    assert predict(make_matrix(5)[:0]).shape == (0, *predict(make_matrix(5)).shape[1:])


def test_statistics_of_few_and_of_many_combinations_are_both_read(make_case: Callable[[str], Case]) -> None:
    arrays = make_case("binary with every statistic").arrays

    assert arrays["dense_digit"].shape[1] > 5
    assert len(arrays["unknown_rank"]) > 0
    assert len(arrays["bit_source"]) > 1


def test_threads_that_ask_at_once_get_their_own_answers(make_case: Callable[[str], Case]) -> None:
    case = make_case("binary with every statistic")
    batches = [make_matrix(rows, seed=rows) for rows in (1, 300, 2, 257, 1, 40)]
    expected = [case.model.predict(batch) for batch in batches]

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(case.model.predict, batches * 20))

    for answer, alone in zip(answers, expected * 20, strict=True):
        np.testing.assert_array_equal(answer, alone)


def test_a_model_without_categories_agrees_with_autogluon(tmp_path: Path) -> None:
    matrix = make_matrix(400)[:, :5]
    frame = pd.DataFrame(matrix, columns=[column.name for column in COLUMNS[:5]])
    child = Child(path=str(tmp_path), problem_type="regression", hyperparameters={"iterations": 10})
    child.fit(X=frame, y=make_target(make_matrix(400), "regression"), num_cpus=1, num_gpus=0)
    model = CatBoostModel(export_catboost(child, COLUMNS[:5], tmp_path, "part"), tmp_path)

    np.testing.assert_array_equal(model.predict(matrix), child._predict_proba(frame))
    np.testing.assert_array_equal(model.predict(matrix[:1]), child._predict_proba(frame[:1]))


def test_models_asked_together_for_one_row_answer_as_each_alone(make_case: Callable[[str], Case]) -> None:
    models = [make_case(variant).model for variant in VARIANTS]
    groups = list(CatBoostModel.join(models))
    assert sorted(map(id, models)) == sorted(id(model) for group, _ in groups for model in group)
    assert max(len(group) for group, _ in groups) > 1
    for row in make_matrix(40, seed=5):
        for group, ask in groups:
            for model, answer in zip(group, ask(row[None]), strict=True):
                np.testing.assert_array_equal(answer, model.predict(row[None]), strict=True)
