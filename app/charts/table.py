"""Tables as plain data: cells with a text each and, where it says more, a bar or a shade. The template escapes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "notice", "alarm", "unknown"]
"""How something is; shown by a sign of its own shape, beside words that say it."""


@dataclass(frozen=True)
class Strip:
    """Two values with their intervals on one line from 0 to 1: what was said, and what is."""

    reference: float
    reference_low: float
    reference_high: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        shade: From 0 to 10, how strong its background is; None for none.
        bar: From -1 to 1, the length of a bar before the text; None for no bar.
        spread: From 0 to 1, how far the length of the bar may be off to either side.
        state: A sign before the text.
        strip: A drawing before the text.
    """

    text: str
    shade: int | None = None
    bar: float | None = None
    spread: float = 0.0
    state: State | None = None
    strip: Strip | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table whose first cell of a row heads it.

    Attributes:
        numeric: Positions of the columns that hold numbers.
        marked: Positions of the rows to be noticed.
        note: What was left out, or how to read it.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()
    note: str = ""
    is_folded: bool = False


def make_row(*cells: Cell | str) -> tuple[Cell, ...]:
    return tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in cells)
