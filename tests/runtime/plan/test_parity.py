"""Whole plans against AutoGluon: every family and kind of feature, rows at the edges and put together at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.errors import InvalidRows
from app.release.plan.export import export_plan
from app.release.schema import FeatureSchema
from app.runtime.native import hold_in_memory
from app.runtime.plan.executor import PlanExecutor
from app.runtime.plan.reading import read_plan
from app.runtime.rows import RowValidator, TypedRow
from app.training.profile import profile_features
from app.training.publication.mutations import list_edge_values
from app.training.publication.proof import ask_predictor, ask_what_can_be_answered, find_plan_fault, frame_to_rows
from tests.builders import fit_predictor, make_mixed_frame
from tests.fixtures import FittedModel

PROBLEM_TYPES = ("binary", "multiclass", "regression", "quantile")
RANDOM_ROWS = 400


@dataclass(frozen=True)
class PlannedModel:
    """A fitted model and its plan, read back from disk."""

    model: FittedModel
    schema: FeatureSchema
    plan: PlanExecutor


def write_and_read_plan(model: FittedModel, directory: Path) -> PlannedModel:
    directory.mkdir()
    schema = profile_features(model.predictor, train_data=model.train_data, held_out=model.held_out)
    hold_in_memory(model.predictor)
    export_plan(model.predictor, schema, directory)
    return PlannedModel(model, schema, read_plan(directory))


@pytest.fixture(scope="module")
def planned(
    plannable: Callable[[str], FittedModel], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], PlannedModel]:
    made: dict[str, PlannedModel] = {}

    def make(problem_type: str) -> PlannedModel:
        if problem_type not in made:
            made[problem_type] = write_and_read_plan(
                plannable(problem_type), tmp_path_factory.mktemp("plans") / problem_type
            )
        return made[problem_type]

    return make


def make_random_rows(planned: PlannedModel, count: int) -> list[TypedRow]:
    """Rows whose fields are drawn one by one, from real values and from the edges of each feature."""
    rng = np.random.default_rng(0)
    real = frame_to_rows(planned.model.held_out, planned.schema)
    pools = [[*(row[f.name] for row in real[:100]), *list_edge_values(f)] for f in planned.schema.features]
    validator = RowValidator(planned.schema)
    rows: list[TypedRow] = []
    while len(rows) < count:
        drawn: dict[str, Any] = {}
        for feature, pool in zip(planned.schema.features, pools, strict=True):
            drawn[feature.name] = _draw_accepted(validator, real[0], feature.name, pool, rng)
        rows.append(validator.check([drawn]).rows[0])
    return rows


def _draw_accepted(
    validator: RowValidator, row: dict[str, Any], name: str, pool: list[Any], rng: np.random.Generator
) -> Any:
    while True:
        value = pool[rng.integers(len(pool))]
        try:
            validator.check([{**row, name: value}])
        except InvalidRows:
            continue
        return value


@pytest.mark.parametrize("problem_type", PROBLEM_TYPES)
def test_held_out_rows_and_rows_at_the_edges_are_answered_as_by_autogluon(
    planned: Callable[[str], PlannedModel], problem_type: str
) -> None:
    made = planned(problem_type)
    proof = ask_predictor(made.model.predictor, made.model.held_out, made.schema)
    assert len(proof.typed) == 500
    assert find_plan_fault(made.plan, made.model.predictor, made.schema, proof) is None


@pytest.mark.parametrize("problem_type", PROBLEM_TYPES)
def test_rows_put_together_at_random_are_answered_as_by_autogluon(
    planned: Callable[[str], PlannedModel], problem_type: str
) -> None:
    made = planned(problem_type)
    rows, expected = ask_what_can_be_answered(made.model.predictor, made.schema, make_random_rows(made, RANDOM_ROWS))
    assert len(rows) > RANDOM_ROWS / 2
    got = made.plan.predict(rows)
    if expected.probabilities is None:
        np.testing.assert_allclose(_to_numbers(got.labels), _to_numbers(expected.labels), rtol=1e-6, atol=1e-6)
        return
    assert got.labels == expected.labels
    np.testing.assert_allclose(pd.DataFrame(got.probabilities), pd.DataFrame(expected.probabilities), rtol=0, atol=1e-6)


def _to_numbers(labels: list[Any]) -> Any:
    return pd.DataFrame(labels).to_numpy()


@pytest.mark.parametrize("problem_type", PROBLEM_TYPES)
def test_a_row_is_answered_to_the_bit_as_in_any_batch(
    planned: Callable[[str], PlannedModel], problem_type: str
) -> None:
    made = planned(problem_type)
    rows, _ = ask_what_can_be_answered(made.model.predictor, made.schema, make_random_rows(made, 60))
    together = made.plan.predict(rows)
    for position, row in enumerate(rows):
        alone = made.plan.predict([row])
        assert alone.labels == together.labels[position : position + 1]
        assert alone.probabilities == (together.probabilities and together.probabilities[position : position + 1])


@pytest.mark.parametrize("family", ["GBM", "CAT", "XGB", "RF", "XT", "LR"])
@pytest.mark.parametrize("bag_folds", [0, 2])
def test_a_single_family_has_a_plan_with_and_without_a_bag(family: str, bag_folds: int, tmp_path: Path) -> None:
    frame = make_mixed_frame(500).drop(columns=["note", "tier", "spent"])
    predictor = fit_predictor(
        frame[:400], problem_type="binary", path=tmp_path / "ag", families=(family,), bag_folds=bag_folds
    )
    made = write_and_read_plan(FittedModel(predictor, frame[:400], frame[400:]), tmp_path / "plan")
    proof = ask_predictor(predictor, frame[400:], made.schema)
    assert find_plan_fault(made.plan, predictor, made.schema, proof) is None


def _fit_two_classes(path: Path) -> FittedModel:
    frame = make_mixed_frame(500).drop(columns=["note", "tier", "spent"])
    predictor = fit_predictor(frame[:400], problem_type="binary", path=path, families=("GBM", "RF"))
    return FittedModel(predictor, frame[:400], frame[400:])


def find_fault(model: FittedModel, directory: Path) -> str | None:
    made = write_and_read_plan(model, directory)
    return find_plan_fault(made.plan, model.predictor, made.schema, ask_predictor(*_parts(model), made.schema))


def _parts(model: FittedModel) -> tuple[Any, pd.DataFrame]:
    return model.predictor, model.held_out


def hold_best_model(model: FittedModel) -> Any:
    """The object that the predictor itself predicts with from now on."""
    hold_in_memory(model.predictor)
    return model.predictor._trainer.load_model(model.predictor.model_best)


@pytest.mark.parametrize("problem_type", ["binary", "multiclass"])
def test_temperature_scaling_is_part_of_the_plan(
    plannable: Callable[[str], FittedModel], tmp_path: Path, problem_type: str
) -> None:
    model = plannable(problem_type)
    best = hold_best_model(model)
    before = model.predictor.predict_proba(model.held_out)
    best.temperature_scalar = 1.7
    try:
        assert find_fault(model, tmp_path / "plan") is None
        assert not np.allclose(model.predictor.predict_proba(model.held_out), before, atol=1e-3)
    finally:
        best.temperature_scalar = None


def test_conformal_additions_are_part_of_the_plan(plannable: Callable[[str], FittedModel], tmp_path: Path) -> None:
    model = plannable("quantile")
    best = hold_best_model(model)
    before = model.predictor.predict(model.held_out)
    best.conformalize = [np.float64(-0.3), 0.0, np.float64(0.7)]
    try:
        assert find_fault(model, tmp_path / "plan") is None
        assert not np.allclose(model.predictor.predict(model.held_out), before, atol=1e-3)
    finally:
        best.conformalize = None


@pytest.mark.parametrize("threshold", [0.25, 0.43, np.float64(0.43)])
def test_the_decision_threshold_is_part_of_the_plan(tmp_path: Path, threshold: float) -> None:
    model = _fit_two_classes(tmp_path / "ag")
    model.predictor.set_decision_threshold(threshold)
    assert find_fault(model, tmp_path / "plan") is None
    made = write_and_read_plan(model, tmp_path / "again")
    rows = ask_predictor(*_parts(model), made.schema).typed
    assert made.plan.predict(rows).labels == model.predictor.predict(model.held_out).tolist()


@pytest.mark.parametrize("kept", [3, 2])
def test_classes_too_rare_to_train_on_are_part_of_the_plan(tmp_path: Path, kept: int) -> None:
    frame = make_mixed_frame(500).drop(columns=["note", "bought", "spent"])
    frame = frame[frame["tier"] <= kept]
    rare = frame[frame["tier"] == 1].head(3).assign(tier=9)
    train = pd.concat([frame[:-100], rare])
    predictor = fit_predictor(train, problem_type="multiclass", path=tmp_path / "ag", families=("GBM", "XGB"))
    assert predictor._learner.label_cleaner.invalid_class_count == 1
    assert find_fault(FittedModel(predictor, train, frame[-100:]), tmp_path / "plan") is None
