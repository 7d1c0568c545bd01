from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from app.serving.rollout.comparison.figures import FIGURES, compare
from app.serving.rollout.comparison.ledger import Counts, Ledger, read_counts, remove_other_counts
from app.serving.rollout.comparison.tally import MOST_ROWS_COMPARED, Tally

NO, YES = {"no": 0.8, "yes": 0.2}, {"no": 0.1, "yes": 0.9}


def answer(tally: Tally, labels: Sequence[Any], *, milliseconds: float = 1.0) -> None:
    probabilities = None if not isinstance(labels[0], str) else [YES if label == "yes" else NO for label in labels]
    tally.add_answer(labels, probabilities, seconds=milliseconds / 1000)


def test_a_canary_is_compared_by_errors_times_and_distributions() -> None:
    counts = Counts("1")
    for _ in range(100):
        answer(counts.active, ["no", "no", "no", "yes"])
        answer(counts.candidate, ["no", "yes"], milliseconds=2.0)
    counts.candidate.add_error()
    comparison = compare(counts, mode="canary")
    assert set(comparison.figures) <= set(FIGURES["canary"])
    assert {name: round(figure.value, 3) for name, figure in comparison.figures.items()} == {
        "error_share": 0.01,
        "p50_ratio": pytest.approx(2.0, rel=0.06),
        "p99_ratio": pytest.approx(2.0, rel=0.06),
        "label_share_change": 0.25,
        "value_change": 0.175,
    }
    change = comparison.figures["label_share_change"]
    assert change.low is not None
    assert change.low < 0.25 < (change.high or 0)
    described = asdict(comparison.candidate)
    assert (described["requests"], described["rows"], described["errors"]) == (101, 200, 1)
    assert described["labels"] == {"no": 100, "yes": 100}


def test_numbers_of_a_canary_are_compared_in_standard_deviations() -> None:
    counts = Counts("1")
    for number in (10.0, 12.0, 14.0):
        answer(counts.active, [number])
        answer(counts.candidate, [number - 1])
    figures = compare(counts, mode="canary").figures
    assert figures["value_change"].value == pytest.approx(0.5)
    assert "label_share_change" not in figures


def test_a_shadow_is_compared_row_by_row() -> None:
    counts = Counts("1")
    for _ in range(10):
        answer(counts.active, ["no", "no"])
        answer(counts.candidate, ["no", "yes"])
        counts.differences.add(["no", "yes"], [NO, YES], ["no", "no"], [NO, NO])
    figures = compare(counts, mode="shadow").figures
    assert set(figures) <= set(FIGURES["shadow"])
    assert figures["labels_differ"].value == 0.5
    assert figures["value_difference"].value == pytest.approx(0.35)
    assert figures["largest_difference"].value == pytest.approx(0.7)
    assert "relative_difference" not in figures


def test_numbers_and_quantiles_of_a_shadow_are_compared_absolutely_and_relatively() -> None:
    counts = Counts("1")
    answer(counts.candidate, [9.0])
    counts.differences.add([9.0, 0.0], None, [10.0, 0.0], None)
    counts.differences.add([{"0.1": 1.0, "0.9": 4.0}], None, [{"0.1": 1.0, "0.9": 5.0}], None)
    figures = compare(counts, mode="shadow").figures
    assert figures["value_difference"].value == pytest.approx(2 / 3)
    assert figures["largest_difference"].value == 1.0
    assert figures["relative_difference"].value == pytest.approx((0.1 + 0.0 + 0.2) / 3)
    assert "labels_differ" not in figures


def test_a_class_that_one_version_does_not_know_counts_with_its_whole_probability() -> None:
    counts = Counts("1")
    counts.differences.add(["new"], [{"no": 0.4, "new": 0.6}], ["no"], [{"no": 1.0}])
    assert compare(counts, mode="shadow").figures["largest_difference"].value == pytest.approx(0.6)


def test_without_requests_there_are_no_figures() -> None:
    assert compare(Counts("1"), mode="canary").figures == {}
    assert compare(Counts("1"), mode="shadow").figures == {}


def test_what_several_processes_counted_is_joined_and_other_trials_and_base_versions_are_left_out(
    tmp_path: Path,
) -> None:
    ledgers = [Ledger(tmp_path, "t1"), Ledger(tmp_path, "t1"), Ledger(tmp_path, "t0")]
    for ledger in ledgers:
        with ledger.lock:
            answer(ledger.counts_against("1").candidate, ["yes"])
        ledger.write()
        with ledger.lock:
            answer(ledger.counts_against("2").candidate, ["no", "no"])
        ledger.write()
    (tmp_path / ".rollout" / "trial-t1" / "damaged.json").write_text("{")
    joined = read_counts(tmp_path, "t1", base="2")
    assert (joined.candidate.requests, joined.candidate.labels) == (2, {"no": 4})
    assert read_counts(tmp_path, "t1", base="1").candidate.labels == {"yes": 2}
    remove_other_counts(tmp_path, "t1")
    assert [path.name for path in (tmp_path / ".rollout").iterdir()] == ["trial-t1"]


def test_a_tally_takes_a_bounded_place_whatever_it_counts() -> None:
    tally = Tally()
    for number in range(60):
        row = {f"class-{n}": 0.001 for n in range(1000)}
        tally.add_answer([f"class-{number}"] * 500, [row] * 500, seconds=0.01)
    assert (len(tally.labels), len(tally.values)) == (50, 50)
    assert sum(tally.labels.values()) == 50 * MOST_ROWS_COMPARED
    assert tally.rows == 30_000
