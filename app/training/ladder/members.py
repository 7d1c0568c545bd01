"""The models inside one fitted predictor: those that make up the best one with their weights, and new ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from autogluon.core.models import WeightedEnsembleModel
from autogluon.tabular import TabularPredictor

# Of an ensemble with given weights nothing is learnt from rows; some are needed because AutoGluon fits everything.
_ENSEMBLE_ROWS = 200


def read_weights(predictor: TabularPredictor, model: str) -> dict[str, float]:
    """The models that a weighted ensemble joins, each with its weight; a model that is none counts as one of itself."""
    ensemble = predictor._trainer.load_model(model)
    if not isinstance(ensemble, WeightedEnsembleModel):
        return {model: 1.0}
    names = ensemble.stack_column_prefix_to_model_map
    return {names[column]: float(weight) for column, weight in ensemble._get_model_weights().items()}


def add_ensemble(
    predictor: TabularPredictor, weights: Mapping[str, float], *, like: str, suffix: str, rows: pd.DataFrame
) -> str:
    """Add a weighted ensemble of models that the predictor has, calibrated as the ensemble `like`; return its name.

    Args:
        weights: Need not sum to one.
        rows: Labelled rows of any kind.
    """
    trainer, base_models = predictor._trainer, list(weights)
    some = rows.head(_ENSEMBLE_ROWS)
    answers = trainer.get_inputs_to_stacker(
        X=predictor.transform_features(some.drop(columns=predictor.label)),
        base_models=base_models,
        fit=False,
        use_orig_features=False,
    )
    total = sum(weights.values())
    (name,) = trainer.generate_weighted_ensemble(
        X=answers,
        y=predictor.transform_labels(some[predictor.label]),
        level=1 + max(trainer.get_model_level(base) for base in base_models),
        stack_name="aux1",
        base_model_names=base_models,
        name_suffix=suffix,
        # By itself it keeps one model of each family where there are few rows.
        hyperparameters={"max_base_models_per_type": 0},
        child_cls="SIMPLE_ENS_WEIGHTED",
        child_hyperparameters={"weights": [weight / total for weight in weights.values()]},
        check_if_best=False,
    )
    _calibrate_alike(trainer, name, like)
    return str(name)


def add_model(predictor: TabularPredictor, model: Any) -> str:
    """Register a fitted model of AutoGluon's that answers for itself; return its name."""
    trainer = predictor._trainer
    model.val_score = None
    trainer._add_model(model, level=1)
    trainer.save_model(model)
    trainer.save()
    return str(model.name)


def choose_model(predictor: TabularPredictor, model: str) -> None:
    """Let the predictor answer by this model, in memory and on disk: clones for deployment are made from disk."""
    predictor.unpersist()
    predictor.set_model_best(model, save_trainer=True)


def _calibrate_alike(trainer: Any, name: str, like: str) -> None:
    model, other = trainer.load_model(name), trainer.load_model(like)
    # What was fitted on rows that the training held back says nothing of rows of an ensemble with its own weights.
    model.val_score = None
    trainer._update_model_attr(name, val_score=None)
    if isinstance(other, WeightedEnsembleModel):
        model.temperature_scalar, model.conformalize = other.temperature_scalar, other.conformalize
    trainer.save_model(model)
    trainer.save()
