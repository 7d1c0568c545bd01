"""The feature schema of a predictor: types from the predictor, nulls, categories, ranges and samples from its data."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from autogluon.features.generators import AsTypeFeatureGenerator, CategoryFeatureGenerator
from autogluon.tabular import TabularPredictor

from app.release.schema import Feature, FeatureSchema, FeatureType, Scalar
from app.training.date_formats import find_date_formats, quiet_date_parsing
from app.training.refusals import TrainingRefused

_TYPE_OF_RAW: dict[str, FeatureType] = {
    "int": "int",
    "float": "float",
    "bool": "bool",
    "category": "category",
    "datetime": "datetime",
    "object": "category",
}
_TYPE_OF_SPECIAL: dict[str, FeatureType] = {"datetime_as_object": "datetime", "text": "text"}
_ZONED_DTYPE = re.compile(r"datetime64\[\w+, (.+)\]")
_UNSUPPORTED_SPECIAL = ("image_path", "image_bytearray", "sparse")


@dataclass(frozen=True)
class _Source:
    """What is known of one column: from the predictor, and from the data at hand.

    `values` holds training data, or held-out rows when `is_training` is false.
    """

    name: str
    raw: str
    specials: tuple[str, ...]
    dtype: str
    values: pd.Series[Any]
    is_training: bool
    true_value: Any
    category_map: pd.Index[Any] | None

    @property
    def is_two_valued(self) -> bool:
        return self.true_value is not None


def profile_features(
    predictor: TabularPredictor, *, train_data: pd.DataFrame | None, held_out: pd.DataFrame
) -> FeatureSchema:
    """Describe every input column of a predictor.

    Without training data the held-out rows tell categories and ranges, and nulls that they never show stay unknown.

    Raises:
        TrainingRefused: naming each column of a type that cannot be served, or that is missing from the data.
    """
    data = held_out if train_data is None else train_data
    names = list(predictor.features())
    missing = [name for name in names if name not in data.columns]
    if missing:
        raise TrainingRefused(f"These columns of the model are missing from the data: {', '.join(missing)}.")
    sources = [_describe_source(predictor, name, data[name], is_training=train_data is not None) for name in names]
    unsupported = [f"{s.name} ({s.raw} {' '.join(s.specials)})" for s in sources if not _is_supported(s)]
    if unsupported:
        raise TrainingRefused(f"Columns of these types cannot be served: {', '.join(unsupported)}.")
    unused = [name for name in predictor.original_features if name not in names]
    return FeatureSchema(tuple(map(_profile_or_refuse, sources)), (predictor.label, *unused))


def find_text_columns(predictor: TabularPredictor) -> list[str]:
    """Columns that the predictor knows as text. A CSV does not say so, and `007` would be read as the number 7."""
    metadata = predictor.feature_metadata_in
    names = [str(name) for name in predictor.features()]
    return [name for name in names if metadata.get_feature_type_raw(name) == "object" and _holds_text(predictor, name)]


def list_learnt_categories(predictor: TabularPredictor) -> dict[str, frozenset[Scalar | None]]:
    """What categories of each column the predictor tells apart; those that were too rare for it are not among them."""
    generator = _find_generator(predictor, CategoryFeatureGenerator)
    learnt = (generator.category_map or {}) if generator else {}
    return {str(name): frozenset(map(to_scalar, values)) for name, values in learnt.items()}


def _holds_text(predictor: TabularPredictor, name: str) -> bool:
    as_type = _find_generator(predictor, AsTypeFeatureGenerator)
    categories = _find_generator(predictor, CategoryFeatureGenerator)
    known = [*((categories.category_map or {}).get(name, ()) if categories else ())]
    if as_type and name in as_type._bool_features:
        known = [as_type._bool_features[name]]
    return all(isinstance(value, str) for value in known)


def to_scalar(value: Any) -> Scalar | None:
    """A value of a DataFrame as its JSON counterpart; null for anything missing.

    Raises:
        TypeError: for a value that JSON has no counterpart for.
    """
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return str(value.isoformat())
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, (str, int, float, bool)):
        return plain
    raise TypeError(f"no JSON counterpart for {type(value).__name__}")


def _is_supported(source: _Source) -> bool:
    return source.raw in _TYPE_OF_RAW and not set(source.specials) & set(_UNSUPPORTED_SPECIAL)


def _describe_source(predictor: TabularPredictor, name: str, values: pd.Series[Any], *, is_training: bool) -> _Source:
    metadata = predictor.feature_metadata_in
    as_type = _find_generator(predictor, AsTypeFeatureGenerator)
    categories = _find_generator(predictor, CategoryFeatureGenerator)
    real_types = as_type._feature_metadata_in_real.type_map_raw if as_type else {}
    return _Source(
        name=name,
        raw=metadata.get_feature_type_raw(name),
        specials=tuple(metadata.get_feature_types_special(name)),
        dtype=_normalise_dtype(real_types.get(name, str(values.dtype)), values),
        values=values,
        is_training=is_training,
        true_value=as_type._bool_features.get(name) if as_type else None,
        category_map=(categories.category_map or {}).get(name) if categories else None,
    )


def _find_generator(predictor: TabularPredictor, wanted: type) -> Any:
    """The first feature generator of a kind. Its state is private: AutoGluon publishes no types this strict."""
    stages = getattr(predictor._learner.feature_generator, "generators", [])
    return next((generator for stage in stages for generator in stage if type(generator) is wanted), None)


def _normalise_dtype(name: str, values: pd.Series[Any]) -> str:
    if name.startswith("datetime64"):
        return str(values.dtype) if str(values.dtype).startswith("datetime64") else name
    return "object" if name in {"str", "string"} else name


def _profile_or_refuse(source: _Source) -> Feature:
    try:
        return _profile(source)
    except TypeError as fault:
        raise TrainingRefused(f"Column {source.name} cannot be served: {fault}.") from fault


def _profile(source: _Source) -> Feature:
    kind = _find_type(source)
    known = source.values.dropna()
    categories = _find_categories(source, kind)
    minimum, maximum = _find_range(known, kind)
    return Feature(
        name=source.name,
        type=kind,
        dtype=source.dtype,
        nullable=_find_nullability(source, kind, categories),
        two_valued=source.is_two_valued,
        categories=categories,
        minimum=minimum,
        maximum=maximum,
        date_formats=find_date_formats(known) if kind == "datetime" and source.dtype == "object" else (),
        time_zone=_find_time_zone(source.dtype),
        sample=_find_sample(known, kind, categories),
    )


def _find_type(source: _Source) -> FeatureType:
    if source.raw in {"object", "category"} and _holds_only(source.values, (bool, np.bool_)):
        return "bool"
    if source.is_two_valued and source.raw == "object":
        # AutoGluon compares the two values as they stand, also where they look like dates or sentences.
        return "category"
    for special, kind in _TYPE_OF_SPECIAL.items():
        if special in source.specials:
            return kind
    return _TYPE_OF_RAW[source.raw]


def _holds_only(values: pd.Series[Any], types: tuple[type, ...]) -> bool:
    uniques = values.dropna().unique()
    return len(uniques) > 0 and all(isinstance(value, types) for value in uniques)


def _find_nullability(source: _Source, kind: FeatureType, categories: tuple[Scalar, ...] | None) -> bool | None:
    has_nulls = bool(source.values.isna().any())
    if source.is_two_valued:
        # Null counts as one of the two values; where two others are known, it was none of them.
        return has_nulls and len(categories or ()) < 2
    if has_nulls:
        return True
    return False if source.is_training or kind == "int" or source.raw == "bool" else None


def _find_categories(source: _Source, kind: FeatureType) -> tuple[Scalar, ...] | None:
    if source.is_two_valued:
        return _sort_unique(_find_two_values(source, kind))
    if kind != "category":
        return None
    # AutoGluon stands null for the empty text, so that is no category of its own.
    mapped = [value for value in source.category_map if value != ""] if source.category_map is not None else []
    return _sort_unique([to_scalar(value) for value in (*source.values.dropna().unique(), *mapped)])


def _find_two_values(source: _Source, kind: FeatureType) -> list[Scalar | None]:
    """The value that AutoGluon counts as true, and the most frequent other one: that is all training had."""
    true_value = to_scalar(pd.Timestamp(source.true_value) if kind == "datetime" else source.true_value)
    seen = [to_scalar(value) for value in source.values.dropna().value_counts().index]
    return [true_value, *[value for value in seen if value != true_value][:1]]


def _sort_unique(values: list[Scalar | None]) -> tuple[Scalar, ...]:
    # True and 1 are equal to Python and two categories to a model.
    unique = {(isinstance(value, bool), value): value for value in values if value is not None}
    return tuple(sorted(unique.values(), key=lambda value: (str(type(value)), value)))


def _find_range(known: pd.Series[Any], kind: FeatureType) -> tuple[Any, Any]:
    if kind in {"int", "float"}:
        finite = known[np.isfinite(known.astype(float))]
        return (to_scalar(finite.min()), to_scalar(finite.max())) if len(finite) else (None, None)
    if kind == "datetime" and len(known):
        with quiet_date_parsing():
            moments = pd.to_datetime(known, utc=True, errors="coerce", format="mixed").dropna()
        if len(moments):
            return moments.min().isoformat(), moments.max().isoformat()
    return None, None


def _find_time_zone(dtype: str) -> str | None:
    zone = _ZONED_DTYPE.fullmatch(dtype)
    return zone.group(1) if zone else None


def _find_sample(known: pd.Series[Any], kind: FeatureType, categories: tuple[Scalar, ...] | None) -> Scalar | None:
    """The most typical value of the column: the sample row then is nobody's row."""
    if known.empty:
        return None
    if categories is not None:
        return to_scalar(known.mode().iloc[0])
    picks: dict[str, Callable[[], Any]] = {
        "int": lambda: known.sort_values().iloc[len(known) // 2],
        "float": lambda: known.sort_values().iloc[len(known) // 2],
        "datetime": lambda: known.sort_values().iloc[len(known) // 2],
        "text": lambda: known.iloc[known.astype(str).str.len().argsort().iloc[len(known) // 2]],
    }
    return to_scalar(picks[kind]()) if kind in picks else to_scalar(known.mode().iloc[0])
