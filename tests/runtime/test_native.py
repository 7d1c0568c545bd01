from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from app.errors import PredictionFailed
from app.release.schema import Feature, FeatureSchema
from app.release.signing import TRUST_ANYONE
from app.release.store import ReleaseStore
from app.runtime.loading import LoadedRelease, load_release
from app.runtime.native import NativeExecutor
from app.runtime.rows import RowValidator, TypedRow
from app.training.publication.proof import frame_to_rows
from tests.builders import fit_predictor, make_mixed_frame, make_release
from tests.fixtures import FittedModel

TOLERANCE = 1e-6
ALONE_ROWS = 60


def publish_and_load(model: FittedModel, path: Path) -> LoadedRelease:
    store = ReleaseStore(path)
    manifest = make_release(store, model.predictor, model.held_out, train_data=model.train_data)
    return load_release(store.directory(manifest.version), trust=TRUST_ANYONE)


def check_rows(release: LoadedRelease, frame: pd.DataFrame) -> list[TypedRow]:
    return RowValidator(release.schema).check(frame_to_rows(frame, release.schema)).rows


def assert_numbers_equal(got: Any, expected: Any) -> None:
    assert got == pytest.approx(expected, rel=TOLERANCE, abs=TOLERANCE)


@pytest.mark.parametrize("problem_type", ["binary", "multiclass"])
def test_classes_and_probabilities_equal_those_of_the_predictor(
    fitted: Callable[[str], FittedModel], tmp_path: Path, problem_type: str
) -> None:
    model = fitted(problem_type)
    release = publish_and_load(model, tmp_path)
    rows = check_rows(release, model.held_out)
    labels = model.predictor.predict(model.held_out).tolist()
    probabilities = model.predictor.predict_proba(model.held_out)
    expected = [{str(name): row[name] for name in probabilities} for _, row in probabilities.iterrows()]
    together = release.executor.predict(rows)
    assert len(rows) == 500
    assert together.labels == labels
    assert_numbers_equal(pd.DataFrame(together.probabilities).to_numpy(), pd.DataFrame(expected).to_numpy())
    for position in range(ALONE_ROWS):
        alone = release.executor.predict(rows[position : position + 1])
        assert alone.labels == labels[position : position + 1]
        assert alone.probabilities is not None
        assert_numbers_equal(alone.probabilities[0], expected[position])


def test_numbers_equal_those_of_the_predictor(fitted: Callable[[str], FittedModel], tmp_path: Path) -> None:
    model = fitted("regression")
    release = publish_and_load(model, tmp_path)
    rows = check_rows(release, model.held_out)
    expected = model.predictor.predict(model.held_out).tolist()
    together = release.executor.predict(rows)
    assert together.probabilities is None
    assert_numbers_equal(together.labels, expected)
    alone = [release.executor.predict([row]).labels[0] for row in rows[:ALONE_ROWS]]
    assert_numbers_equal(alone, expected[:ALONE_ROWS])


def test_quantiles_equal_those_of_the_predictor(fitted: Callable[[str], FittedModel], tmp_path: Path) -> None:
    model = fitted("quantile")
    release = publish_and_load(model, tmp_path)
    rows = check_rows(release, model.held_out)
    expected = model.predictor.predict(model.held_out)
    together = release.executor.predict(rows)
    assert together.probabilities is None
    assert list(together.labels[0]) == ["0.1", "0.5", "0.9"]
    assert_numbers_equal(pd.DataFrame(together.labels).to_numpy(), expected.to_numpy())
    alone = [release.executor.predict([row]).labels[0] for row in rows[:ALONE_ROWS]]
    assert_numbers_equal(pd.DataFrame(alone).to_numpy(), expected.head(ALONE_ROWS).to_numpy())


def test_labels_follow_the_decision_threshold_of_the_model(
    fitted: Callable[[str], FittedModel], tmp_path: Path
) -> None:
    predictor = fitted("binary").predictor.clone(path=str(tmp_path / "clone"), return_clone=True)
    predictor.set_decision_threshold(0.9)
    predictor.save(silent=True)
    model = FittedModel(predictor, fitted("binary").train_data, fitted("binary").held_out)
    release = publish_and_load(model, tmp_path / "models")
    predictions = release.executor.predict(check_rows(release, model.held_out))
    assert predictions.probabilities is not None
    assert predictions.labels == ["yes" if row["yes"] > 0.9 else "no" for row in predictions.probabilities]
    assert predictions.labels == predictor.predict(model.held_out).tolist()
    assert release.manifest.decision_threshold == 0.9


def test_threads_that_predict_at_once_all_get_their_own_answers(
    fitted: Callable[[str], FittedModel], tmp_path: Path
) -> None:
    """XGBoost fails here when AutoGluon sets its parameters at every prediction."""
    train_data = make_mixed_frame(300)
    predictor = fit_predictor(train_data, problem_type="binary", path=tmp_path / "xgb", families=("XGB",))
    data = train_data.drop(columns=["tier", "spent"])
    release = publish_and_load(FittedModel(predictor, data, data), tmp_path / "models")
    rows = check_rows(release, data)[:40]
    expected = [release.executor.predict([row]) for row in rows]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda row: release.executor.predict([row]), rows * 3))
    assert answers == expected * 3


class _BrokenPredictor:
    """Stands where AutoGluon fails in ways that real rows do not provoke."""

    can_predict_proba = False

    def __init__(self, answer: Callable[[pd.DataFrame], Any]) -> None:
        self._answer = answer

    def predict(self, frame: pd.DataFrame) -> Any:
        return self._answer(frame)


def _raise(_: pd.DataFrame) -> Any:
    raise ValueError("secret value 42")


@pytest.mark.parametrize(
    "answer",
    [
        _raise,
        lambda frame: pd.Series([1.0] * (len(frame) + 1)),
        lambda frame: pd.Series([float("nan")] * len(frame)),
        lambda frame: pd.Series([float("inf")] * len(frame)),
    ],
)
def test_a_model_that_breaks_says_so_and_never_answers(answer: Callable[[pd.DataFrame], Any]) -> None:
    feature = Feature(name="visits", type="int", dtype="int64", nullable=False)
    executor = NativeExecutor(_BrokenPredictor(answer), FeatureSchema((feature,)))
    with pytest.raises(PredictionFailed) as failed:
        executor.predict([(1,)])
    assert "42" not in failed.value.detail
