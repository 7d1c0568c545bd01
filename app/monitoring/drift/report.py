"""A full window judged: what is told of it to those who read snapshots, and in figures to alert rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.monitoring.drift.labels import list_labels
from app.monitoring.drift.verdict import ColumnDrift, count_tests, judge_column
from app.monitoring.drift.window import Window
from app.release.profile.opening import OpenedProfile


@dataclass(frozen=True)
class DriftReport:
    """What became of a window.

    Attributes:
        features: The gravest level first, and among equals the feature that counts most to the model.
        answers: The gravest first.
    """

    rows: int
    features: Sequence[ColumnDrift]
    answers: Sequence[ColumnDrift]
    importance: Mapping[str, float]

    def to_document(self, *, least_rows: int) -> dict[str, Any]:
        answers = [_describe(drift, None) for drift in self.answers]
        return {
            "rows": self.rows,
            "least_rows": least_rows,
            "features": [_describe(drift, self.importance.get(drift.column.name)) for drift in self.features],
            "predictions": answers[0] if answers else None,
            "other_predictions": answers[1:],
        }

    def list_figures(self) -> Iterator[tuple[str, float, str | None]]:
        """Name and value, and the feature that it is of."""
        for drift in self.features:
            name = drift.column.name
            yield "drift_psi", drift.psi, name
            yield "drift_level", drift.level, name
            yield "null_share", drift.null_share, name
            if drift.unseen_share is not None:
                yield "unseen_share", drift.unseen_share, name
            if drift.out_of_range_share is not None:
                yield "out_of_range_share", drift.out_of_range_share, name
        if self.answers:
            yield "prediction_drift_psi", max(drift.psi for drift in self.answers), None


def judge_window(window: Window, opened: OpenedProfile) -> DriftReport:
    """Compare each feature, and the answers in each view, with the profile that the window was counted in."""
    profile = opened.profile
    answers = [answer.column for answer in profile.answers]
    tests = count_tests([*profile.features, *answers])
    features = [
        judge_column(column, live, tests=tests) for column, live in zip(profile.features, window.features, strict=True)
    ]
    judged = [judge_column(column, live, tests=tests) for column, live in zip(answers, window.answers, strict=True)]

    def rank(drift: ColumnDrift) -> tuple[float, ...]:
        return -drift.level, -opened.importance.get(drift.column.name, 0.0), -drift.psi

    return DriftReport(
        rows=window.rows,
        features=sorted(features, key=rank),
        answers=sorted(judged, key=lambda drift: (-drift.level, -drift.psi)),
        importance=opened.importance,
    )


def _describe(drift: ColumnDrift, importance: float | None) -> dict[str, Any]:
    return {
        "name": drift.column.name,
        "importance": importance,
        "kind": drift.column.kind,
        "level": drift.level,
        "psi": drift.psi,
        "psi_by_chance": drift.psi_by_chance,
        "test": drift.test,
        "statistic": drift.comparison.statistic,
        "p_value": drift.comparison.p_value,
        "effect": drift.comparison.effect,
        "shift": drift.shift,
        "null_share": drift.null_share,
        "reference_null_share": drift.reference_null_share,
        "unseen_share": drift.unseen_share,
        "out_of_range_share": drift.out_of_range_share,
        "reasons": list(drift.reasons),
        "bins": list(_describe_bins(drift)),
    }


def _describe_bins(drift: ColumnDrift) -> Iterator[dict[str, Any]]:
    reference_rows, rows = max(1, drift.column.rows), max(1, int(drift.counts.sum()))
    for label, before, now in zip(list_labels(drift.column), drift.column.counts, drift.counts.tolist(), strict=True):
        if before or now:
            yield {"label": label, "reference": before / reference_rows, "live": now / rows}
