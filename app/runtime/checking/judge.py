"""Tells all that is wrong with values that the screen does not take, by the fields of their features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marshmallow import ValidationError, missing

from app.errors import FieldFault
from app.release.schema import Scalar
from app.runtime.row_fields import FeatureField

# What is to be told of an accepted value of the feature at a place, in the row at a position.
FindNews = Callable[[int, Scalar | None, int], FieldFault | None]
# Fields judge a value of these by its type alone.
_JUDGED_BY_TYPE = frozenset({list, dict, type(missing)})


class FaultTeller:
    """Reads values by the fields of their features, which say why they refuse one."""

    def __init__(self, fields: Sequence[FeatureField], find_news: FindNews) -> None:
        self._fields = fields
        self._find_news = find_news
        self._faults_of_type: dict[tuple[int, type], list[str]] = {}

    def tell(
        self, place: int, row: Mapping[str, Any], position: int, news: list[FieldFault], faults: list[FieldFault]
    ) -> Scalar | None:
        """Type the value of the feature at a place, or append its faults and return None."""
        field = self._fields[place]
        name = field.feature.name
        value = row.get(name, missing)
        known = self._faults_of_type.get((place, type(value)))
        if known is None:
            try:
                return self._accept(place, field.deserialize(value), position, news)
            except ValidationError as error:
                known = [str(text) for text in error.messages]
                if type(value) in _JUDGED_BY_TYPE:
                    self._faults_of_type[place, type(value)] = known
        faults.extend([FieldFault(position, name, text) for text in known])
        return None

    def _accept(self, place: int, value: Scalar | None, position: int, news: list[FieldFault]) -> Scalar | None:
        fault = self._find_news(place, value, position)
        if fault is not None:
            news.append(fault)
        return value
