"""The reference profile of a predictor, counted from rows as they will be served: drift compares live rows with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from autogluon.tabular import TabularPredictor

from app.release.profile.bins import CategoryBins, NumberBins, choose_categories, choose_stretches
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
from app.runtime.dates import read_seconds
from app.runtime.native import predict_frame
from app.runtime.predictions import Predictions
from app.runtime.rows import TypedRow
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
    rows, _ = _take_servable_rows(held_out if train_data is None else train_data, schema)
    _, answered = _take_servable_rows(held_out, schema)
    return ReferenceProfile(
        source="held-out" if train_data is None else "training",
        features=profile_rows(rows, schema),
        answers=tuple(_profile_answers(predictor, predict_frame(predictor, answered))),
    )


def profile_rows(rows: Sequence[TypedRow], schema: FeatureSchema) -> tuple[ColumnProfile, ...]:
    """Count the values of each feature in rows as a model sees them."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema.features)
    return tuple(_profile_feature(feature, values) for feature, values in zip(schema.features, columns, strict=True))


def _take_servable_rows(frame: pd.DataFrame, schema: FeatureSchema) -> tuple[list[TypedRow], pd.DataFrame]:
    drawn = frame.sample(MOST_ROWS, random_state=_SEED) if len(frame) > MOST_ROWS else frame
    typed = check_each(frame_to_rows(drawn, schema), schema)
    return list(typed.values()), drawn.iloc[list(typed)]


def _profile_feature(feature: Feature, values: _Column) -> ColumnProfile:
    kind = find_kind(feature)
    read = lru_cache(MOST_ROWS)(read_seconds)
    column = read_column(values, kind, feature, read)
    if kind in ("category", "boolean"):
        return _profile_categories(feature.name, kind, column, list_known_values(feature))
    bins = choose_stretches(column)
    if feature.minimum is not None and feature.maximum is not None and kind != "text":
        bounds = read_column((feature.minimum, feature.maximum), kind, feature, read)
        bins = bins.widen(*bounds.tolist())
    return _profile_numbers(feature.name, kind, column, bins)


def _profile_categories(name: str, kind: Kind, column: _Column, known: Sequence[Scalar]) -> ColumnProfile:
    bins = choose_categories(column, known)
    once = sum(count == 1 for value, count in Counter(column).items() if value is not None)
    return ColumnProfile(name=name, kind=kind, bins=bins, counts=_count(bins, column), once=once)


def _profile_numbers(name: str, kind: Kind, column: Any, bins: NumberBins) -> ColumnProfile:
    known = column[~np.isnan(column)]
    return ColumnProfile(
        name=name,
        kind=kind,
        bins=bins,
        counts=_count(bins, column),
        mean=float(known.mean()) if len(known) else None,
        deviation=float(known.std()) if len(known) else None,
    )


def _profile_answers(predictor: TabularPredictor, predictions: Predictions) -> Iterator[AnswerProfile]:
    for view, of in _choose_views(predictor):
        name = f"{view} of {of}" if view == "probability" else f"{view} {of}" if of else view
        column = read_answers(view, of, predictions.labels, predictions.probabilities)
        if view == "class":
            profile = _profile_categories(name, "category", column, np.asarray(predictor.class_labels).tolist())
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


def _count(bins: NumberBins | CategoryBins, column: Any) -> tuple[int, ...]:
    return tuple(bins.count(column).tolist())
