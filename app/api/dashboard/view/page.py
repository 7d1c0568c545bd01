"""What the page is made of: a headline, tiles and sections of blocks. All is text; the templates escape it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from app.api.dashboard.ranges import TimeRange
from app.charts.chart import Chart
from app.charts.table import State, Table


@dataclass(frozen=True)
class Note:
    """A sentence; with a state it stands out, and `advice` says what to do."""

    block: ClassVar[str] = "note"

    text: str
    state: State | None = None
    advice: str = ""


@dataclass(frozen=True)
class TableBlock:
    """A table by itself; one that is not wide stands beside others where there is room."""

    block: ClassVar[str] = "table"

    table: Table
    is_wide: bool = False


@dataclass(frozen=True)
class Charts:
    """Plots beside each other, and the numbers of all of them as one table to unfold."""

    block: ClassVar[str] = "charts"

    charts: tuple[Chart, ...]
    table: Table | None = None


@dataclass(frozen=True)
class Fact:
    """A term and what it is."""

    term: str
    text: str
    state: State | None = None


@dataclass(frozen=True)
class Facts:
    """Terms and what they are."""

    block: ClassVar[str] = "facts"

    facts: tuple[Fact, ...]


@dataclass(frozen=True, kw_only=True)
class FeatureCard:
    """One feature: how far it has drifted, and both of its distributions.

    Attributes:
        key: The anchor; unique in the page.
        verdict: The state in words.
    """

    key: str
    name: str
    state: State
    verdict: str
    reasons: tuple[str, ...]
    facts: tuple[Fact, ...]
    chart: Chart | None
    table: Table | None


@dataclass(frozen=True)
class FeatureCards:
    """Features beside each other; with a text in `folded_as`, behind it until somebody looks."""

    block: ClassVar[str] = "features"

    cards: tuple[FeatureCard, ...]
    folded_as: str = ""


@dataclass(frozen=True)
class Link:
    """An address relative to /dashboard."""

    block: ClassVar[str] = "link"

    text: str
    address: str


Block = Note | TableBlock | Charts | Facts | FeatureCards | Link


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading.

    Attributes:
        key: The anchor; unique in the page.
    """

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A number to be seen from afar.

    Attributes:
        words: What the number means now, in a few words.
        section: The section that says more.
        spark: A line of how it went, in a box of 100 by 24; empty for none.
    """

    title: str
    value: str
    unit: str
    words: str
    state: State | None
    section: str
    spark: str = ""


@dataclass(frozen=True)
class Headline:
    """How things are, in one sentence; the others say why."""

    state: State
    text: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What is seen first."""

    headline: Headline
    tiles: tuple[Tile, ...]
    key: ClassVar[str] = "overview"


@dataclass(frozen=True, kw_only=True)
class Page:
    """All of it.

    Attributes:
        subject: The model that answers; empty when none does.
    """

    subject: str
    version: str
    range: TimeRange
    overview: Overview
    sections: tuple[Section, ...]
