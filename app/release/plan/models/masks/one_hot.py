"""How AutoGluon encodes columns for XGBoost: one column for each level of a category, then the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.release.plan.columns import EncodedColumn, PlanRefused, name_class

_GENERATOR = "autogluon.tabular.models.xgboost.xgboost_utils.OheFeatureGenerator"
_ENCODER = "autogluon.tabular.models.tabular_nn.utils.categorical_encoders.OneHotMergeRaresHandleUnknownEncoder"
_CODES = "autogluon.features.generators.label_encoder.LabelEncoderFeatureGenerator"
_SETTINGS = {"drop": None, "sparse": True, "handle_unknown": "ignore", "categories": "auto"}


@dataclass(frozen=True)
class Input:
    """One column that XGBoost reads.

    Attributes:
        column: Its column in the matrix.
        levels: Of a category the codes for which this input is 1, -1 standing for a missing one; otherwise it is
            missing. Empty for a number, which is missing when it is zero: AutoGluon passes a sparse matrix.
    """

    column: int
    levels: frozenset[int] = frozenset()


def list_inputs(model: Any, places: Sequence[int], columns: Sequence[EncodedColumn]) -> list[Input]:
    """What the booster of an AutoGluon XGBoostModel reads, in its order; `places` are the model's features.

    Raises:
        PlanRefused: Categories are encoded in another way.
    """
    generator = model._ohe_generator
    if not model._ohe or name_class(generator) != _GENERATOR:
        raise PlanRefused(f"{model.name} leaves categories to XGBoost.")
    place_of = dict(zip(model.features, places, strict=True))
    categories = [feature for feature in model.features if columns[place_of[feature]].levels is not None]
    numbers = [feature for feature in model.features if columns[place_of[feature]].levels is None]
    if generator.cat_cols != categories or generator.other_cols != numbers:
        raise PlanRefused(f"{model.name} takes other columns for categories than the features do.")
    inputs = [Input(place_of[feature], levels) for feature, levels in _list_levels(generator, model.name)]
    return inputs + [Input(place_of[feature]) for feature in numbers]


def _list_levels(generator: Any, name: str) -> list[tuple[str, frozenset[int]]]:
    """Each one-hot column: its feature and the codes that set it."""
    if not generator.cat_cols:
        return []
    encoder = generator.ohe_encs
    if (
        name_class(encoder) != _ENCODER
        or name_class(encoder._label_encoder) != _CODES
        or any(getattr(encoder, setting) != value for setting, value in _SETTINGS.items())
        or not encoder._cat_cols == encoder._label_encoder.features_in == generator.cat_cols
    ):
        raise PlanRefused(f"{name} encodes categories in a way that plans do not know.")
    return [
        (feature, levels)
        for feature, codes, rare in zip(
            generator.cat_cols, encoder.categories_, encoder.infrequent_indices_, strict=True
        )
        for levels in _group_rare(codes.tolist(), set(rare.tolist()))
    ]


def _group_rare(codes: Sequence[int], rare: set[int]) -> list[frozenset[int]]:
    """Frequent codes have a column each, in their order; the rare ones share the last."""
    frequent = [frozenset({code}) for place, code in enumerate(codes) if place not in rare]
    return [*frequent, frozenset(codes[place] for place in rare)] if rare else frequent
