"""What bins are called where people see them. Everything in a name is from training."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from app.release.profile.bins import NumberBins
from app.release.profile.reference import ColumnProfile, Kind
from app.release.schema import Scalar


def list_labels(column: ColumnProfile) -> Sequence[str]:
    """A name for each count of a column."""
    if isinstance(column.bins, NumberBins):
        inside = [_name_stretch(*stretch, column.kind) for stretch in column.bins.stretches]
        below, above = (name_number(end, column.kind) for end in (column.bins.least, column.bins.greatest))
        return [f"below {below}", *inside, f"above {above}", "missing"]
    return [*map(_name_category, column.bins.categories), "all others", "not in training", "missing"]


def name_number(number: float, kind: Kind, *, digits: int = 6) -> str:
    if kind == "date":
        return datetime.fromtimestamp(number, timezone.utc).date().isoformat()
    return f"{number:.{digits}g}"


def _name_stretch(low: float, high: float, kind: Kind) -> str:
    first, last = name_number(low, kind), name_number(high, kind)
    return first if first == last else f"{first} to {last}"


def _name_category(category: Scalar) -> str:
    return str(category).lower() if isinstance(category, bool) else str(category)
