"""Bags made into single models: refitted on all training rows, or cut to their first fold."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from autogluon.core.models import BaggedEnsembleModel
from autogluon.tabular import TabularPredictor

from app.training.ladder.members import add_model

_SUFFIX = "_F1"


def count_folds(predictor: TabularPredictor, model: str) -> int:
    """How many models answer for this one: the folds of a bag, else itself."""
    loaded = predictor._trainer.load_model(model)
    return int(loaded.n_children) if isinstance(loaded, BaggedEnsembleModel) else 1


def find_refit_fault(predictor: TabularPredictor, models: Iterable[str]) -> str | None:
    """Why these bags cannot be refitted; None when they can."""
    for model in models:
        template = os.path.join(predictor._trainer.load_model(model).path, "utils", "model_template.pkl")
        if not os.path.exists(template):
            return "what a refit starts from was removed from this predictor, as clones for deployment do"
    return None


def refit_models(predictor: TabularPredictor, models: Iterable[str], train: pd.DataFrame) -> dict[str, str]:
    """Fit each bag anew as one model on all training rows, with as many rounds as its folds needed.

    Returns:
        The names of the new models by those of the bags.
    """
    predictor._trainer.refit_single_full(
        X=predictor.transform_features(train.drop(columns=predictor.label)),
        y=predictor.transform_labels(train[predictor.label]),
        models=list(models),
    )
    return {bag: refitted for bag, refitted in predictor.model_refit_map().items() if bag in models}


def cut_bags(predictor: TabularPredictor, models: Iterable[str]) -> dict[str, str]:
    """Add the first fold of each bag as a model of its own; models that are no bags of several stay as they are.

    Returns:
        The names of the models that stand for the given ones.
    """
    return {
        model: add_model(predictor, take_first_fold(predictor, model, suffix=_SUFFIX))
        if count_folds(predictor, model) > 1
        else model
        for model in models
    }


def replace_models(weights: Mapping[str, float], names: Mapping[str, str]) -> dict[str, float]:
    """The weights of an ensemble for the models that stand in for its own."""
    return {names[model]: weight for model, weight in weights.items()}


def take_first_fold(predictor: TabularPredictor, model: str, *, suffix: str) -> Any:
    """A copy of the first fold of a bag, or of a model that is no bag, under a name of its own."""
    trainer = predictor._trainer
    loaded = trainer.load_model(model)
    first = loaded.load_child(loaded.models[0]) if isinstance(loaded, BaggedEnsembleModel) else loaded
    taken = copy.deepcopy(first)
    taken.set_contexts(os.path.join(trainer.path, taken.name))
    taken.rename(f"{model}{suffix}")
    return taken
