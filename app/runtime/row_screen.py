"""Accepts a clean row in microseconds: a function generated from the feature schema, one expression per feature.

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

from app.release.schema import Feature, Scalar
from app.runtime.dates import parse_date, read_moment

# The value of a row as the model gets it; raises ValidationError for what validation refuses or warns about.
ReadValue = Callable[[Any], Scalar | None]
# The typed row, or None: not sure, ask the validator.
RowScreen = Callable[[Any], tuple[Scalar | None, ...] | None]

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
_TEXT_FROM_LIST = "known{p}[row[name{p}]]"
_VALUE_FROM_LIST = "listed{p}[v] if type(v := row[name{p}]) is kind{p} and v in listed{p} else known{p}[v]"
_ANY_TEXT = "v if type(v := row[name{p}]) is str else known{p}[v]"
_INTEGER = "v if type(v := row[name{p}]) is int and low{p} <= v <= high{p} else known{p}[v]"
_FLOAT = (
    "v if (t := type(v := row[name{p}])) is float and low{p} <= v <= high{p}"
    " else float(v) if t is int and low{p} <= v <= high{p} else known{p}[v]"
)
_DATE = "v if type(v := row[name{p}]) is str and is_plain{p}(v) and low{p} <= moment{p}(v) <= high{p} else known{p}[v]"


def build_row_screen(features: Sequence[Feature], readers: Sequence[ReadValue]) -> RowScreen:
    """Generate the function for these features; `readers` holds the reader of each."""
    constants: dict[str, Any] = {"UNSURE": _UNSURE}
    expressions = []
    for position, (feature, read) in enumerate(zip(features, readers, strict=True)):
        expression, bound = _choose_expression(feature, read)
        values = {"name": feature.name, "known": _KnownValues(feature, read), **bound}
        constants.update({f"{name}{position}": value for name, value in values.items()})
        expressions.append(expression.format(p=position))
    # Generated because a loop that calls one function per feature takes up to twice as long.
    exec(compile(_write_source(expressions), "<row screen>", "exec"), constants)  # noqa: S102 - no names or values in it
    screen: RowScreen = constants["screen"]
    return screen


def _write_source(expressions: Sequence[str]) -> str:
    return "\n".join(
        [
            "def screen(row):",
            "    if type(row) is not dict:",
            "        return None",
            "    try:",
            "        return (",
            *(f"            ({expression})," for expression in expressions),
            "        )",
            "    except UNSURE:",
            "        return None",
        ]
    )


class _KnownValues(dict[Any, Scalar | None]):
    """Null and the values of training as text, where the field accepts them, and what they become; it reads the others.

    There are no numbers and booleans among the keys: 1, 1.0 and True are one key to Python.
    """

    def __init__(self, feature: Feature, read: ReadValue) -> None:
        texts = [str(value) for value in feature.categories or ()]
        super().__init__(_read_each([None, *texts, *(text.strip() for text in texts)], read))
        self._read = read

    def __missing__(self, value: Any) -> Scalar | None:
        return self._read(value)


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
    for value in values:
        try:
            yield value, read(value)
        except _UNSURE:
            continue


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
