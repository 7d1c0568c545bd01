"""Tells all that is wrong with values that the screen is unsure of, by the fields of their features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import ValidationError, missing

from app.errors import FieldFault
from app.release.schema import Scalar
from app.runtime.row_fields import FeatureField


class FaultTeller:
    """Reads values by the fields of their features, which say why they refuse one."""

    def __init__(self, fields: Sequence[FeatureField]) -> None:
        self._fields = fields

    def tell(self, place: int, row: Mapping[str, Any], position: int, faults: list[FieldFault]) -> Scalar | None:
        """Type the value of the feature at a place, or append its faults and return None."""
        field = self._fields[place]
        name = field.feature.name
        try:
            value: Scalar | None = field.deserialize(row.get(name, missing))
        except ValidationError as error:
            faults.extend(FieldFault(position, name, str(text)) for text in error.messages)
            return None
        return value
