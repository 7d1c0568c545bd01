"""What training has not seen: valid values of one feature that are told of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from marshmallow import ValidationError

from app.errors import FieldFault, WarningKind
from app.release.schema import Feature, Scalar
from app.runtime.checking.screen import EnoughNews, ReadValue
from app.runtime.dates.reading import parse_date, read_moment
from app.runtime.row_fields import FeatureField, make_value_lookup, value_key

_NEW_NULL = "No data told whether training had nulls here; the null was accepted."
_UNSEEN_CATEGORY = "This category was not seen in training."


class NoveltyCheck:
    """Tells when a valid value is one that training has not seen."""

    def __init__(self, feature: Feature) -> None:
        self.feature = feature
        is_open = feature.categories is not None and not feature.two_valued
        self._categories = make_value_lookup(feature) if is_open else None
        self._minimum, self._maximum = feature.minimum, feature.maximum
        if feature.type == "datetime":
            self._minimum = self._maximum = None
            self._first, self._last = (_read_bound(bound, feature) for bound in (feature.minimum, feature.maximum))

    def find_news(self, value: Any, position: int) -> FieldFault | None:
        if value is None:
            return self._tell(position, _NEW_NULL, "new_null") if self._is_null_news else None
        if self._categories is not None:
            is_known = value_key(value) in self._categories
            return None if is_known else self._tell(position, _UNSEEN_CATEGORY, "unseen")
        if self.feature.type == "datetime":
            message = self._describe_date(value)
            return self._tell(position, message, "out_of_range") if message else None
        if self._minimum is not None and self._maximum is not None and not self._minimum <= value <= self._maximum:
            message = f"This number is outside the range of training, {self._minimum} to {self._maximum}."
            return self._tell(position, message, "out_of_range")
        return None

    def find_news_of(self, field: Any, value: Any, position: int) -> Iterator[FieldFault]:
        """The same for a value as a caller sent it; of one that is not valid others tell."""
        try:
            fault = self.find_news(field.deserialize(value), position)
        except ValidationError:
            return
        if fault is not None:
            yield fault

    def _tell(self, position: int, message: str, kind: WarningKind) -> FieldFault:
        return FieldFault(position, self.feature.name, message, kind)

    @property
    def _is_null_news(self) -> bool:
        return self.feature.nullable is None

    def _describe_date(self, value: str) -> str | None:
        moment = read_moment(parse_date(value, self.feature))
        if moment is None or self._first is None or self._last is None or self._first <= moment <= self._last:
            return None
        return f"This date is outside the range of training, {self.feature.minimum} to {self.feature.maximum}."


def make_reader(field: FeatureField, check: NoveltyCheck, *, enough: int) -> ReadValue:
    """Read one value as its field does, and tell when training has not seen it."""

    def read(value: Any, position: int, news: list[FieldFault]) -> Scalar | None:
        typed: Scalar | None = field.deserialize(value)
        fault = check.find_news(typed, position)
        if fault is not None:
            if len(news) >= enough:
                raise EnoughNews
            news.append(fault)
        return typed

    return read


def make_silent_reader(field: FeatureField) -> ReadValue:
    def read(value: Any, position: int, news: list[FieldFault]) -> Scalar | None:  # noqa: ARG001 - nothing is told
        typed: Scalar | None = field.deserialize(value)
        return typed

    return read


def _read_bound(bound: Any, feature: Feature) -> Any:
    return read_moment(parse_date(str(bound), feature)) if bound is not None else None
