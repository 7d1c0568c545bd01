"""Typed rows as the DataFrame that AutoGluon would have seen, column types included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from app.release.schema import Feature, FeatureSchema
from app.runtime.rows import TypedRow


def build_frame(rows: Sequence[TypedRow], schema: FeatureSchema) -> pd.DataFrame:
    """Build one column per feature with the dtype of training: pandas would guess it, and one row is too few."""
    columns = zip(*rows, strict=True)
    return pd.DataFrame(
        {f.name: _build_column(values, f) for f, values in zip(schema.features, columns, strict=True)}, copy=False
    )


def _build_column(values: Sequence[Any], feature: Feature) -> Any:
    if feature.dtype.startswith("datetime64"):
        return _build_timestamps(values, feature)
    if feature.type == "float" and feature.dtype != "object":
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    if feature.type == "int" and feature.dtype != "object" and None not in values:
        return np.array(values, dtype=feature.dtype.lower())
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _build_timestamps(values: Sequence[Any], feature: Feature) -> pd.Series[Any]:
    if feature.time_zone is None:
        return pd.Series(pd.to_datetime(list(values), format="ISO8601")).astype(feature.dtype)
    moments = [None if value is None else _localise(pd.Timestamp(value), feature.time_zone) for value in values]
    return pd.Series(pd.to_datetime(moments, utc=True)).astype(feature.dtype)


def _localise(moment: pd.Timestamp, time_zone: str) -> pd.Timestamp:
    """A moment without a zone is wall time of the training column, the later one where an hour is repeated."""
    if moment.tzinfo is not None:
        return moment
    return moment.tz_localize(time_zone, ambiguous=False, nonexistent="shift_forward")
