"""What AutoGluon's boosters read: their columns, by place in the matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.release.plan.columns import EncodedColumn, PlanRefused


def find_places(model: Any, columns: Sequence[EncodedColumn]) -> list[int]:
    """Places in the matrix of the features of an AutoGluon model, in the order in which its booster reads them.

    Raises:
        PlanRefused: The model makes, drops or reorders features by itself, or reads one that the matrix lacks.
    """
    if model._model_specific_feature_generators is not None:
        raise PlanRefused(f"{model.name} makes features of its own.")
    renamed = getattr(model, "_features_internal_lgbm", None) or model.features
    if model._features_internal_to_align != renamed or len(renamed) != len(model.features):
        raise PlanRefused(f"{model.name} reads other features than it was given.")
    places = {column.name: place for place, column in enumerate(columns)}
    missing = [feature for feature in model.features if feature not in places]
    if missing:
        raise PlanRefused(f"{model.name} reads {missing[0]}, which the features do not bring.")
    return [places[feature] for feature in model.features]
