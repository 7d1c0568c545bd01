"""What a page is made of: sections with sentences, tables and plots. Everything is text; the template escapes it."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.charts.chart import Chart
from app.charts.table import Table


@dataclass(frozen=True)
class Figure:
    """A plot and its numbers."""

    chart: Chart
    table: Table | None = None


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a page with a heading.

    Attributes:
        key: The anchor; unique in a page.
        points: Sentences that are shown as a list.
    """

    key: str
    title: str
    sentences: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = field(default=())
