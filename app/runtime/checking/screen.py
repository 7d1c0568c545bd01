"""Reads usual rows in microseconds: a function generated from the feature schema, one expression per feature.

What the expression does not recognise is read by the feature's own field; where that refuses, the screen ends.
Limits and known values are tried on the field when the function is built, so that the two cannot come apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np
from marshmallow import ValidationError

from app.errors import FieldFault
from app.release.schema import Feature, Scalar
from app.runtime.dates.formats import make_date_reader
from app.runtime.dates.reading import parse_date, read_moment

# One value of the row at this position as the model gets it. Appends what is to be told of an accepted value; raises
# ValidationError for one that is not accepted, and EnoughNews instead of telling more than anybody lists.
ReadValue = Callable[[Any, int, list[FieldFault]], Scalar | None]
# One value of the row at this position that its reader refuses, by the place of its feature. Appends what is to be told
# of it if it is accepted after all, and otherwise what is wrong with it.
TellFaults = Callable[[int, Mapping[str, Any], int, list[FieldFault], list[FieldFault]], Scalar | None]
# The row at this position, typed, or None. Appends what the readers tell and all that is wrong with it.
JudgeRow = Callable[[Mapping[str, Any], int, list[FieldFault], list[FieldFault]], tuple[Scalar | None, ...] | None]
# From rows to: each row typed, up to the first that no reader takes; what the readers appended, which may hold some of
# that row. Types fewer rows than it got also where a reader raises EnoughNews, and then the last is True.
ReadRows = Callable[[Sequence[Any]], tuple[list[tuple[Scalar | None, ...]], list[FieldFault], bool]]
# From values of one feature to: each typed, up to the first that its reader does not take; what the reader appended.
ReadValues = Callable[[Sequence[Any]], tuple[list[Scalar | None], list[FieldFault]]]


class EnoughNews(Exception):
    """As much has been told of accepted values as is listed."""


# KeyError: a field is missing. TypeError: a value has no hash. ValueError: a day that its month does not have, or text
# that is no number. OverflowError: a date at the end of the calendar.
UNSURE = (ValidationError, KeyError, TypeError, ValueError, OverflowError)
# Forms of ISO 8601 that datetime.fromisoformat reads alike on every version of Python, but for the Z.
_PLAIN_DATE = r"\d{4}-\d\d-\d\d(?:[T ](?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d{3}(?:\d{3})?)?)?%s)?"
# Where training tells no range: all that the fields take, a day less on either side for the time zones.
_EARLIEST, _LATEST = datetime(1678, 1, 2), datetime(2261, 12, 30, 23, 59, 59, 999999)  # noqa: DTZ001 - naive UTC
_LARGEST_FLOAT = float(np.finfo(np.float32).max)
# Up to here a float tells which whole number was meant.
_LARGEST_EXACT = 2**53 - 1
_NAIVE_DATE = re.compile(_PLAIN_DATE % "", re.ASCII)
_NAIVE_OR_ZONED_DATE = re.compile(_PLAIN_DATE % r"(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?", re.ASCII)

# By position, never by name: nothing of the schema or of a row becomes source text.
_OTHERWISE = "known{p}[v] if v in known{p} else read{p}(v, position, news)"
_TRIMMED = "known{p}[t] if type(v) is str and (t := v.strip()) in known{p} else "
_READ = "read{p}(v, position, news)"
_KNOWN = "known{p}[v] if (v := row[name{p}]) in known{p} else "
_TEXT_FROM_LIST = _KNOWN + _TRIMMED + _READ
_ANY_CATEGORY = (
    _KNOWN + "(known{p}[t] if (t := v.strip()) in known{p} else t)"
    ' if type(v) is str and len(v) <= longest{p} and "\\0" not in v else ' + _READ
)
# What float() takes of such text is what the fields take for a number; anything else is a ValueError here and a fault
# there.
_NUMBER_TEXT = 'type(v) is str and len(v) <= 400 and v.isascii() and "_" not in v'
_VALUE_FROM_LIST = (
    "listed{p}[v] if type(v := row[name{p}]) is kind{p} and v in listed{p} else known{p}[v] if v in known{p} else "
)
_TRUTH_FROM_LIST = (
    _VALUE_FROM_LIST + "known{p}[t] if type(v) is str and (t := v.strip().lower()) in known{p} else " + _READ
)
_NUMBER_FROM_LIST = _VALUE_FROM_LIST + f"near{{p}}[n] if {_NUMBER_TEXT} and (n := float(v)) in near{{p}} else " + _READ
_MIXED_FROM_LIST = _VALUE_FROM_LIST + _TRIMMED + _READ
_ANY_TEXT = 'v if type(v := row[name{p}]) is str and len(v) <= longest{p} and "\\0" not in v else ' + _OTHERWISE
_INTEGER = (
    "v if type(v := row[name{p}]) is int and low{p} <= v <= high{p} else int(n)"
    f" if {_NUMBER_TEXT} and near_low{{p}} <= (n := float(v)) <= near_high{{p}} and n.is_integer() else " + _OTHERWISE
)
_FLOAT = (
    "v if (k := type(v := row[name{p}])) is float and low{p} <= v <= high{p}"
    " else float(v) if k is int and low{p} <= v <= high{p}"
    ' else n if k is str and low{p} <= (n := float(v)) <= high{p} and v.isascii() and "_" not in v and len(v) <= 400'
    " else " + _OTHERWISE
)
# A day alone needs no pattern: what else datetime.fromisoformat takes has no dashes in these places.
_DAY = (
    't if type(v := row[name{p}]) is str and len(t := v.strip()) == 10 and t[4] == t[7] == "-" and'
    " low{p} <= parse{p}(t) <= high{p} else "
)
_DATE = _DAY + 't if type(v) is str and t[4:5] == "-" and is_plain{p}(t) and low{p} <= moment{p}(t) <= high{p} else '
_IN_FORMAT = "t if type(v) is str and (m := in_format{p}(t)) is not None and low{p} <= m <= high{p} else "
# For formats without dashes: asked first, but not of what looks like ISO 8601.
_NO_DASHES_IN_FORMAT = (
    't if type(v := row[name{p}]) is str and v[4:5] != "-" and (m := in_format{p}(t := v.strip())) is not None'
    " and low{p} <= m <= high{p} else "
)


@dataclass(frozen=True)
class RowScreen:
    """What is generated for a schema.

    Attributes:
        read_rows: Types many rows, as long as they are usual.
        judge_row: Types one row, or tells all that is wrong with it.
    """

    read_rows: ReadRows
    judge_row: JudgeRow


def build_row_screen(
    features: Sequence[Feature],
    readers: Sequence[ReadValue],
    tell_faults: TellFaults,
    *,
    longest_text: int,
    takes_any_category: bool = False,
) -> RowScreen:
    """Generate the functions for these features; `readers` holds the reader of each.

    Args:
        longest_text: In characters, of what training has not seen.
        takes_any_category: Whether text that training has not seen is read without asking the reader.
    """
    constants: dict[str, Any] = {"UNSURE": UNSURE, "EnoughNews": EnoughNews, "tell": tell_faults}
    expressions = []
    for position, (feature, read) in enumerate(zip(features, readers, strict=True)):
        expression, bound = _choose_expression(feature, read)
        if takes_any_category and _is_open_text(feature):
            expression = _ANY_CATEGORY
        constants |= _name_constants(position, feature, read, {"longest": longest_text, **bound})
        expressions.append(expression.format(p=position))
    # Generated because a loop that calls one function per feature takes up to twice as long.
    exec(compile(_write_source(expressions), "<row screen>", "exec"), constants)  # noqa: S102 - no names or values in it
    return RowScreen(constants["screen"], constants["judge"])


def build_value_screen(feature: Feature, read: ReadValue, *, longest_text: int) -> ReadValues:
    """Generate the function that reads many values of one feature as a row screen does; `read` may tell of them all."""
    expression, bound = _choose_expression(feature, read)
    constants = {"UNSURE": UNSURE, **_name_constants(0, feature, read, {"longest": longest_text, **bound})}
    source = _VALUE_SCREEN.replace("EXPRESSION", expression.format(p=0).replace("v := row[name0]", "v"))
    exec(compile(source, "<value screen>", "exec"), constants)  # noqa: S102 - no names or values in it
    screen: ReadValues = constants["screen"]
    return screen


def _name_constants(place: int, feature: Feature, read: ReadValue, bound: Mapping[str, Any]) -> dict[str, Any]:
    """What the expression of the feature at a place reads besides the row."""
    values = {"name": feature.name, "known": _read_known_values(feature, read), "read": read, **bound}
    return {f"{name}{place}": value for name, value in values.items()}


_VALUE_SCREEN = """
def screen(values):
    typed, news = [], []
    try:
        for position, v in enumerate(values):
            typed.append(EXPRESSION)
    except UNSURE:
        pass
    return typed, news
