"""The predictor as serving needs it: AutoGluon's clone for deployment without what only training uses, compressed."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

from autogluon.common.loaders import load_pkl
from autogluon.common.savers import save_pkl
from autogluon.tabular import TabularPredictor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from app.release.archive import pack_directory
from app.release.files import list_files

_FORESTS = (ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor)
_MODELS = "models"


def write_deployment(predictor: TabularPredictor, archive: Path) -> float:
    """Write the predictor to a compressed archive.

    Returns:
        The size of AutoGluon's own clone for deployment, in MB.
    """
    # Below the release, so that what a crash leaves is removed with it.
    clone = archive.with_name(f".{archive.name}.clone")
    _clone_quietly(predictor, clone)
    size_mb = sum((clone / path).stat().st_size for path in list_files(clone)) / 1e6
    _remove_unneeded_models(predictor, clone / _MODELS)
    for path in sorted(clone.glob(f"{_MODELS}/**/model.pkl")):
        blank_training_statistics(path)
    pack_directory(clone, archive)
    shutil.rmtree(clone)
    return size_mb


def _clone_quietly(predictor: TabularPredictor, directory: Path) -> None:
    # AutoGluon warns about what a clone cannot do any more; that is what is wanted here.
    logger = logging.getLogger("autogluon")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        predictor.clone_for_deployment(str(directory))
    finally:
        logger.setLevel(level)


def _remove_unneeded_models(predictor: TabularPredictor, models: Path) -> None:
    """A clone keeps templates of models that the best one does not use."""
    needed = set(predictor._trainer.get_minimum_model_set(predictor.model_best))
    for path in models.iterdir():
        if path.is_dir() and path.name not in needed:
            shutil.rmtree(path)


def blank_training_statistics(path: Path) -> None:
    """Set to zero what the trees of a forest say of training rows, which no prediction reads: zeros compress well."""
    model = load_pkl.load(path=str(path), verbose=False)
    forest: Any = getattr(model, "model", None)
    if type(forest) not in _FORESTS:
        return
    for estimator in forest.estimators_:
        tree = estimator.tree_
        for statistics in (tree.impurity, tree.n_node_samples, tree.weighted_n_node_samples):
            statistics[:] = 0
        # Rows are answered by the leaves.
        tree.value[tree.children_left >= 0] = 0
    save_pkl.save(path=str(path), object=model, verbose=False)
