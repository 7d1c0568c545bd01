"""Forests of a plan answer the bits of AutoGluon's, whatever the kind of forest, the values and the number of rows."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from autogluon.tabular.models import RFModel, XTModel
from hypothesis import given, settings
from hypothesis import strategies as st

from app.release.plan.columns import EncodedColumn
from app.release.plan.models.forest import export_forest
from app.release.plan.models.forest_blocks import write_blocks
from app.runtime.plan.models import forest as execution
from app.runtime.plan.models.forest import ForestModel
from app.runtime.plan.models.forest_blocks import BlockedForest, join_forests

Float64 = npt.NDArray[np.float64]

KINDS = [(model, problem) for model in (RFModel, XTModel) for problem in ("binary", "multiclass", "regression")]
LEVELS = {"city": 5, "shop": 40}
EXTREMES = (3.4e38, -3.4e38, 1e-45, -1e-45, 5e-324, -5e-324, 0.0, -0.0, 1.0, float("nan"))


class Fitted:
    """One of AutoGluon's forests and the plan's, side by side."""

    def __init__(self, model: Any, directory: Path) -> None:
        self.model = model
        self.columns = [EncodedColumn(name, LEVELS.get(name)) for name in make_frame(1)]
        self.directory = directory
        self.document = export_forest(model, self.columns, directory, "forest")
        self.plan = ForestModel(self.document, directory)
        self.thresholds = np.concatenate([tree.tree_.threshold for tree in model.model.estimators_])

    def answer(self, matrix: Float64) -> Float64:
        """What AutoGluon's model says; its threads add in any order unless there is one."""
        self.model.model.n_jobs = 1
        with np.errstate(all="ignore"):  # scikit-learn adds the values up to see whether all are finite
            answer: Float64 = self.model._predict_proba(to_frame(matrix))
        return answer


def make_frame(rows: int, *, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "amount": rng.normal(0, 20, rows),
            "city": pd.Categorical(rng.integers(0, 5, rows), categories=range(5)),
            "visits": rng.integers(0, 40, rows),
            "date": rng.integers(1_700_000_000, 1_710_000_000, rows) * 1_000_000_000,
            "shop": pd.Categorical(rng.integers(0, 40, rows), categories=range(40)),
            "income": rng.lognormal(3, 1.2, rows).round(2),
            "member": rng.integers(0, 2, rows).astype(np.int8),
        }
    )
    for name in ("amount", "income", "city"):
        frame.loc[rng.random(rows) < 0.1, name] = np.nan
    return frame


def make_labels(frame: pd.DataFrame, problem_type: str) -> pd.Series:
    rng = np.random.default_rng(7)
    score = frame["amount"].fillna(50) / 20 + np.log(frame["income"].fillna(20)) + rng.normal(0, 1, len(frame))
    if problem_type == "regression":
        return 100 * score
    return pd.Series(pd.qcut(score, 2 if problem_type == "binary" else 4, labels=False))


def to_matrix(frame: pd.DataFrame) -> Float64:
    """The matrix of the feature steps: codes of categories, NaN for what is missing."""
    columns = {
        name: frame[name].cat.codes.astype(float).replace(-1, np.nan) if name in LEVELS else frame[name].astype(float)
        for name in frame
    }
    return np.ascontiguousarray(pd.DataFrame(columns).to_numpy())


def to_frame(matrix: Float64) -> pd.DataFrame:
    frame = pd.DataFrame(matrix, columns=list(make_frame(1)))
    for name, levels in LEVELS.items():
        frame[name] = pd.Categorical(frame[name], categories=range(levels))
    return frame


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: f"{kind[0].__name__}-{kind[1]}")
def fitted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    kind, problem_type = request.param
    frame = make_frame(500)
    hyperparameters = {"n_estimators": 25, "n_jobs": 1}
    model = kind(problem_type=problem_type, path=str(tmp_path_factory.mktemp("model")), hyperparameters=hyperparameters)
    model.fit(X=frame, y=make_labels(frame, problem_type))
    return Fitted(model, tmp_path_factory.mktemp("plan"))


@pytest.mark.parametrize("rows", [1, 2, 97, 255, 256, 1000, 3000])
def test_any_number_of_rows_gets_the_bits_of_autogluon(fitted: Fitted, rows: int) -> None:
    matrix = to_matrix(make_frame(rows, seed=rows))
    np.testing.assert_array_equal(fitted.plan.predict(matrix), fitted.answer(matrix), strict=True)


def test_a_row_has_the_same_bits_alone_and_among_others(fitted: Fitted) -> None:
    matrix = to_matrix(make_frame(600, seed=2))
    together = fitted.plan.predict(matrix)
    alone = [fitted.plan.predict(matrix[row : row + 1]) for row in range(100)]
    np.testing.assert_array_equal(np.concatenate(alone), together[:100], strict=True)
    np.testing.assert_array_equal(fitted.plan.predict(matrix[:100]), together[:100], strict=True)