"""


def _write_source(expressions: Sequence[str]) -> str:
    return "\n".join(
        [
            "def screen(rows):",
            "    typed, news = [], []",
            "    try:",
            "        for position, row in enumerate(rows):",
            "            if type(row) is not dict:",
            "                break",
            "            typed.append((",
            *(f"                ({expression})," for expression in expressions),
            "            ))",
            "    except UNSURE:",
            "        pass",
            "    except EnoughNews:",
            "        return typed, news, True",
            "    return typed, news, False",
            "def judge(row, position, news, faults):",
            "    known = len(faults)",
            *(_write_judgement(place, expression) for place, expression in enumerate(expressions)),
            "    if len(faults) == known:",
            f"        return ({''.join(f'typed{place}, ' for place in range(len(expressions)))})",
        ]
    )


def _write_judgement(place: int, expression: str) -> str:
    return "\n".join(
        [
            "    try:",
            f"        typed{place} = {expression}",
            "    except UNSURE:",
            f"        typed{place} = tell({place}, row, position, news, faults)",
        ]
    )


def _is_open_text(feature: Feature) -> bool:
    """Whether any text is a category of this feature."""
    values = feature.categories or ("",)
    return feature.type == "category" and not feature.two_valued and all(isinstance(v, str) for v in values)


def _read_known_values(feature: Feature, read: ReadValue) -> dict[Any, Scalar | None]:
    """Null and the values of training as text, where the field accepts them, and what they become.

    There are no numbers and booleans among the keys: 1, 1.0 and True are one key to Python.
    """
    texts = [str(value) for value in feature.categories or ()]
    truths = ["true", "false"] if feature.type == "bool" else []
    return dict(_read_each([None, *texts, *(text.strip() for text in texts), *truths], read))


def _choose_expression(feature: Feature, read: ReadValue) -> tuple[str, Mapping[str, Any]]:
    """The expression that recognises the usual values of a feature, and the constants it needs."""
    if feature.type == "bool" or feature.categories is not None:
        return _choose_from_list(feature, read)
    if feature.type == "datetime":
        expression = _DATE
        if feature.date_formats:
            has_dashes = any("-" in date_format for date_format in feature.date_formats)
            expression = _DATE + _IN_FORMAT if has_dashes else _NO_DASHES_IN_FORMAT + _DATE
        return expression + _OTHERWISE, {
            **_bind_dates(feature, read),
            "in_format": make_date_reader(feature.date_formats),
        }
    if feature.type == "int":
        return _INTEGER, _bind_numbers(feature, read)
    if feature.type == "float":
        return _FLOAT, _bind_numbers(feature, read)
    if feature.type == "text":
        return (_ANY_TEXT if feature.minimum is None else _KNOWN + _READ), {}
    return _TEXT_FROM_LIST, {}


def _choose_from_list(feature: Feature, read: ReadValue) -> tuple[str, Mapping[str, Any]]:
    if feature.type == "text":
        # Spaces around it count.
        return _KNOWN + _READ, {}
    values = (False, True) if feature.type == "bool" else feature.categories or ()
    kinds = {type(value) for value in values} - {str}
    if len(kinds) != 1:
        return _TEXT_FROM_LIST, {}
    kind = kinds.pop()
    listed = dict(_read_each([value for value in values if type(value) is kind], read))
    if kind is bool:
        return (_TRUTH_FROM_LIST if feature.type == "bool" else _MIXED_FROM_LIST), {"kind": kind, "listed": listed}
    if any(isinstance(value, str) for value in values):
        return _MIXED_FROM_LIST, {"kind": kind, "listed": listed}
    near = {value: typed for value, typed in listed.items() if -_LARGEST_EXACT <= value <= _LARGEST_EXACT}
    return _NUMBER_FROM_LIST, {"kind": kind, "listed": listed, "near": near}


def _read_each(values: Sequence[Any], read: ReadValue) -> Iterator[tuple[Any, Scalar | None]]:
    """What becomes of those values that are accepted without a word."""
    for value in values:
        news: list[FieldFault] = []
        try:
            typed = read(value, 0, news)
        except UNSURE:
            continue
        if not news:
            yield value, typed


def _bind_numbers(feature: Feature, read: ReadValue) -> Mapping[str, Any]:
    """Between two numbers that the field accepts it accepts all; when it refuses one of them it is asked each time."""
    low, high = feature.minimum, feature.maximum
    if low is None or high is None:
        low, high = _find_widest_range(feature)
    ends = [end for _, end in _read_each([low, high], read)]
    first, last = ends if len(ends) == 2 else (1, 0)
    near = {"near_low": max(first, -_LARGEST_EXACT), "near_high": min(last, _LARGEST_EXACT)}  # type: ignore[type-var]
    return {"low": first, "high": last, **near}


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
        "parse": datetime.fromisoformat,
        "is_plain": (_NAIVE_OR_ZONED_DATE if takes_utc else _NAIVE_DATE).fullmatch,
        "moment": _read_utc if takes_utc else datetime.fromisoformat,
    }


def _read_bound(bound: Any, feature: Feature) -> datetime | None:
    moment = read_moment(parse_date(str(bound), feature)) if bound is not None else None
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment is not None else None


def _read_utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text[:-1] if text[-1] == "Z" else text)
    offset = moment.utcoffset()
    return moment if offset is None else moment.replace(tzinfo=None) - offset
