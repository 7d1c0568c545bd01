"""What many rows hold in one field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.intp]

# Equal values of one of these types are the same value; 0.0 and -0.0 are equal and differ.
_GROUPED: tuple[set[type], ...] = ({str}, {int}, {bool}, set())


@dataclass(frozen=True, eq=False)
class Column:
    """What many rows hold in one field.

    Attributes:
        values: The different ones, each once or more often: as a caller sent them, or typed.
        places: Which of them each row has.
    """

    values: Sequence[Any]
    places: Places

    @classmethod
    def of(cls, values: Sequence[Any]) -> Column:
        """The column of one value for each row."""
        if set(map(type, values)) - {type(None)} not in _GROUPED:
            return cls(values, np.arange(len(values), dtype=np.intp))
        numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
        return cls(list(numbers), np.fromiter(map(numbers.__getitem__, values), np.intp, len(values)))

    def spread(self) -> list[Any]:
        """One value for each row."""
        return list(map(self.values.__getitem__, self.places.tolist()))
