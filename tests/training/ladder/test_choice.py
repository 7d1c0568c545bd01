"""The rule by which one candidate of a ladder is chosen."""

from __future__ import annotations

from typing import Any

import pytest

from app.release.manifest import LadderEntry
from app.training.gate.limits import Limit
from app.training.ladder.choice import LadderLimits, choose_entry, is_made_of, join_limits


def make_entry(name: str, *, latency_ms: float, size_mb: float, loss: float, **changes: Any) -> LadderEntry:
    changes |= {"latency_ms": latency_ms, "size_mb": size_mb, "loss": loss}
    return LadderEntry(name=name, kind="pruned", description=f"what {name} is", reason="", **changes)


ENTRIES = (
    LadderEntry(name="full", kind="full", description="all", reason="", latency_ms=1.0, size_mb=10.0, loss=0.0),
    make_entry("half", latency_ms=0.5, size_mb=5.0, loss=0.004),
    make_entry("quick", latency_ms=0.1, size_mb=8.0, loss=0.02),
    make_entry("better", latency_ms=0.6, size_mb=2.0, loss=-0.01),
    LadderEntry(name="student", kind="student", description="one model", reason="left out: no time is left"),
)


@pytest.mark.parametrize(
    ("limits", "chosen"),
    [
        (LadderLimits(), "full"),
        (LadderLimits(quality_loss=0.0), "better"),
        (LadderLimits(quality_loss=0.005), "half"),
        (LadderLimits(quality_loss=0.05), "quick"),
        (LadderLimits(latency_ms=0.8), "better"),
        (LadderLimits(latency_ms=0.55), "half"),
        (LadderLimits(latency_ms=0.5, quality_loss=0.05), "half"),
        (LadderLimits(size_mb=9.0, latency_ms=0.2, quality_loss=0.02), "quick"),
        (LadderLimits(latency_ms=0.1), None),
        (LadderLimits(size_mb=1.9, quality_loss=1.0), None),
    ],
)
def test_the_best_within_the_limits_is_chosen_and_the_fastest_where_quality_alone_is_limited(
    limits: LadderLimits, chosen: str | None
) -> None:
    choice = choose_entry(ENTRIES, limits)
    assert choice.chosen == chosen
    assert [entry.name for entry in choice.entries if entry.chosen] == ([chosen] if chosen else [])
    assert [entry.name for entry in choice.entries] == [entry.name for entry in ENTRIES]


def test_every_candidate_says_why_it_is_chosen_or_not() -> None:
    choice = choose_entry(ENTRIES, LadderLimits(latency_ms=0.55, size_mb=6.0))
    assert {entry.name: entry.reason for entry in choice.entries} == {
        "full": "one row takes 1 ms, allowed are 0.55 ms; it has 10 MB, allowed are 6 MB",
        "half": "chosen: the best within the limits",
        "quick": "it has 8 MB, allowed are 6 MB; it loses 2.00%, allowed are 1.00%",
        "better": "one row takes 0.6 ms, allowed are 0.55 ms",
        "student": "left out: no time is left",
    }


def test_when_none_satisfies_the_limits_the_nearest_is_named() -> None:
    choice = choose_entry(ENTRIES, LadderLimits(latency_ms=0.48))
    assert choice.refusal == (
        "No candidate satisfies the limits; the nearest is half: one row takes 0.5 ms, allowed are 0.48 ms."
    )


def test_what_the_ladder_promises_the_gate_demands_of_the_release() -> None:
    own = (Limit("roc_auc", "min", 0.8), Limit("latency_ms", "max", 0.3))
    joined = join_limits(own, LadderLimits(latency_ms=0.5, size_mb=4.0))
    assert joined == (*own, Limit("size_mb", "max", 4.0))
    assert join_limits(own, LadderLimits(latency_ms=0.2))[1] == Limit("latency_ms", "max", 0.2)
    assert join_limits(own, LadderLimits()) == own


def test_a_version_is_made_of_the_same_only_when_the_same_was_chosen() -> None:
    full, half = (choose_entry(ENTRIES, LadderLimits(quality_loss=loss)).entries for loss in (0.0, 0.005))
    without = choose_entry(ENTRIES, LadderLimits()).entries
    assert is_made_of(half, half)
    assert not is_made_of(half, full)
    assert is_made_of((), without)
    assert not is_made_of((), half)