@settings(max_examples=15)
@given(data=st.data())
def test_extremes_missing_values_and_values_beside_thresholds_get_the_bits_of_autogluon(
    fitted: Fitted, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    matrix = to_matrix(make_frame(300, seed=int(rng.integers(1000))))
    beside = rng.choice(fitted.thresholds, matrix.shape)
    beside = np.nextafter(beside.astype(np.float32), rng.choice([-np.inf, 0, np.inf], matrix.shape).astype(np.float32))
    numbers = [place for place, column in enumerate(fitted.columns) if column.levels is None]
    for values in (beside, rng.choice(fitted.thresholds, matrix.shape), rng.choice(EXTREMES, matrix.shape)):
        replaced = rng.random(matrix.shape) < data.draw(st.floats(0, 1))
        matrix[:, numbers] = np.where(replaced, values, matrix)[:, numbers]
    matrix[rng.random(len(matrix)) < 0.2, list(make_frame(1)).index("shop")] = np.nan
    expected = fitted.answer(matrix)
    np.testing.assert_array_equal(fitted.plan.predict(matrix), expected, strict=True)
    alone = [fitted.plan.predict(matrix[row : row + 1]) for row in range(40)]
    np.testing.assert_array_equal(np.concatenate(alone), expected[:40], strict=True)
    many, times = np.tile(matrix, (10, 1)), (10, *[1] * (expected.ndim - 1))
    np.testing.assert_array_equal(fitted.plan.predict(many), np.tile(expected, times), strict=True)


def test_threads_do_not_disturb_each_other(fitted: Fitted) -> None:
    matrix = to_matrix(make_frame(400, seed=5))
    expected = fitted.answer(matrix)
    answers: dict[int, Float64] = {}

    def predict(thread: int) -> None:
        rows = range(thread, 400, 4)
        answers[thread] = np.concatenate([fitted.plan.predict(matrix[row : row + 1]) for row in rows])

    threads = [threading.Thread(target=predict, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for first, answer in answers.items():
        np.testing.assert_array_equal(answer, expected[first::4])
    assert len(answers) == 4


def test_forests_asked_together_for_one_row_answer_as_each_alone(fitted: Fitted, tmp_path: Path) -> None:
    frame = make_frame(500, seed=11)
    options = {"n_estimators": 9, "n_jobs": 1, "random_state": 3}
    other = type(fitted.model)(problem_type=fitted.model.problem_type, path=str(tmp_path), hyperparameters=options)
    other.fit(X=frame, y=make_labels(frame, fitted.model.problem_type))
    (directory := tmp_path / "plan").mkdir()
    models = [fitted.plan, Fitted(other, directory).plan]
    ((group, ask),) = ForestModel.join(models)
    assert list(group) == models
    for row in to_matrix(make_frame(60, seed=12)):
        for model, answer in zip(models, ask(row[None]), strict=True):
            np.testing.assert_array_equal(answer, model.predict(row[None]), strict=True)


def test_forests_of_other_features_or_too_large_to_copy_are_asked_apart(
    fitted: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = ForestModel({**fitted.document, "columns": fitted.document["columns"][::-1]}, fitted.directory)
    again = ForestModel(fitted.document, fitted.directory)
    assert [len(group) for group, _ in ForestModel.join([fitted.plan, moved, again])] == [2, 1]
    monkeypatch.setattr(execution, "_MOST_BLOCKS_TO_COPY", 0)
    assert [len(group) for group, _ in ForestModel.join([fitted.plan, again])] == [1, 1]


@pytest.mark.parametrize("conditions", [2**16 - 2, 2**16 - 1, 2**16, 70_000])
def test_conditions_beyond_16_bits_are_told_apart(conditions: int, tmp_path: Path) -> None:
    # One tree of one feature: its threshold is the last of many conditions.
    keys = np.arange(conditions, dtype=np.int64)
    left, condition = np.array([1, 1, 2]), np.array([conditions - 1, conditions, conditions + 1])
    write_blocks(left, condition, trees=1, conditions=conditions, directory=tmp_path, name="tall")
    blocks, exits = (np.load(tmp_path / f"tall.{part}.npy") for part in ("blocks", "exits"))
    forest = BlockedForest(keys, blocks, exits, np.arange(1), 1)
    for single in (forest, join_forests([forest, forest], [2, 2])):
        above, below = (single.find_leaves_of_row(np.array([conditions + step])) for step in (0, -1))
        assert (above[0], below[0]) == (1, 0)


def test_a_forest_too_large_for_a_circuit_answers_the_same(fitted: Fitted) -> None:
    plan = ForestModel({**fitted.document, "circuits": None}, fitted.directory)
    matrix = to_matrix(make_frame(1000, seed=4))
    np.testing.assert_array_equal(plan.predict(matrix), fitted.answer(matrix), strict=True)


def test_a_forest_of_stumps_of_which_some_boxes_settle_everything_answers_the_same(tmp_path: Path) -> None:
    frame = make_frame(300)
    hyperparameters = {"n_estimators": 2, "n_jobs": 1, "max_depth": 1}
    model = RFModel(problem_type="binary", path=str(tmp_path / "model"), hyperparameters=hyperparameters)
    model.fit(X=frame, y=make_labels(frame, "binary"))
    (plan := tmp_path / "plan").mkdir()
    stumps = Fitted(model, plan)
    matrix = to_matrix(make_frame(2500, seed=6))
    assert 0 in stumps.document["circuits"]["conditions"]
    np.testing.assert_array_equal(stumps.plan.predict(matrix), stumps.answer(matrix), strict=True)


def test_rows_that_all_lie_in_one_box_answer_the_same(fitted: Fitted) -> None:
    matrix = np.repeat(to_matrix(make_frame(2, seed=8)), [2500, 1], axis=0)
    np.testing.assert_array_equal(fitted.plan.predict(matrix), fitted.answer(matrix), strict=True)
