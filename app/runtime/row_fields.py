"""One marshmallow field per feature type: from what a caller sends to the one value that the model gets, or a message.

Messages say what was expected and never repeat the caller's value: it may be personal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from marshmallow import ValidationError, fields

from app.release.schema import Feature, Scalar
from app.runtime.dates.reading import find_date_fault, parse_date, read_moment

# What a number is written with: of such text Python takes the JSON grammar plus a sign and a bare point.
_NUMBER_CHARACTERS = "0123456789+-.eE"
_LONGEST_NUMBER = 400
_TRUTH = {"true": True, "false": False}
# XGBoost and the forests compute in float32: a larger number is infinite to them.
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_LEAST_64_BIT = float(np.iinfo(np.int64).min)
_LISTED_VALUES = 10
LONGEST_TEXT = 100_000


class FeatureField(fields.Field[Any]):
    """A required field for one feature; subclasses convert what is not null."""

    expected = "a value"

    def __init__(self, feature: Feature, *, longest_text: int = LONGEST_TEXT) -> None:
        super().__init__(
            required=True,
            allow_none=feature.nullable is not False,
            data_key=feature.name,
            error_messages={
                "required": "This field is required.",
                "null": "A value is required: training had no nulls here.",
            },
        )
        self.feature = feature
        self._longest_text = longest_text
        self._closed = make_value_lookup(feature)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Scalar:  # noqa: ARG002
        converted = self.convert(value)
        return self._find_closed_value(converted) if self.feature.two_valued else converted

    def convert(self, value: Any) -> Scalar:
        raise NotImplementedError

    def _find_closed_value(self, value: Scalar) -> Scalar:
        found = self._closed.get(value_key(value))
        if found is None:
            raise ValidationError(f"Expected {list_values(self.feature)}: training had no other value here.")
        return found[0]

    def refuse(self, got: Any) -> ValidationError:
        return ValidationError(f"Expected {self.expected}, got {name_kind(got)}.")

    def check_text(self, text: str) -> str:
        """Return text that training may not have seen, when it is as text has to be."""
        if len(text) > self._longest_text:
            raise ValidationError(f"Expected text of at most {self._longest_text} characters.")
        if "\0" in text:
            raise ValidationError("Expected text without the character NUL.")
        return text


class NumberField(FeatureField):
    expected = "a number"

    def read_number(self, value: Any) -> int | float:
        """A JSON number, or text that is exactly a number."""
        if isinstance(value, str):
            value = self._parse_text(value.strip())
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.refuse(value)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValidationError("Expected a finite number.")
        return value

    def _parse_text(self, text: str) -> int | float:
        number = parse_number(text)
        if number is None:
            raise ValidationError(f"Expected {self.expected}, got text that is not a number.")
        return number


class IntegerFeature(NumberField):
    expected = "a whole number"

    def __init__(self, feature: Feature, **options: Any) -> None:
        super().__init__(feature, **options)
        limits = np.iinfo(feature.dtype.lower())
        self._minimum, self._maximum = int(limits.min), int(limits.max)

    def convert(self, value: Any) -> int:
        number = self.read_number(value)
        if isinstance(number, float) and not number.is_integer():
            raise ValidationError("Expected a whole number, got one with a fraction.")
        # A whole number below -2**63 comes out of JSON as the float -2**63.
        is_rounded = isinstance(number, float) and number <= _LEAST_64_BIT
        if is_rounded or not self._minimum <= number <= self._maximum:
            raise ValidationError(f"Expected a whole number from {self._minimum} to {self._maximum}.")
        return int(number)


class FloatFeature(NumberField):
    def convert(self, value: Any) -> float:
        number = self.read_number(value)
        if not -_FLOAT32_MAX <= number <= _FLOAT32_MAX:
            raise ValidationError(f"Expected a number of magnitude at most {_FLOAT32_MAX:.3g}.")
        return float(number)


class BooleanFeature(FeatureField):
    expected = "true or false"

    def convert(self, value: Any) -> bool:
        if isinstance(value, str):
            value = _TRUTH.get(value.strip().lower(), value)
        if not isinstance(value, bool):
            raise self.refuse(value)
        return value


class CategoryFeature(FeatureField):
    """Text, unless training had categories of another kind; found with or without spaces around it."""

    def __init__(self, feature: Feature, **options: Any) -> None:
        super().__init__(feature, **options)
        self._known = self._closed
        self._kinds = {name_kind(category) for category in feature.categories or ()} or {"text"}
        self.expected = " or ".join(sorted(self._kinds))

    def convert(self, value: Any) -> Scalar:
        if not isinstance(value, (str, int, float, bool)):
            raise self.refuse(value)
        found = self._known.get(value_key(value))
        if found is not None:
            return found[0]
        return self._convert_unseen(value)

    def _convert_unseen(self, value: Scalar) -> Scalar:
        if isinstance(value, str):
            if "text" not in self._kinds:
                return self._read_text_of_other_kind(value.strip())
            trimmed = value.strip()
            found = self._known.get(value_key(trimmed))
            return self.check_text(trimmed) if found is None else found[0]
        if name_kind(value) not in self._kinds or (isinstance(value, float) and not math.isfinite(value)):
            raise self.refuse(value)
        return value

    def _read_text_of_other_kind(self, text: str) -> Scalar:
        number = parse_number(text) if "a number" in self._kinds else None
        if number is not None:
            return self.convert(number)
        if "a boolean" in self._kinds and text.lower() in _TRUTH:
            return self.convert(_TRUTH[text.lower()])
        raise self.refuse(text)


class DatetimeFeature(FeatureField):
    """ISO 8601 text, or a format of the training data. The text is the value: the model's own parser reads it."""

    expected = "a date as ISO 8601 text, such as 2026-11-23 or 2026-11-23T04:19:03"

    def convert(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self.refuse(value)
        text = value.strip()
        fault = find_date_fault(text, self.feature)
        if fault:
            raise ValidationError(fault)
        return text

    def _find_closed_value(self, value: Scalar) -> Scalar:
        # A column of real timestamps is compared by moment; one kept as text is compared by AutoGluon as text.
        if self.feature.dtype == "object":
            return super()._find_closed_value(value)
        moment = read_moment(parse_date(str(value), self.feature))
        for allowed in self.feature.categories or ():
            if read_moment(parse_date(str(allowed), self.feature)) == moment:
                return allowed
        raise ValidationError(f"Expected {list_values(self.feature)}: training had no other value here.")


class TextFeature(FeatureField):
    """Free text, taken as it is: spaces around it are part of what the model counts."""

    expected = "text"

    def convert(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self.refuse(value)
        return self.check_text(value)


FIELD_OF_TYPE: Mapping[str, type[FeatureField]] = {
    "int": IntegerFeature,
    "float": FloatFeature,
    "bool": BooleanFeature,
    "category": CategoryFeature,
    "datetime": DatetimeFeature,
    "text": TextFeature,
}


def parse_number(text: str) -> int | float | None:
    """The number that trimmed text is exactly; None when it is none."""
    if len(text) > _LONGEST_NUMBER or not text.isascii() or "_" in text:
        return None
    try:
        if text.lstrip("+-").isdigit():
            return int(text)
        number = float(text)
    except ValueError:
        return None
    # Of what is not finite the characters tell whether it is a number: 1e999 is one, inf is none.
    return number if math.isfinite(number) or not text.strip(_NUMBER_CHARACTERS) else None


def name_kind(value: Any) -> str:
    """What a person would call the JSON type of a value."""
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    return {str: "text", type(None): "null", list: "a list", dict: "an object"}.get(type(value), "another type")


def value_key(value: Scalar) -> tuple[str, Scalar]:
    """A dictionary key under which True, 1 and "1" differ while 1 and 1.0 are one."""
    return name_kind(value), value


def make_value_lookup(feature: Feature) -> dict[tuple[str, Scalar], tuple[Scalar]]:
    """Map each known value, and its trimmed form where no other value has that, to the value of training."""
    lookup: dict[tuple[str, Scalar], tuple[Scalar]] = {}
    for category in feature.categories or ():
        if isinstance(category, str):
            lookup.setdefault(value_key(category.strip()), (category,))
    for category in feature.categories or ():
        lookup[value_key(category)] = (category,)
    return lookup


def list_values(feature: Feature) -> str:
    categories = feature.categories or ()
    listed = [f'"{value}"' if isinstance(value, str) else str(value).lower() for value in categories[:_LISTED_VALUES]]
    more = f" or {len(categories) - _LISTED_VALUES} others" if len(categories) > _LISTED_VALUES else ""
    return " or ".join(listed) + more
