"""The reference profile of a predictor, counted from rows as they will be served: drift compares live rows with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from autogluon.tabular import TabularPredictor

from app.release.profile.bins import MISSING, CategoryBins, NumberBins, choose_categories, choose_stretches
from app.release.profile.columns import read_answers, read_column
from app.release.profile.reference import (
    AnswerProfile,
    ColumnProfile,
    Kind,
    ReferenceProfile,
    View,
    find_kind,
    list_known_values,
)
from app.release.schema import Feature, FeatureSchema, Scalar
from app.runtime.dates.reading import read_seconds
from app.runtime.native import predict_frame
from app.runtime.predictions import Predictions
from app.runtime.rows import TypedRow
from app.training.profile import list_learnt_categories, to_scalar
from app.training.publication.proof import check_each, frame_to_rows

# Ten times the rows of a window: more would not make a comparison noticeably sharper.
MOST_ROWS = 20_000
_SEED = 0

_Column = Sequence[Any]


def build_reference(
    predictor: TabularPredictor, schema: FeatureSchema, *, train_data: pd.DataFrame | None, held_out: pd.DataFrame
) -> ReferenceProfile:
    """Count training data, or the held-out rows when that is all there is, and the answers to held-out rows.

    Rows that a caller would be refused are left out. Of many rows, 20 000 are drawn, the same ones each time.
    """
    data, learnt = (held_out, list_learnt_categories(predictor)) if train_data is None else (train_data, {})
    rows, _ = _take_servable_rows(data, schema)
    _, answered = _take_servable_rows(held_out, schema)
    return ReferenceProfile(
        source="held-out" if train_data is None else "training",
        features=profile_rows(rows, schema, lonely=find_lonely_categories(data, schema, learnt=learnt)),
        answers=tuple(_profile_answers(predictor, predict_frame(predictor, answered))),
    )


def find_lonely_categories(
    data: pd.DataFrame, schema: FeatureSchema, *, learnt: Mapping[str, Collection[Scalar | None]]
) -> dict[str, Collection[Scalar | None]]:
    """The categories of each feature that one row alone has, those left out that the model has learnt elsewhere."""
    lonely: dict[str, Collection[Scalar | None]] = {}
    for feature in schema.features:
        if find_kind(feature) == "category" and not feature.two_valued:
            counts = data[feature.name].value_counts()
            lonely[feature.name] = set(map(to_scalar, counts.index[counts == 1])).difference(
                learnt.get(feature.name, ())
            )
    return lonely


def profile_rows(
    rows: Sequence[TypedRow], schema: FeatureSchema, *, lonely: Mapping[str, Collection[Scalar | None]]
) -> tuple[ColumnProfile, ...]:
    """Count the values of each feature in rows as a model sees them.

    Each row is counted as if training had been without it: a value that it alone has is one that training did not
    have. That is how often live rows without drift have such values (Good, The Population Frequencies of Species and
    the Estimation of Population Parameters, Biometrika 40 (1953)).

    Args:
        lonely: The categories of each feature that one row of all training data has, not only one of these.
    """
    columns = list(zip(*rows, strict=True)) or [()] * len(schema.features)
    return tuple(
        _profile_feature(feature, values, lonely.get(feature.name, ()))
        for feature, values in zip(schema.features, columns, strict=True)
    )


def _take_servable_rows(frame: pd.DataFrame, schema: FeatureSchema) -> tuple[list[TypedRow], pd.DataFrame]:
    drawn = frame.sample(MOST_ROWS, random_state=_SEED) if len(frame) > MOST_ROWS else frame
    typed = check_each(frame_to_rows(drawn, schema), schema)
    return list(typed.values()), drawn.iloc[list(typed)]


def _profile_feature(feature: Feature, values: _Column, lonely: Collection[Scalar | None]) -> ColumnProfile:
    kind = find_kind(feature)
    column = read_column(values, kind, feature, read_seconds)
    if kind in ("category", "boolean"):
        bins = choose_categories(column, list_known_values(feature))
        return _profile_categories(feature.name, kind, column, bins, lonely)
    stretches = choose_stretches(column)
    if feature.minimum is not None and feature.maximum is not None and kind != "text":
        bounds = read_column((feature.minimum, feature.maximum), kind, feature, read_seconds)
        stretches = stretches.widen(*bounds.tolist())
    return _profile_numbers(feature.name, kind, column, stretches)


def _profile_categories(
    name: str, kind: Kind, column: _Column, bins: CategoryBins, lonely: Collection[Scalar | None] = ()
) -> ColumnProfile:
    shared = [value for value in column if value not in lonely]
    counts = bins.count(shared)
    counts[MISSING - 1] += len(column) - len(shared)
    return ColumnProfile(name=name, kind=kind, bins=bins, counts=tuple(counts.tolist()))


def _profile_numbers(name: str, kind: Kind, column: Any, bins: NumberBins) -> ColumnProfile:
    known = column[~np.isnan(column)]
    counts = bins.count(column)
    for inside, outside, end in ((1, 0, bins.least), (MISSING - 2, MISSING - 1, bins.greatest)):
        if np.count_nonzero(known == end) == 1:
            counts[[inside, outside]] += (-1, 1)
    return ColumnProfile(
        name=name,
        kind=kind,
        bins=bins,
        counts=tuple(counts.tolist()),
        mean=float(known.mean()) if len(known) else None,
        deviation=float(known.std()) if len(known) else None,
    )


def _profile_answers(predictor: TabularPredictor, predictions: Predictions) -> Iterator[AnswerProfile]:
    for view, of in _choose_views(predictor):
        name = f"{view} of {of}" if view == "probability" else f"{view} {of}" if of else view
        column = read_answers(view, of, predictions.labels, predictions.probabilities)
        if view == "class":
            classes = choose_categories(column, np.asarray(predictor.class_labels).tolist())
            profile = _profile_categories(name, "category", column, classes)
        else:
            profile = _profile_numbers(name, "number", column, choose_stretches(column))
        yield AnswerProfile(view=view, of=of, column=profile)


def _choose_views(predictor: TabularPredictor) -> Sequence[tuple[View, str | None]]:
    kind = predictor.problem_type
    if kind == "binary":
        return ("class", None), ("probability", str(predictor.positive_class))
    if kind == "multiclass":
        return ("class", None), ("confidence", None)
    if kind == "quantile":
        return (("quantile", str(min(predictor.quantile_levels, key=lambda level: abs(level - 0.5)))),)
    return (("value", None),)
