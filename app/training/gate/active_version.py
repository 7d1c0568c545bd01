"""The candidate against the version that is active now: both answer the same held-out rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from autogluon.tabular import TabularPredictor

from app.errors import InvalidRows, PredictionFailed, ReleaseUnusable
from app.release.manifest import Manifest
from app.release.store import ReleaseStore
from app.runtime.loading import LoadedRelease, load_release
from app.runtime.predictions import Predictions
from app.runtime.rows import RowValidator, TypedRow
from app.training.gate.checks import Check
from app.training.gate.metrics import Answers
from app.training.gate.quality_loss import QualityLoss, compute_quality_loss
from app.training.publication.proof import frame_to_rows
from app.training.refusals import join_names

CHECK = "against_active"
_MOST_ROWS = 10_000
_MOST_REFUSED_SHARE = 0.5


class NotComparable(Exception):
    """Why the active version cannot be compared with, as a sentence without its full stop."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What came of comparing a candidate with the active version.

    Attributes:
        loss: How much worse the candidate is; None when there was nothing to compare.
        rows: Held-out rows that both answered.
        refused: Rows that the schema of the active version refuses; they are left out for both.
        note: Why there is no loss.
    """

    version: str | None = None
    loss: QualityLoss | None = None
    rows: int = 0
    refused: int = 0
    note: str = ""

    @property
    def regression(self) -> float | None:
        return None if self.loss is None else self.loss.loss


def compare_with_active(
    store: ReleaseStore, predictor: TabularPredictor, held_out: pd.DataFrame, answers: Answers, *, seed: int
) -> Comparison:
    """Let the active release answer held-out rows as it serves, and compare by the candidate's evaluation metric.

    Args:
        answers: What the candidate answered to all held-out rows.

    Fallback: where the two cannot be compared (other label, problem type, classes or features; a version that cannot be
    loaded or breaks), the comparison has no loss and says why; another model of another thing must stay publishable.
    """
    try:
        pointer = store.active()
        if pointer is None:
            return Comparison(note="no version is active: nothing to compare with")
        release = load_release(store.directory(pointer.version), trust=store.trust)
        return compare_with_release(release, predictor, held_out, answers, seed=seed)
    except (NotComparable, ReleaseUnusable) as fault:
        return Comparison(note=f"not compared: {str(fault).rstrip('.')}")


def compare_with_release(
    release: LoadedRelease, predictor: TabularPredictor, held_out: pd.DataFrame, answers: Answers, *, seed: int
) -> Comparison:
    """Compare with a release that is loaded already.

    Raises:
        NotComparable: when it predicts something else, or cannot answer these rows.
    """
    _require_alike(release.manifest, predictor)
    version = release.manifest.version
    places = np.linspace(0, len(held_out) - 1, min(len(held_out), _MOST_ROWS)).astype(int)
    held_out = held_out.iloc[places]
    missing = [feature.name for feature in release.schema.features if feature.name not in held_out.columns]
    if missing:
        raise NotComparable(f"version {version} needs columns that these rows lack: {join_names(missing)}")
    accepted = _choose_accepted_rows(frame_to_rows(held_out, release.schema), RowValidator(release.schema))
    refused = len(held_out) - len(accepted)
    if refused > _MOST_REFUSED_SHARE * len(held_out):
        raise NotComparable(f"version {version} refuses {refused} of {len(held_out)} held-out rows")
    try:
        predictions = release.executor.predict(list(accepted.values()))
    except PredictionFailed as fault:
        raise NotComparable(f"version {version} fails on these rows") from fault
    ours = answers.take(places[list(accepted)])
    theirs = _code_answers(predictions, ours, predictor)
    loss = compute_quality_loss(ours, theirs, predictor.eval_metric, seed=seed)
    if loss is None:
        raise NotComparable(f"{predictor.eval_metric.name} is not defined on these rows")
    return Comparison(version=version, loss=loss, rows=len(accepted), refused=refused)


def check_against_active(comparison: Comparison, *, max_regression: float) -> Check:
    """Fail a candidate that is worse by more than the margin, unless chance explains that it is worse at all."""
    loss = comparison.loss
    check = Check(name=CHECK, limit=max_regression, direction="max", passed=True, note=comparison.note)
    if loss is None:
        return check
    is_beyond = loss.loss > max_regression
    is_chance = is_beyond and loss.low <= 0
    note = _describe(comparison, loss) + ("; too few rows to tell that from chance" if is_chance else "")
    return replace(check, measured=loss.loss, passed=is_chance or not is_beyond, note=note)


def _require_alike(manifest: Manifest, predictor: TabularPredictor) -> None:
    version = f"version {manifest.version}"
    if (manifest.label, manifest.problem_type) != (predictor.label, predictor.problem_type):
        raise NotComparable(f"{version} is a {manifest.problem_type} model of {manifest.label}")
    if _as_names(manifest.class_labels) != _as_names(predictor.class_labels):
        raise NotComparable(f"{version} has other classes: {join_names(manifest.class_labels or ())}")
    if predictor.problem_type == "quantile" and manifest.quantile_levels != tuple(predictor.quantile_levels):
        raise NotComparable(f"{version} has other quantile levels: {join_names(manifest.quantile_levels or ())}")


def _as_names(labels: Any) -> set[str] | None:
    return None if labels is None else {str(label) for label in labels}


def _choose_accepted_rows(rows: Sequence[Mapping[str, Any]], validator: RowValidator) -> dict[int, TypedRow]:
    """Typed rows by position."""
    try:
        return dict(enumerate(validator.check(rows).rows))
    except InvalidRows as invalid:
        refused = {fault.row for fault in invalid.faults}
    positions = [position for position in range(len(rows)) if position not in refused]
    return dict(zip(positions, validator.check([rows[position] for position in positions]).rows, strict=True))


def _code_answers(predictions: Predictions, ours: Answers, predictor: TabularPredictor) -> Answers:
    """Predictions of the active version, coded as the candidate's answers are."""
    if ours.problem_type == "quantile":
        levels = [str(level) for level in ours.quantile_levels]
        return replace(ours, predicted=np.array([[row[level] for level in levels] for row in predictions.labels]))
    if predictions.probabilities is None:
        return replace(ours, predicted=np.array(predictions.labels, dtype=float))
    if ours.problem_type == "binary":
        positive = str(predictor.positive_class)
        return replace(
            ours,
            predicted=np.array([str(label) == positive for label in predictions.labels], dtype=int),
            probabilities=np.array([row[positive] for row in predictions.probabilities]),
        )
    classes = [str(label) for label in predictor.class_labels]
    codes = {name: code for code, name in enumerate(classes)}
    return replace(
        ours,
        predicted=np.array([codes[str(label)] for label in predictions.labels]),
        probabilities=np.array([[row[name] for name in classes] for row in predictions.probabilities]),
    )


def _describe(comparison: Comparison, loss: QualityLoss) -> str:
    left_out = f", {comparison.refused} more that it refuses left out" if comparison.refused else ""
    return (
        f"{loss.metric} {loss.value:.4g}, version {comparison.version} has {loss.reference:.4g} on the same "
        f"{comparison.rows} rows{left_out}: {_describe_share(loss.loss)} "
        f"(95 % interval {100 * loss.low:.2g} % to {100 * loss.high:.2g} %)"
    )


def _describe_share(loss: float) -> str:
    if loss == 0:
        return "no difference"
    return f"{100 * abs(loss):.2g} % {'worse' if loss > 0 else 'better'}"
