"""Reads usual rows in microseconds: a function generated from the feature schema, one expression per feature.

What the expression does not recognise is read by the feature's own field; whatever that refuses makes the row unsure.
Limits and known values are tried on the field when the function is built, so that the two cannot come apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np
from marshmallow import ValidationError

from app.errors import FieldFault
from app.release.schema import Feature, Scalar
from app.runtime.dates import parse_date, read_moment

# One value of the row at this position as the model gets it. Appends what is to be told of an accepted value; raises
# ValidationError for one that is not accepted.
ReadValue = Callable[[Any, int, list[FieldFault]], Scalar | None]
# From rows to: each row typed, or None; the positions of these None, where marshmallow must tell why; what the readers
# appended, which holds nothing final about the rows at those positions.
RowScreen = Callable[[Sequence[Any]], tuple[list[tuple[Scalar | None, ...] | None], list[int], list[FieldFault]]]

# KeyError: a field is missing. TypeError: a value has no hash. ValueError: a day that its month does not have.
_UNSURE = (ValidationError, KeyError, TypeError, ValueError)
# Forms of ISO 8601 that datetime.fromisoformat reads alike on every version of Python, but for the Z.
_PLAIN_DATE = r"\d{4}-\d\d-\d\d(?:[T ](?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d{3}(?:\d{3})?)?)?%s)?"
# Where training tells no range: all that the fields take. Were it more, they would refuse the ends.
_EARLIEST, _LATEST = datetime(1678, 1, 1), datetime(2261, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001 - naive UTC
_LARGEST_FLOAT = float(np.finfo(np.float32).max)
_NAIVE_DATE = re.compile(_PLAIN_DATE % "", re.ASCII)
_NAIVE_OR_UTC_DATE = re.compile(_PLAIN_DATE % "Z?", re.ASCII)

# By position, never by name: nothing of the schema or of a row becomes source text.
_OTHERWISE = "known{p}[v] if v in known{p} else read{p}(v, position, news)"
_TEXT_FROM_LIST = "known{p}[v] if (v := row[name{p}]) in known{p} else read{p}(v, position, news)"
_VALUE_FROM_LIST = "listed{p}[v] if type(v := row[name{p}]) is kind{p} and v in listed{p} else " + _OTHERWISE
_ANY_TEXT = "v if type(v := row[name{p}]) is str else " + _OTHERWISE
_INTEGER = "v if type(v := row[name{p}]) is int and low{p} <= v <= high{p} else " + _OTHERWISE
_FLOAT = (
    "v if (t := type(v := row[name{p}])) is float and low{p} <= v <= high{p}"
    " else float(v) if t is int and low{p} <= v <= high{p} else " + _OTHERWISE
)
_DATE = (
    "v if type(v := row[name{p}]) is str and is_plain{p}(v) and low{p} <= moment{p}(v) <= high{p} else " + _OTHERWISE
)


def build_row_screen(features: Sequence[Feature], readers: Sequence[ReadValue]) -> RowScreen:
    """Generate the function for these features; `readers` holds the reader of each."""
    constants: dict[str, Any] = {"UNSURE": _UNSURE}
    expressions = []
    for position, (feature, read) in enumerate(zip(features, readers, strict=True)):
        expression, bound = _choose_expression(feature, read)
        values = {"name": feature.name, "known": _read_known_values(feature, read), "read": read, **bound}
        constants.update({f"{name}{position}": value for name, value in values.items()})
        expressions.append(expression.format(p=position))
    # Generated because a loop that calls one function per feature takes up to twice as long.
    exec(compile(_write_source(expressions), "<row screen>", "exec"), constants)  # noqa: S102 - no names or values in it
    screen: RowScreen = constants["screen"]
    return screen


def _write_source(expressions: Sequence[str]) -> str:
    return "\n".join(
        [
            "def screen(rows):",
            "    typed, unsure, news = [], [], []",
            "    for position, row in enumerate(rows):",
            "        try:",
            "            if type(row) is not dict:",
            "                raise TypeError",
            "            typed.append((",
            *(f"                ({expression})," for expression in expressions),
            "            ))",
            "        except UNSURE:",
            "            typed.append(None)",
            "            unsure.append(position)",
            "    return typed, unsure, news",
        ]
    )


def _read_known_values(feature: Feature, read: ReadValue) -> dict[Any, Scalar | None]:
    """Null and the values of training as text, where the field accepts them, and what they become.

    There are no numbers and booleans among the keys: 1, 1.0 and True are one key to Python.
    """
    texts = [str(value) for value in feature.categories or ()]
    return dict(_read_each([None, *texts, *(text.strip() for text in texts)], read))


def _choose_expression(feature: Feature, read: ReadValue) -> tuple[str, Mapping[str, Any]]:
    """The expression that recognises the usual values of a feature, and the constants it needs."""
    if feature.type == "bool" or feature.categories is not None:
        return _choose_from_list(feature, read)
    if feature.type == "datetime":
        return _DATE, _bind_dates(feature, read)
    if feature.type == "int":
        return _INTEGER, _bind_numbers(feature, read)
    if feature.type == "float":
        return _FLOAT, _bind_numbers(feature, read)
    is_free_text = feature.type == "text" and feature.minimum is None
    return (_ANY_TEXT if is_free_text else _TEXT_FROM_LIST), {}


def _choose_from_list(feature: Feature, read: ReadValue) -> tuple[str, Mapping[str, Any]]:
    values = (False, True) if feature.type == "bool" else feature.categories or ()
    kinds = {type(value) for value in values} - {str}
    if len(kinds) != 1:
        return _TEXT_FROM_LIST, {}
    kind = kinds.pop()
    listed = dict(_read_each([value for value in values if type(value) is kind], read))
    return _VALUE_FROM_LIST, {"kind": kind, "listed": listed}


def _read_each(values: Sequence[Any], read: ReadValue) -> Iterator[tuple[Any, Scalar | None]]:
    """What becomes of those values that are accepted without a word."""
    for value in values:
        news: list[FieldFault] = []
        try:
            typed = read(value, 0, news)
        except _UNSURE:
            continue
        if not news:
            yield value, typed


def _bind_numbers(feature: Feature, read: ReadValue) -> Mapping[str, Any]:
    """Between two numbers that the field accepts it accepts all; when it refuses one of them it is asked each time."""
    low, high = feature.minimum, feature.maximum
    if low is None or high is None:
        low, high = _find_widest_range(feature)
    ends = [end for _, end in _read_each([low, high], read)]
    return dict(zip(("low", "high"), ends if len(ends) == 2 else (1, 0), strict=True))


def _find_widest_range(feature: Feature) -> tuple[float, float]:
    if feature.type == "float":
        return -_LARGEST_FLOAT, _LARGEST_FLOAT
    limits = np.iinfo(feature.dtype.lower())
    return int(limits.min), int(limits.max)


def _bind_dates(feature: Feature, read: ReadValue) -> Mapping[str, Any]:
    """The same for dates, compared as naive UTC."""
    low, high = _EARLIEST, _LATEST
    first, last = _read_bound(feature.minimum, feature), _read_bound(feature.maximum, feature)
    if first is not None and last is not None:
        low, high = max(low, first), min(high, last)
    if len(list(_read_each([low.isoformat(), high.isoformat()], read))) < 2:
        low, high = _LATEST, _EARLIEST
    takes_utc = any(_read_each([low.isoformat() + "Z"], read))
    return {
        "low": low,
        "high": high,
        "is_plain": (_NAIVE_OR_UTC_DATE if takes_utc else _NAIVE_DATE).fullmatch,
        "moment": _read_utc if takes_utc else datetime.fromisoformat,
    }


def _read_bound(bound: Any, feature: Feature) -> datetime | None:
    moment = read_moment(parse_date(str(bound), feature)) if bound is not None else None
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment is not None else None


def _read_utc(text: str) -> datetime:
    return datetime.fromisoformat(text[:-1] if text[-1] == "Z" else text)
