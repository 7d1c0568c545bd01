"""What is released of a predictor: small, without what only training uses, and with equal answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from autogluon.common.loaders import load_pkl
from autogluon.tabular import TabularPredictor

from app.release.archive import read_unpacked_size, unpack_privately
from app.release.files import list_files
from app.release.store import NATIVE, ReleaseStore
from app.training.publication.deployment import write_deployment
from tests.fixtures import FittedModel


@pytest.fixture(scope="module")
def forests(plannable: Callable[[str], FittedModel], tmp_path_factory: pytest.TempPathFactory) -> FittedModel:
    """A predictor of which the best model uses two forests and nothing else."""
    model = plannable("binary")
    path = tmp_path_factory.mktemp("forests") / "predictor"
    predictor = TabularPredictor(label="bought", path=str(path), verbosity=0).fit(
        model.train_data, hyperparameters={"RF": {"n_estimators": 60}, "XT": {"n_estimators": 60}}, num_bag_folds=2
    )
    return FittedModel(predictor, model.train_data, model.held_out)


def test_a_deployment_is_a_tenth_of_autogluons_own_and_answers_alike(forests: FittedModel, tmp_path: Path) -> None:
    own = tmp_path / "own"
    forests.predictor.clone_for_deployment(str(own))
    own_mb = sum((own / path).stat().st_size for path in list_files(own)) / 1e6
    before_mb = write_deployment(forests.predictor, tmp_path / "archive")
    assert before_mb == pytest.approx(own_mb, rel=0.01)
    assert (tmp_path / "archive").stat().st_size / 1e6 < 0.1 * before_mb
    with unpack_privately(tmp_path / "archive") as directory:
        released = TabularPredictor.load(str(directory), verbosity=0)
        released.persist(models="best", max_memory=None)
    expected = forests.predictor.predict_proba(forests.held_out)
    assert released.predict_proba(forests.held_out).equals(expected)


def test_the_predictor_itself_keeps_what_its_deployment_loses(forests: FittedModel, tmp_path: Path) -> None:
    write_deployment(forests.predictor, tmp_path / "archive")

    def read_tree(directory: Path) -> Any:
        path = next(directory.glob("models/RandomForest*/S1F1/model.pkl"))
        return load_pkl.load(path=str(path), verbose=False).model.estimators_[0].tree_

    with unpack_privately(tmp_path / "archive") as directory:
        assert not read_tree(directory).impurity.any()
    assert read_tree(Path(forests.predictor.path)).impurity.any()


def test_models_that_the_best_one_does_not_use_are_left_out(
    fitted: Callable[[str], FittedModel], tmp_path: Path
) -> None:
    predictor = fitted("binary").predictor
    write_deployment(predictor, tmp_path / "archive")
    needed = set(predictor._trainer.get_minimum_model_set(predictor.model_best))
    with unpack_privately(tmp_path / "archive") as directory:
        assert {path.name for path in (directory / "models").iterdir() if path.is_dir()} == needed
    assert {path.name for path in tmp_path.iterdir()} == {"archive"}, "the clone was left behind"


def test_a_release_says_what_it_was_before(published_plan: ReleaseStore) -> None:
    manifest = published_plan.manifest("1")
    archive = published_plan.directory("1") / NATIVE
    assert manifest.size_before_mb == pytest.approx(read_unpacked_size(archive) / 1e6, rel=0.05)
