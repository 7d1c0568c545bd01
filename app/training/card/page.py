"""What a card is made of: sections with sentences, tables and plots. Everything is text; the template escapes it."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.charts.chart import Chart


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        shade: From 0 to 10, how strong its background is; None for none.
        bar: From -1 to 1, the length of a bar before the text; None for no bar.
        spread: From 0 to 1, how far the length of the bar may be off to either side.
    """

    text: str
    shade: int | None = None
    bar: float | None = None
    spread: float = 0.0


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


@dataclass(frozen=True)
class Figure:
    """A plot and its numbers."""

    chart: Chart
    table: Table | None = None


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the card with a heading.

    Attributes:
        key: The anchor; unique in a card.
        points: Sentences that are shown as a list.
    """

    key: str
    title: str
    sentences: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = field(default=())


def make_row(*cells: Cell | str) -> tuple[Cell, ...]:
    return tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in cells)
