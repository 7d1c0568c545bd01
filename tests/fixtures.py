"""Fixtures that several rooms share. Predictors are fitted once a run: a few seconds each."""

from __future__ import annotations

import fcntl
import functools
import os
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
def run_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of this run that all its processes share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def make_once(path: Path, make: Callable[[Path], object]) -> Path:
    """Have a directory made by the first process of a run that wants it; others wait until it is there."""
    path.parent.mkdir(exist_ok=True)
    with path.with_name(f"{path.name}.made").open("a+") as made:
        fcntl.flock(made, fcntl.LOCK_EX)
        made.seek(0)
        if not made.read():
            make(path)
            made.write("yes")
    return path


def fit_once(path: Path, frame: pd.DataFrame, problem_type: str, *, families: tuple[str, ...] = ()) -> FittedModel:
    others = [name for name in set(LABELS.values()) if name != LABELS[problem_type]]
    data = frame.drop(columns=others)
    train_data, held_out = data.iloc[:TRAINING_ROWS], data.iloc[TRAINING_ROWS:]
    make_once(path, lambda new: fit_predictor(train_data, problem_type=problem_type, path=new, families=families))
    return FittedModel(TabularPredictor.load(str(path)), train_data, held_out)


@pytest.fixture(scope="session")
def fitted(run_directory: Path) -> Callable[[str], FittedModel]:
    """The fitted model of a problem type."""
    frame = make_mixed_frame(1200)

    @functools.cache
    def fit(problem_type: str) -> FittedModel:
        return fit_once(run_directory / "fitted" / problem_type, frame, problem_type)

    return fit


@pytest.fixture(scope="session")
def plannable(run_directory: Path) -> Callable[[str], FittedModel]:
    """The fitted model of a problem type without text, of every family that plans know: it has a compiled plan."""
    frame = make_mixed_frame(1200).drop(columns="note")

    @functools.cache
    def fit(problem_type: str) -> FittedModel:
        families = PLAN_FAMILIES[problem_type]
        return fit_once(run_directory / "plannable" / problem_type, frame, problem_type, families=families)

    return fit


def publish_once(path: Path, model: FittedModel) -> ReleaseStore:
    def publish(new: Path) -> None:
        store = ReleaseStore(new, signer=SIGNER)
        make_release(store, model.predictor, model.held_out, train_data=model.train_data)

    return ReleaseStore(make_once(path, publish), signer=SIGNER)


@pytest.fixture(scope="session")
def published_store(fitted: Callable[[str], FittedModel], run_directory: Path) -> ReleaseStore:
    """A store in which version 1 is an active binary model. Not to be changed: copy it with `store` instead."""
    return publish_once(run_directory / "published", fitted("binary"))


@pytest.fixture(scope="session")
def published_plan(plannable: Callable[[str], FittedModel], run_directory: Path) -> ReleaseStore:
    """A store in which version 1 is an active binary model with a compiled plan. Not to be changed."""
    return publish_once(run_directory / "published-plan", plannable("binary"))


@pytest.fixture(scope="session")
def published_pair(
    published_plan: ReleaseStore, plannable: Callable[[str], FittedModel], run_directory: Path
) -> ReleaseStore:
    """The published plan with a version 2, another model of the same training data, which is not active."""

    def publish(path: Path) -> None:
        shutil.copytree(published_plan.path, path)
        model = plannable("binary")
        elsewhere = path.with_name("other-predictor")
        other = fit_predictor(model.train_data, problem_type="binary", path=elsewhere, families=("GBM",))
        store = ReleaseStore(path, signer=SIGNER)
        make_release(store, other, model.held_out, train_data=model.train_data, activate=False)

    return ReleaseStore(make_once(run_directory / "published-pair", publish), signer=SIGNER)


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
