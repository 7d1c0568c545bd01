"""Two distributions over the same bins, side by side: what was, hollow, and what is, filled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.charts.chart import Canvas, Chart, Mark, PlotArea, Rules, Tick
from app.charts.scale import Scale
from app.charts.text import show_text

MOST_BINS = 12
_LABEL_CHARACTERS = 16
_OTHERS = "all others"
_ROW_HEIGHT = 20
_CHARACTER_WIDTH = 6.8
_CHARACTERS_BELOW = 36


@dataclass(frozen=True)
class Bin:
    """A part of what there is: a range of numbers or a category, with its share of both."""

    label: str
    reference: float
    live: float


@dataclass(frozen=True)
class Wording:
    """What a plot of two distributions is called, and what they are.

    Attributes:
        key: Unique in a page.
    """

    key: str
    title: str
    description: str
    reference: str = "in training"
    live: str = "live"


def draw_upright(bins: Sequence[Bin], wording: Wording) -> Chart:
    """Bars that stand side by side, for bins in an order: ranges of numbers or of dates."""
    canvas = Canvas(Scale(0.0, float(len(bins))), _cover_shares(bins), PlotArea(320, 150, 40, 300, 8, 128))
    reference = canvas.draw_bars((at + 0.1, at + 0.5, each.reference) for at, each in enumerate(bins))
    live = canvas.draw_bars((at + 0.5, at + 0.9, each.live) for at, each in enumerate(bins))
    return _make_chart(
        wording,
        marks=(reference, live),
        area=canvas.area,
        rules="across",
        x_ticks=tuple(_mark_ends(bins, canvas)),
        y_ticks=tuple(
            Tick(tick.at, _write_per_cent(value))
            for tick, value in zip(canvas.list_y_ticks(), _cover_shares(bins).list_ticks(), strict=True)
        ),
    )


def _mark_ends(bins: Sequence[Bin], canvas: Canvas) -> Iterator[Tick]:
    """The first bin and the last, and the one between them where there is room; no name leaves the picture."""
    shown = sorted({0, (len(bins) - 1) // 2, len(bins) - 1})
    names = {at: _shorten(bins[at].label) for at in shown}
    if sum(map(len, names.values())) > _CHARACTERS_BELOW:
        names = {at: names[at] for at in (shown[0], shown[-1])}
    for at, name in names.items():
        half = len(name) * _CHARACTER_WIDTH / 2
        x = canvas.place((at + 0.5, 0.0))[0]
        yield Tick(round(min(max(x, half), canvas.area.width - half), 1), name)


def draw_across(bins: Sequence[Bin], wording: Wording) -> Chart:
    """Bars that lie below each other with their names before them, for bins without order: categories."""
    kept = merge_bins(bins)
    scale = _cover_shares(kept)
    area = PlotArea(320, 26 + _ROW_HEIGHT * len(kept), 112, 308, 4, 4 + _ROW_HEIGHT * len(kept))
    canvas = Canvas(scale, Scale(0.0, 1.0), area)
    middles = [area.top + _ROW_HEIGHT * (at + 0.5) for at in range(len(kept))]
    return _make_chart(
        wording,
        marks=(
            "".join(_lay_bar(canvas, middle - 7, each.reference) for middle, each in zip(middles, kept, strict=True)),
            "".join(_lay_bar(canvas, middle, each.live) for middle, each in zip(middles, kept, strict=True)),
        ),
        area=area,
        rules="up",
        x_ticks=tuple(Tick(canvas.place((value, 0.0))[0], _write_per_cent(value)) for value in scale.list_ticks()),
        y_ticks=tuple(Tick(middle, _shorten(each.label)) for middle, each in zip(middles, kept, strict=True)),
    )


def merge_bins(bins: Sequence[Bin]) -> tuple[Bin, ...]:
    """The bins that hold most, in their order, and one for all others."""
    if len(bins) <= MOST_BINS:
        return tuple(bins)
    weights = [max(each.reference, each.live) for each in bins]
    largest = set(sorted(range(len(bins)), key=lambda at: -weights[at])[: MOST_BINS - 1])
    others = [each for at, each in enumerate(bins) if at not in largest]
    merged = Bin(_OTHERS, sum(each.reference for each in others), sum(each.live for each in others))
    return (*(bins[at] for at in sorted(largest)), merged)


def _make_chart(
    wording: Wording,
    *,
    marks: tuple[str, str],
    area: PlotArea,
    rules: Rules,
    x_ticks: tuple[Tick, ...],
    y_ticks: tuple[Tick, ...],
) -> Chart:
    reference, live = marks
    return Chart(
        key=wording.key,
        title=wording.title,
        description=wording.description,
        x_label="",
        y_label="",
        x_ticks=x_ticks,
        y_ticks=y_ticks,
        marks=(Mark(reference, "reference", wording.reference), Mark(live, "bars", wording.live)),
        area=area,
        rules=rules,
    )


def _lay_bar(canvas: Canvas, top: float, share: float) -> str:
    start, end = canvas.area.left, canvas.place((share, 0.0))[0]
    return f"M{start} {top:g}H{max(end, start + 1):g}v6H{start}z"


def _cover_shares(bins: Sequence[Bin]) -> Scale:
    return Scale(0.0, max((max(each.reference, each.live) for each in bins), default=0.0) * 1.05 or 1.0)


def _shorten(label: str) -> str:
    return show_text(label, most=_LABEL_CHARACTERS)


def _write_per_cent(share: float) -> str:
    return f"{share * 100:.3g} %"
