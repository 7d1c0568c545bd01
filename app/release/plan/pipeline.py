"""AutoGluon's fitted feature pipeline, read into plain values; every part that is not known exactly is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.release.plan.columns import PlanRefused, name_class

DATE_PARTS = ("year", "month", "day", "dayofweek")

_GENERATORS = "autogluon.features.generators"
_PIPELINE = f"{_GENERATORS}.auto_ml_pipeline.AutoMLPipelineFeatureGenerator"
_AS_TYPE = f"{_GENERATORS}.astype.AsTypeFeatureGenerator"
_FILL_NA = f"{_GENERATORS}.fillna.FillNaFeatureGenerator"
_IDENTITY = f"{_GENERATORS}.identity.IdentityFeatureGenerator"
_CATEGORY = f"{_GENERATORS}.category.CategoryFeatureGenerator"
_MINIMISE = f"{_GENERATORS}.memory_minimize.CategoryMemoryMinimizeFeatureGenerator"
_DATETIME = f"{_GENERATORS}.datetime.DatetimeFeatureGenerator"
_DROP_UNIQUE = f"{_GENERATORS}.drop_unique.DropUniqueFeatureGenerator"
_DROP_DUPLICATES = f"{_GENERATORS}.drop_duplicates.DropDuplicatesFeatureGenerator"
_STAGES = ({_AS_TYPE}, {_FILL_NA}, {_IDENTITY, _CATEGORY, _DATETIME}, {_DROP_UNIQUE}, {_DROP_DUPLICATES})
_OF_TEXT = {
    f"{_GENERATORS}.text_special.TextSpecialFeatureGenerator",
    f"{_GENERATORS}.text_ngram.TextNgramFeatureGenerator",
}
# What every generator must be like, and what one class must be like besides: each of these changes the answers.
_PLAIN = {"passthrough": False, "column_names_as_str": False, "_pre_astype_generator": None, "_is_updated_name": False}
_EXPECTED: Mapping[str, Mapping[str, Any]] = {
    _PIPELINE: {"_is_dummy": False},
    _FILL_NA: {"fillna_map": {"object": ""}},
    _IDENTITY: {"_infer_features_in_args": {"valid_raw_types": ["int", "float"]}},
    _CATEGORY: {"_stateful_categories": True, "_fillna_flag": False, "_fillna_map": None},
    _DATETIME: {"features": list(DATE_PARTS)},
}


@dataclass(frozen=True)
class Pipeline:
    """What AutoGluon does to each column.

    Attributes:
        dtypes: Input column to the dtype that it had in training.
        true_values: Two-valued column to the value that becomes 1; every other one becomes 0.
        blank_filled: Columns in which a null becomes the empty text.
        numbers: Columns that go to the models as they are, the two-valued ones included.
        categories: Category column to its values; a value's position is its code.
        mean_dates: Date column to the timestamp that stands in for a missing one.
        columns: The columns of the result, in order.
    """

    dtypes: Mapping[str, Any]
    true_values: Mapping[str, Any]
    blank_filled: frozenset[str]
    numbers: frozenset[str]
    categories: Mapping[str, Sequence[Any]]
    mean_dates: Mapping[str, Any]
    columns: tuple[str, ...]


def read_pipeline(generator: Any) -> Pipeline:
    """Read the state of a fitted AutoMLPipelineFeatureGenerator.

    Raises:
        PlanRefused: naming the first part that a plan does not reproduce.
    """
    if name_class(generator) != _PIPELINE:
        raise PlanRefused(f"The feature generator {type(generator).__qualname__} has no plan.")
    _check_attributes(generator)
    parts = _collect_parts(generator.generators)
    as_type, fill_na = parts[_AS_TYPE], parts[_FILL_NA]
    identity, category, dates = (parts.get(name) for name in (_IDENTITY, _CATEGORY, _DATETIME))
    columns = tuple(parts[_DROP_DUPLICATES].features_in)
    if columns != tuple(generator.features_out):
        raise PlanRefused("The feature generator does not return the columns that it announces.")
    return Pipeline(
        dtypes=as_type._type_map_real_opt,
        true_values=as_type._bool_features,
        blank_filled=_find_blank_filled(fill_na),
        numbers=frozenset(identity.features_in if identity else ()),
        categories=_read_categories(category) if category else {},
        mean_dates=dates._fillna_map if dates else {},
        columns=columns,
    )


def _collect_parts(stages: Sequence[Sequence[Any]]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if len(stages) != len(_STAGES):
        raise PlanRefused(f"A feature generator with {len(stages)} stages has no plan.")
    for stage, known in zip(stages, _STAGES, strict=True):
        for part in stage:
            name = _check_part(part, known)
            if name in parts:
                raise PlanRefused(f"A second {type(part).__qualname__} in the feature generator has no plan.")
            parts[name] = part
    missing = {_AS_TYPE, _FILL_NA, _DROP_UNIQUE, _DROP_DUPLICATES} - parts.keys()
    if missing:
        raise PlanRefused(f"A feature generator without {min(missing).rpartition('.')[2]} has no plan.")
    return parts


def _check_part(part: Any, known: set[str]) -> str:
    name = name_class(part)
    if name in _OF_TEXT:
        raise PlanRefused(f"Columns of free text have no plan: {', '.join(part.features_in)}.")
    if name not in known:
        raise PlanRefused(f"The feature generator {type(part).__qualname__} has no plan.")
    _check_attributes(part)
    return name


def _check_attributes(part: Any) -> None:
    name = name_class(part)
    for attribute, expected in {**_PLAIN, **_EXPECTED.get(name, {})}.items():
        found = getattr(part, attribute, None)
        if type(found) is not type(expected) or found != expected:
            raise PlanRefused(f"{type(part).__qualname__} with {attribute}={found!r} has no plan.")
    after = [name_class(follower) for follower in part._post_generators]
    if after != ([_MINIMISE] if name == _CATEGORY else []):
        raise PlanRefused(f"{type(part).__qualname__} followed by other generators has no plan.")


def _find_blank_filled(fill_na: Any) -> frozenset[str]:
    filled: Mapping[str, Any] = fill_na._fillna_feature_map
    for name, value in filled.items():
        if value != "":
            raise PlanRefused(f"Column {name} has no plan: its nulls are filled with {value!r}.")
    return frozenset(filled)


def _read_categories(category: Any) -> dict[str, list[Any]]:
    """The values of each category column, whose positions are the codes that the models see."""
    (minimise,) = category._post_generators
    _check_attributes(minimise)
    levels = {name: values.tolist() for name, values in category.category_map.items()}
    for name, values in levels.items():
        if list(minimise._category_maps.get(name, ())) != list(range(len(values))):
            raise PlanRefused(f"Column {name} has no plan: its categories are not numbered in order.")
    return levels
