"""The way of a candidate through the gate: first the predictor itself, then the release that was staged of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from autogluon.tabular import TabularPredictor

from app.release.manifest import MetricValue
from app.release.schema import FeatureSchema
from app.release.store import ReleaseStore
from app.training.gate.active_version import CHECK, Comparison, check_against_active, compare_with_active
from app.training.gate.checks import Check, GateReport
from app.training.gate.compatibility import check_trial, check_versions_of_fit, check_versions_of_plan
from app.training.gate.footprint import Trial, try_release
from app.training.gate.judge import choose_default_limits, collect_measurements, judge
from app.training.gate.limits import MEASUREMENTS, Limit
from app.training.gate.metrics import Answers, answer_held_out_rows, choose_scorers, compute_quality
from app.training.gate.stability import Stability, measure_stability
from app.training.publication.proof import frame_to_rows
from app.training.refusals import TrainingRefused

_TRIAL_ROWS = 500


@dataclass(frozen=True, kw_only=True)
class GateDemands:
    """What the gate asks of a candidate, and the seed of its resampling.

    Attributes:
        max_regression: By which share of the evaluation metric it may be worse than the active version.
    """

    limits: tuple[Limit, ...]
    memory_gb: float
    seed: int
    max_regression: float = 0.01


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What held-out rows tell of a predictor.

    Attributes:
        answers: Its own to all held-out rows.
    """

    predictor: TabularPredictor
    held_out: pd.DataFrame
    answers: Answers
    quality: Mapping[str, MetricValue]
    comparison: Comparison
    stability: Stability


@dataclass(frozen=True)
class Verdict:
    """Whether a staged release may be published, and everything that was measured apart from metrics."""

    gate: GateReport
    measurements: Mapping[str, float | None]

    @property
    def figures(self) -> dict[str, float]:
        """The measurements that there are, for the manifest."""
        return {name: value for name, value in self.measurements.items() if value is not None}


def evaluate_predictor(
    predictor: TabularPredictor,
    held_out: pd.DataFrame,
    *,
    demands: GateDemands,
    store: ReleaseStore,
    on_step: Callable[[str], None],
) -> Evaluation:
    """Measure quality, also against the active version of a store, and stability.

    Raises:
        TrainingRefused: when the held-out rows are not like those of training.
    """
    on_step("Measuring quality on held-out rows")
    predictor.persist(models="best", max_memory=None)
    answers = _answer(predictor, held_out)
    limited = [limit.metric for limit in demands.limits if limit.metric not in MEASUREMENTS]
    quality = compute_quality(answers, choose_scorers(predictor, also=limited), seed=demands.seed)
    on_step("Comparing with the active version")
    comparison = compare_with_active(store, predictor, held_out, answers, seed=demands.seed)
    on_step("Measuring stability")
    stability = measure_stability(predictor, held_out)
    return Evaluation(
        predictor=predictor,
        held_out=held_out,
        answers=answers,
        quality=quality,
        comparison=comparison,
        stability=stability,
    )


def judge_staged_release(
    staged: Path,
    schema: FeatureSchema,
    evaluation: Evaluation,
    *,
    demands: GateDemands,
    on_step: Callable[[str], None],
) -> Verdict:
    """Try a staged release in a process of its own, and check all that is known of it against what is demanded."""
    on_step("Trying the release in a process of its own: load, golden rows, memory and speed")
    trial = try_release(staged, frame_to_rows(evaluation.held_out.head(_TRIAL_ROWS), schema))
    measurements = collect_measurements(evaluation.stability, trial.footprint)
    gate = judge(
        demands.limits,
        defaults=choose_default_limits(evaluation.predictor.problem_type, memory_gb=demands.memory_gb),
        quality=evaluation.quality,
        measurements=measurements,
        findings=_list_findings(staged, evaluation, trial, demands),
    )
    return Verdict(gate, {CHECK: evaluation.comparison.regression, **measurements})


def _list_findings(staged: Path, evaluation: Evaluation, trial: Trial, demands: GateDemands) -> tuple[Check, ...]:
    return (
        check_against_active(evaluation.comparison, max_regression=demands.max_regression),
        *check_versions_of_fit(evaluation.predictor),
        check_versions_of_plan(staged),
        *check_trial(trial),
    )


def _answer(predictor: TabularPredictor, held_out: pd.DataFrame) -> Answers:
    try:
        return answer_held_out_rows(predictor, held_out)
    except (ValueError, TypeError, KeyError, OverflowError) as fault:
        reason = str(fault).strip().splitlines()[0].rstrip(".")
        raise TrainingRefused(f"The held-out rows are not like those of training: {reason}.") from fault
