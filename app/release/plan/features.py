"""The feature steps of a plan: from typed rows to the one matrix that every model reads, as a JSON document.

Whether each step gives what AutoGluon gives is decided here, once; `runtime/plan/encoding.py` only follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from app.release.plan.columns import EncodedColumn, PlanRefused
from app.release.plan.pipeline import DATE_PARTS, Pipeline, read_pipeline
from app.release.schema import Feature, FeatureSchema, Scalar

# Formats that AutoGluon's parser, which guesses, reads as strptime does, whatever text strptime accepts. Years of two
# digits are not among them (that parser's century moves with the present year), nor are time zones and weekdays.
_KNOWN_FORMAT = re.compile(
    r"(?:%d(?P<named>[-/. ])%[bB](?P=named)%Y|%d\. %[bB] %Y|%[bB] %d,? %Y|%Y(?P<year>[-/ ])%[bB](?P=year)%d"
    r"|%Y(?P<iso>[/. ])%m(?P=iso)%d|%m(?P<month>[-/. ])%d(?P=month)%Y|%d(?P<day>[-/. ])%m(?P=day)%Y)"
    r"(?:(?:[ T]|, )(?:%H:%M(?::%S(?:\.%f)?)?|%I:%M(?::%S)? %p))?"
)
_DAY_FIRST = re.compile(r"%d([-/. ])%m\1")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - tables of time zones hold naive UTC
# Before any moment that a date of a row can name.
_LONG_AGO = -(2**40)

Document = dict[str, Any]


def export_features(generator: Any, schema: FeatureSchema) -> tuple[Document, list[EncodedColumn]]:
    """Describe how a typed row of this schema becomes a row of the matrix.

    Args:
        generator: The fitted AutoMLPipelineFeatureGenerator of the predictor.

    Returns:
        The document, and the columns of the matrix in order.

    Raises:
        PlanRefused: naming the column or the part that would not come out exactly as AutoGluon makes it.
    """
    pipeline = read_pipeline(generator)
    inputs = {feature.name: (position, feature) for position, feature in enumerate(schema.features)}
    dates: dict[str, Document] = {}
    steps, columns = [], []
    for name in pipeline.columns:
        source, part = _find_source(name, pipeline)
        if source not in inputs:
            raise PlanRefused(f"The model reads a column that the schema does not have: {source}.")
        position, feature = inputs[source]
        _check_two_values(feature, pipeline)
        if part is not None and source not in dates:
            dates[source] = {"input": position, **_export_date(feature, pipeline)}
        step = (
            _export_column(feature, pipeline)
            if part is None
            else {"kind": "date", "date": list(dates).index(source), "part": part}
        )
        steps.append({**step, "input": position})
        columns.append(EncodedColumn(name, len(pipeline.categories[name]) if name in pipeline.categories else None))
    return {"inputs": list(inputs), "dates": list(dates.values()), "columns": steps}, columns


def _find_source(name: str, pipeline: Pipeline) -> tuple[str, str | None]:
    """The input column that a column of the result is made of, and for a date the part that it holds."""
    if name in pipeline.numbers or name in pipeline.categories:
        return name, None
    if name in pipeline.mean_dates:
        return name, "value"
    source, _, part = name.rpartition(".")
    if source in pipeline.mean_dates and part in DATE_PARTS:
        return source, part
    raise PlanRefused(f"The feature generator makes a column of unknown origin: {name}.")


def _check_two_values(feature: Feature, pipeline: Pipeline) -> None:
    if feature.two_valued != (feature.name in pipeline.true_values):
        raise PlanRefused(f"Column {feature.name} has no plan: schema and model disagree on whether it has two values.")


def _export_column(feature: Feature, pipeline: Pipeline) -> Document:
    if feature.two_valued:
        return {"kind": "two_valued", "true": _find_true_category(feature, pipeline.true_values[feature.name])}
    if feature.name in pipeline.numbers:
        return _export_number(feature, str(pipeline.dtypes[feature.name]))
    return _export_category(feature, pipeline)


def _find_true_category(feature: Feature, true_value: Any) -> Scalar:
    """The category that AutoGluon counts as 1; a row can hold nothing but the categories and null, which is 0."""
    equal = [category for category in feature.categories or () if _is_value(category, true_value)]
    if len(equal) != 1:
        raise PlanRefused(f"Column {feature.name} has no plan: which of its two values counts as 1 is not certain.")
    if isinstance(true_value, np.floating) and equal[0] != true_value.item():
        raise PlanRefused(f"Column {feature.name} has no plan: its two values are only equal when rounded.")
    return equal[0]


def _is_value(category: Scalar, true_value: Any) -> bool:
    if isinstance(true_value, np.datetime64):
        return isinstance(category, str) and bool(np.datetime64(category) == true_value)
    if isinstance(true_value, datetime):
        return category == true_value.isoformat()
    return bool(category == true_value)


def _export_number(feature: Feature, dtype: str) -> Document:
    if feature.type == "float" and dtype in ("float64", "float32"):
        return {"kind": "number", "null": None, "is_float32": dtype == "float32"}
    if feature.type == "int" and np.dtype(dtype).kind in "iu" and feature.dtype == dtype:
        return {"kind": "number", "null": 0, "is_float32": False}
    raise PlanRefused(f"Column {feature.name} has no plan: numbers of type {dtype} as {feature.type}.")


def _export_category(feature: Feature, pipeline: Pipeline) -> Document:
    dtype = str(pipeline.dtypes[feature.name])
    if dtype not in ("object", "string", "category"):
        raise PlanRefused(f"Column {feature.name} has no plan: categories of type {dtype}.")
    levels = [value.item() if isinstance(value, np.generic) else value for value in pipeline.categories[feature.name]]
    if not all(isinstance(level, (str, int, float)) for level in levels):
        raise PlanRefused(f"Column {feature.name} has no plan: a category is neither text, number nor boolean.")
    kinds = {type(value) for value in (*levels, *(feature.categories or ()))}
    if bool in kinds and kinds & {int, float}:
        # pandas tells 1 from True in some batches of rows and not in others.
        raise PlanRefused(f"Column {feature.name} has no plan: its categories mix booleans and numbers.")
    null = levels.index("") if feature.name in pipeline.blank_filled and "" in levels else None
    return {"kind": "category", "levels": levels, "null": null}


def _export_date(feature: Feature, pipeline: Pipeline) -> Document:
    mean, dtype = pipeline.mean_dates[feature.name], pipeline.dtypes[feature.name]
    parts = {"value": mean.value, **{part: getattr(mean, part) for part in DATE_PARTS}}
    if str(dtype) in ("object", "string"):
        return {"mean": parts, "formats": _order_formats(feature), "zone": None}
    # A plan counts nanoseconds; AutoGluon gives the count in the unit of the column.
    if str(dtype) != feature.dtype or not feature.dtype.startswith("datetime64[ns"):
        raise PlanRefused(f"Column {feature.name} has no plan: dates of type {dtype}.")
    zone = None if feature.time_zone is None else _export_zone(feature, dtype)
    return {"mean": parts, "formats": [], "zone": zone}


def _order_formats(feature: Feature) -> list[str]:
    """The formats in the order in which AutoGluon's parser prefers them: month first wherever that is a date."""
    for date_format in feature.date_formats:
        if not _KNOWN_FORMAT.fullmatch(date_format):
            raise PlanRefused(f"Column {feature.name} has no plan: dates in the format {date_format}.")
    month_first = [_DAY_FIRST.sub(r"%m\1%d\1", date_format) for date_format in feature.date_formats]
    return list(dict.fromkeys([*month_first, *feature.date_formats]))


def _export_zone(feature: Feature, dtype: Any) -> Document:
    """The clock changes of a zone as pandas knows them: the table of the host may be another."""
    zone = dtype.construct_from_string(feature.dtype).tz
    offsets, changes = zip(*_list_clock_changes(feature, zone), strict=True)
    return {"changes": list(changes), "offsets": list(offsets)}


def _list_clock_changes(feature: Feature, zone: Any) -> Iterator[tuple[int, int]]:
    """Yield (offset, UTC second from which it holds) of each change."""
    if not hasattr(zone, "_utc_transition_times"):
        offset = zone.utcoffset(None)
        if offset is None:
            raise PlanRefused(
                f"Column {feature.name} has no plan: the clock changes of {feature.time_zone} are unknown."
            )
        yield _count_seconds(offset), _LONG_AGO
        return
    for moment, (offset, *_) in zip(zone._utc_transition_times, zone._transition_info, strict=True):
        yield _count_seconds(offset), _count_seconds(moment - _EPOCH) if moment.year > 1 else _LONG_AGO


def _count_seconds(span: timedelta) -> int:
    return span // timedelta(seconds=1)
