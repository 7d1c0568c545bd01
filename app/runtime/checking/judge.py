"""Tells every fault of rows that the screen is unsure of, feature by feature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marshmallow import ValidationError, missing

from app.errors import FieldFault
from app.release.schema import Scalar
from app.runtime.checking.screen import UNSURE, ReadFrom
from app.runtime.row_fields import FeatureField


class RowJudge:
    """Reads one row after the other: the values of a usual kind at once, the others by their fields.

    Args:
        readers: The screen's reader of each field.
    """

    def __init__(self, fields: Sequence[FeatureField], readers: Sequence[ReadFrom]) -> None:
        self._pairs = list(zip(fields, readers, strict=True))

    def read_row(
        self, row: Any, position: int, news: list[FieldFault], faults: list[FieldFault]
    ) -> tuple[Scalar | None, ...] | None:
        """Type the row at this position; when it has faults append them and return None.

        Raises:
            EnoughNews: when a reader has more to tell than is listed.
        """
        if not isinstance(row, dict):
            faults.append(FieldFault(position, None, "Expected an object with one member per feature."))
            return None
        known = len(faults)
        values: list[Scalar | None] = []
        for field, read in self._pairs:
            try:
                values.append(read(row, position, news))
            except UNSURE:
                values.append(_read_by_field(field, row, position, faults))
        return tuple(values) if len(faults) == known else None


def _read_by_field(field: FeatureField, row: dict[str, Any], position: int, faults: list[FieldFault]) -> Scalar | None:
    name = field.feature.name
    try:
        value: Scalar | None = field.deserialize(row.get(name, missing))
    except ValidationError as error:
        faults.extend(FieldFault(position, name, str(text)) for text in error.messages)
        return None
    return value
