"""Fixtures that several rooms share. Predictors are fitted once a run: a few seconds each."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from autogluon.tabular import TabularPredictor

from app.release.store import ReleaseStore
from tests.builders import LABELS, PLAN_FAMILIES, fit_predictor, make_mixed_frame, make_release
from tests.manifests import SIGNER

TRAINING_ROWS = 700


@dataclass(frozen=True)
class FittedModel:
    """A predictor, the rows it was fitted on and rows it has not seen."""

    predictor: TabularPredictor
    train_data: pd.DataFrame
    held_out: pd.DataFrame


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], FittedModel]:
    """The fitted model of a problem type."""
    frame = make_mixed_frame(1200)
    models: dict[str, FittedModel] = {}

    def fit(problem_type: str) -> FittedModel:
        if problem_type not in models:
            others = [name for name in set(LABELS.values()) if name != LABELS[problem_type]]
            data = frame.drop(columns=others)
            train_data, held_out = data.iloc[:TRAINING_ROWS], data.iloc[TRAINING_ROWS:]
            path = tmp_path_factory.mktemp("predictors") / problem_type
            models[problem_type] = FittedModel(
                fit_predictor(train_data, problem_type=problem_type, path=path), train_data, held_out
            )
        return models[problem_type]

    return fit


@pytest.fixture(scope="session")
def plannable(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], FittedModel]:
    """The fitted model of a problem type without text, of every family that plans know: it has a compiled plan."""
    frame = make_mixed_frame(1200).drop(columns="note")
    models: dict[str, FittedModel] = {}

    def fit(problem_type: str) -> FittedModel:
        if problem_type not in models:
            others = [name for name in set(LABELS.values()) if name != LABELS[problem_type]]
            data = frame.drop(columns=others)
            train_data, held_out = data.iloc[:TRAINING_ROWS], data.iloc[TRAINING_ROWS:]
            path = tmp_path_factory.mktemp("plannable") / problem_type
            predictor = fit_predictor(
                train_data, problem_type=problem_type, path=path, families=PLAN_FAMILIES[problem_type]
            )
            models[problem_type] = FittedModel(predictor, train_data, held_out)
        return models[problem_type]

    return fit


@pytest.fixture(scope="session")
def published_store(fitted: Callable[[str], FittedModel], tmp_path_factory: pytest.TempPathFactory) -> ReleaseStore:
    """A store in which version 1 is an active binary model. Not to be changed: copy it with `store` instead."""
    store = ReleaseStore(tmp_path_factory.mktemp("published"), signer=SIGNER)
    model = fitted("binary")
    make_release(store, model.predictor, model.held_out, train_data=model.train_data)
    return store


@pytest.fixture(scope="session")
def published_plan(plannable: Callable[[str], FittedModel], tmp_path_factory: pytest.TempPathFactory) -> ReleaseStore:
    """A store in which version 1 is an active binary model with a compiled plan. Not to be changed."""
    store = ReleaseStore(tmp_path_factory.mktemp("published-plan"), signer=SIGNER)
    model = plannable("binary")
    make_release(store, model.predictor, model.held_out, train_data=model.train_data)
    return store


@pytest.fixture(scope="session")
def published_pair(
    published_plan: ReleaseStore, plannable: Callable[[str], FittedModel], tmp_path_factory: pytest.TempPathFactory
) -> ReleaseStore:
    """The published plan with a version 2, another model of the same training data, which is not active."""
    path = tmp_path_factory.mktemp("published-pair")
    shutil.copytree(published_plan.path, path / "models")
    store, model = ReleaseStore(path / "models", signer=SIGNER), plannable("binary")
    other = fit_predictor(model.train_data, problem_type="binary", path=path / "other", families=("GBM",))
    make_release(store, other, model.held_out, train_data=model.train_data, activate=False)
    return store


@pytest.fixture
def pair_store(published_pair: ReleaseStore, tmp_path: Path) -> ReleaseStore:
    """A copy of the published pair that a test may change."""
    shutil.copytree(published_pair.path, tmp_path / "pair")
    return ReleaseStore(tmp_path / "pair")


@pytest.fixture
def plan_store(published_plan: ReleaseStore, tmp_path: Path) -> ReleaseStore:
    """A copy of the published plan that a test may damage."""
    shutil.copytree(published_plan.path, tmp_path / "plans")
    return ReleaseStore(tmp_path / "plans")


@pytest.fixture
def store(published_store: ReleaseStore, tmp_path: Path) -> ReleaseStore:
    """A copy of the published store that a test may damage."""
    shutil.copytree(published_store.path, tmp_path / "models")
    return ReleaseStore(tmp_path / "models")
