"""A plot as plain data: ticks, paths and words in the units of its view box, ready for the template."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from app.charts.scale import Scale
from app.charts.text import write_tick

Point = tuple[float, float]
Style = Literal[
    "line",
    "second",
    "guide",
    "dots",
    "cloud",
    "whiskers",
    "faint",
    "marked",
    "frontier",
    "third",
    "bars",
    "reference",
    "dashed",
    "refused",
    "failed",
]
Rules = Literal["both", "up", "across"]


@dataclass(frozen=True)
class PlotArea:
    """The view box and the edges of what is drawn in it; words and ticks stand between."""

    width: int = 400
    height: int = 320
    left: int = 62
    right: int = 388
    top: int = 10
    bottom: int = 274


CARD_AREA = PlotArea()


@dataclass(frozen=True)
class Tick:
    """A mark on an axis, at its place in the view box."""

    at: float
    text: str


@dataclass(frozen=True)
class Mark:
    """Something drawn: one path, styled by a class.

    Attributes:
        name: What the legend calls it; empty when it needs no words.
    """

    path: str
    style: Style
    name: str = ""


@dataclass(frozen=True)
class Word:
    """A text at a place of the plot."""

    x: float
    y: float
    text: str
    is_right_aligned: bool


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One plot.

    Attributes:
        key: Unique in a page; names the title and the description for those who listen.
        description: What the plot shows, in one or two sentences with the numbers that matter.
        x_label, y_label: What the axes are; empty where the title says it.
        rules: Which lines stand behind the marks: those that go up, those that go across, or both.
    """

    key: str
    title: str
    description: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    words: tuple[Word, ...] = ()
    area: PlotArea = CARD_AREA
    rules: Rules = "both"


class Canvas:
    """Turns values into places of the view box."""

    def __init__(self, x: Scale, y: Scale, area: PlotArea = CARD_AREA) -> None:
        self.area = area
        self._x = x
        self._y = y

    def list_x_ticks(self) -> tuple[Tick, ...]:
        return tuple(Tick(self.place((value, self._y.low))[0], write_tick(value)) for value in self._x.list_ticks())

    def list_y_ticks(self) -> tuple[Tick, ...]:
        return tuple(Tick(self.place((self._x.low, value))[1], write_tick(value)) for value in self._y.list_ticks())

    def place(self, point: Point) -> Point:
        x = self.area.left + self._x.place(point[0]) * (self.area.right - self.area.left)
        y = self.area.bottom - self._y.place(point[1]) * (self.area.bottom - self.area.top)
        return round(x, 1), round(y, 1)

    def draw_line(self, points: Iterable[Point]) -> str:
        return "M" + "L".join(f"{x:g} {y:g}" for x, y in map(self.place, points))

    def draw_broken_line(self, points: Iterable[tuple[float, float | None]]) -> str:
        """Lines through what there is: where there is no value there is no line, and one by itself is a dot."""
        path, follows = "", False
        for at, value in points:
            if value is not None:
                x, y = self.place((at, value))
                path += f"L{x:g} {y:g}" if follows else f"M{x:g} {y:g}h0"
            follows = value is not None
        return path

    def draw_dots(self, points: Iterable[Point]) -> str:
        """Lines of no length: round line ends make them dots, in a tenth of the bytes of circles."""
        return "".join(f"M{x:g} {y:g}h0" for x, y in map(self.place, points))

    def draw_whiskers(self, ranges: Iterable[tuple[float, float, float]]) -> str:
        """Upright lines from a low to a high value at each x."""
        return "".join(self.draw_line([(x, low), (x, high)]) for x, low, high in ranges)

    def draw_bars(self, bars: Iterable[tuple[float, float, float]]) -> str:
        """Filled bars from x to x with a height in units of y, on the lower edge of the plot."""
        paths = []
        for start, end, height in bars:
            (left, top), (right, bottom) = self.place((start, height)), self.place((end, self._y.low))
            paths.append(f"M{left + 0.5:g} {bottom:g}V{top:g}H{right - 0.5:g}V{bottom:g}z")
        return "".join(paths)

    def write_beside(self, point: Point, text: str) -> Word:
        """A text beside a point, on the side that has more room."""
        x, y = self.place(point)
        is_right_aligned = x > (self.area.left + self.area.right) / 2
        return Word(x - 7 if is_right_aligned else x + 7, round(y - 5, 1), text, is_right_aligned)
