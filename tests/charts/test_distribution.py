from __future__ import annotations

from app.charts.chart import Chart
from app.charts.distribution import MOST_BINS, Bin, Wording, draw_across, draw_upright, merge_bins

WORDING = Wording("key", "tenure", "What it shows.")
BINS = [Bin("0 to 6", 0.5, 0.25), Bin("6 to 12", 0.3, 0.25), Bin("12 to 18", 0.2, 0.5)]


def read_paths(chart: Chart) -> dict[str, str]:
    return {mark.name: mark.path for mark in chart.marks}


def test_both_distributions_stand_side_by_side() -> None:
    chart = draw_upright(BINS, WORDING)

    assert list(read_paths(chart)) == ["in training", "live"]
    assert [path.count("z") for path in read_paths(chart).values()] == [3, 3]
    assert [tick.text for tick in chart.x_ticks] == ["0 to 6", "6 to 12", "12 to 18"]


def test_categories_lie_below_each_other_under_their_names() -> None:
    chart = draw_across(BINS, WORDING)

    assert [tick.text for tick in chart.y_ticks] == ["0 to 6", "6 to 12", "12 to 18"]
    assert [tick.text for tick in chart.x_ticks] == ["0 %", "20 %", "40 %"]


def test_a_category_that_nobody_sent_before_has_a_bar_that_is_seen() -> None:
    path = read_paths(draw_across([Bin("new", 0.0, 0.2)], WORDING))["in training"]

    assert "H113v" in path


def test_of_many_categories_the_smallest_become_one() -> None:
    bins = [Bin(str(number), 0.01 * number, 0.0) for number in range(20)]

    kept = merge_bins(bins)

    assert len(kept) == MOST_BINS
    assert kept[-1].label == "all others"
    assert abs(sum(each.reference for each in kept) - sum(each.reference for each in bins)) < 1e-9


def test_nothing_at_all_is_drawn_too() -> None:
    assert draw_across([Bin("a", 0.0, 0.0)], WORDING).x_ticks
    assert draw_upright([Bin("a", 0.0, 0.0)], WORDING).y_ticks


def test_names_are_shown_as_they_can_be_read() -> None:
    chart = draw_across([Bin("\u202eevil" + "x" * 100, 1.0, 1.0)], WORDING)

    assert chart.y_ticks[0].text.startswith("[U+202E]evil")
    assert len(chart.y_ticks[0].text) < 30
