"""float16: the leaves of regression forests with fewer digits, so that a compressed release is smaller.

Other families are left alone. What was measured: the leaves of classification forests repeat and compress to almost
nothing (3 % of a release), those of boosters and the coefficients of linear models are less than that. Of a regression
forest they are a tenth.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from autogluon.tabular import TabularPredictor
from autogluon.tabular.models import RFModel

from app.training.ladder.folds import count_folds, take_first_fold
from app.training.ladder.members import add_model
from app.training.refusals import TrainingRefused

NOTHING_TO_GAIN = "only the leaves of regression forests are large enough to be worth it"

_SUFFIX = "_F16"


def find_roundable(predictor: TabularPredictor, models: Iterable[str]) -> list[str]:
    """The regression forests among the models."""
    if predictor.problem_type != "regression":
        return []
    trainer = predictor._trainer
    return [
        model
        for model in models
        if issubclass(trainer.get_model_attribute(model, "type_inner"), RFModel) and count_folds(predictor, model) == 1
    ]


def add_rounded(predictor: TabularPredictor, models: Iterable[str]) -> dict[str, str]:
    """Add each forest with rounded leaves; return the names of the new models by those of the forests.

    Raises:
        TrainingRefused: when a leaf is too large a number for 16 bits.
    """
    return {model: _add_rounded_forest(predictor, model) for model in models}


def _add_rounded_forest(predictor: TabularPredictor, name: str) -> str:
    forest = take_first_fold(predictor, name, suffix=_SUFFIX)
    for tree in forest.model.estimators_:
        _round_leaves(tree.tree_.value)
    return add_model(predictor, forest)


def _round_leaves(values: Any) -> None:
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float16)
    if not np.isfinite(rounded).all():
        raise TrainingRefused("its leaves are larger numbers than 16 bits hold")
    values[...] = rounded
