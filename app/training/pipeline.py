"""From data to a published release, step by step. What each step does is in its own module."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
from autogluon.tabular import TabularPredictor

from app.release.manifest import LadderEntry, Manifest, MetricValue
from app.training.fit import check_resources, fit_predictor, quiet_autogluon, temporary_directory
from app.training.gate.checks import Check, GateReport
from app.training.gate.evaluation import GateDemands, evaluate_predictor, judge_staged_release
from app.training.gate.limits import resolve_limits
from app.training.ladder.choice import is_made_of, join_limits
from app.training.ladder.climbing import NO_LADDER, LadderDemands, allow_seconds, climb_ladder
from app.training.ladder.kept import NOTHING_KEPT, Trainings
from app.training.loading import load_predictor
from app.training.profile import find_text_columns
from app.training.progress import TrainingDisplay
from app.training.publication.publisher import Candidate, Publisher
from app.training.report import TrainingReport, build_report
from app.training.settings import TrainingSettings
from app.training.split import check_numeric_label, load_held_out, load_training_data, refuse_unseen_classes

LADDER_CHECK = "ladder"


def make_demands(settings: TrainingSettings) -> GateDemands:
    return GateDemands(
        limits=settings.limits,
        memory_gb=settings.memory_gb,
        seed=settings.seed,
        max_regression=settings.max_regression,
    )


def make_ladder_demands(settings: TrainingSettings, *, most_seconds: float | None = None) -> LadderDemands:
    return LadderDemands(parts=settings.ladder, limits=settings.ladder_limits, most_seconds=most_seconds)


def train_and_publish(
    data: Path,
    *,
    label: str,
    test_data: Path | None,
    name: str,
    settings: TrainingSettings,
    activate: bool,
    publisher: Publisher,
    display: TrainingDisplay,
    trainings: Trainings = NOTHING_KEPT,
) -> TrainingReport:
    """Train on a file and publish what passes the gate. The report says what was published, if anything.

    The training itself is kept in `trainings` under the version that was published of it.

    Raises:
        InvalidTrainingSettings: when the settings do not fit this machine or this data.
        TrainingRefused: when the data or the models do not allow a release.
    """
    check_resources(settings)
    with quiet_autogluon(), display, temporary_directory() as workspace:
        display.show_step(f"Reading {data.name}")
        rows = load_training_data(data, label=label, test_data=test_data, settings=settings)
        settings = settings.with_problem_type(rows.problem_type)
        for note in (*settings.notes, *rows.notes):
            display.show_note(note)
        started = time.monotonic()
        predictor = fit_predictor(rows, settings=settings, directory=workspace / "predictor", display=display)
        ladder = make_ladder_demands(settings, most_seconds=allow_seconds(time.monotonic() - started))
        candidate = Candidate(predictor=predictor, train_data=rows.train, held_out=rows.held_out, name=name)
        way = _Way(make_demands(settings), ladder, workspace, activate, publisher, display)
        report = _choose_and_publish(candidate, way=way, notes=(*settings.notes, *rows.notes))
        _keep_training(trainings, report.version, candidate, way=way)
        return report


def evaluate_and_publish(
    predictor_directory: Path,
    *,
    held_out_data: Path,
    train_data: Path | None,
    name: str,
    demands: GateDemands,
    activate: bool,
    publisher: Publisher,
    display: TrainingDisplay,
    ladder: LadderDemands = NO_LADDER,
) -> TrainingReport:
    """Measure a predictor that was trained elsewhere and publish it, or what was chosen of it, when it passes the gate.

    Raises:
        InvalidTrainingSettings: when a limit is not for its problem type.
        TrainingRefused: when the predictor cannot be opened or the data does not fit it.
    """
    with quiet_autogluon(), display, temporary_directory() as workspace:
        display.show_step(f"Loading {predictor_directory.name}")
        predictor = load_predictor(predictor_directory)
        limits = resolve_limits(demands.limits, predictor.problem_type)
        features = [str(feature) for feature in predictor.features()]
        text_columns = find_text_columns(predictor)
        held_out, notes = load_held_out(
            held_out_data, label=predictor.label, features=features, text_columns=text_columns
        )
        _check_held_out_label(predictor, held_out, held_out_data)
        train, train_notes = _load_train_data(train_data, predictor.label, features, text_columns)
        for note in (*notes, *train_notes):
            display.show_note(note)
        way = _Way(replace(demands, limits=limits), ladder, workspace, activate, publisher, display)
        candidate = Candidate(predictor=predictor, train_data=train, held_out=held_out, name=name)
        return _choose_and_publish(candidate, way=way, notes=(*notes, *train_notes))


def optimise_and_publish(
    version: str,
    *,
    ladder: LadderDemands,
    max_regression: float | None = None,
    activate: bool,
    publisher: Publisher,
    display: TrainingDisplay,
    trainings: Trainings,
) -> TrainingReport:
    """Choose anew among the candidates of a kept training, and publish the chosen one unless `version` is that already.

    Args:
        max_regression: In place of what the training demanded.

    Raises:
        ReleaseUnusable: when there is no such version.
        TrainingRefused: when its training is not kept, or does not allow a release.
    """
    published = publisher.store.manifest(version)
    with quiet_autogluon(), display, temporary_directory() as workspace:
        display.show_step(f"Loading the training of version {version}")
        kept = trainings.open(version)
        demands = kept.demands if max_regression is None else replace(kept.demands, max_regression=max_regression)
        way = _Way(demands, ladder, workspace, activate, publisher, display)
        report = _choose_and_publish(kept.candidate, way=way, notes=(), published=published)
        _keep_training(trainings, report.version, kept.candidate, way=way)
        return report


@dataclass(frozen=True)
class _Way:
    """What does not change on the way from a candidate to a report."""

    demands: GateDemands
    ladder: LadderDemands
    workspace: Path
    activate: bool
    publisher: Publisher
    display: TrainingDisplay


def _choose_and_publish(
    candidate: Candidate, *, way: _Way, notes: tuple[str, ...], published: Manifest | None = None
) -> TrainingReport:
    climb = climb_ladder(
        candidate, demands=way.ladder, seed=way.demands.seed, workspace=way.workspace, display=way.display
    )
    entries = climb.choice.entries
    if climb.choice.chosen is None:
        refusal = GateReport((Check(name=LADDER_CHECK, passed=False, note=climb.choice.refusal),))
        return _report(candidate, Outcome(gate=refusal), way=way, notes=notes, ladder=entries)
    if published and is_made_of(published.ladder, entries):
        outcome = Outcome(gate=GateReport(()), unchanged_version=published.version)
        return _report(candidate, outcome, way=way, notes=notes, ladder=entries)
    outcome = _judge_and_publish(climb.candidate, way=way)
    return _report(candidate, outcome, way=way, notes=notes, ladder=entries)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a candidate."""

    gate: GateReport
    best_model: str = ""
    quality: Mapping[str, MetricValue] = field(default_factory=dict)
    measurements: Mapping[str, float | None] = field(default_factory=dict)
    manifest: Manifest | None = None
    unchanged_version: str | None = None


def _judge_and_publish(candidate: Candidate, *, way: _Way) -> Outcome:
    predictor, show = candidate.predictor, way.display.show_step
    demands = replace(way.demands, limits=join_limits(way.demands.limits, way.ladder.limits))
    evaluation = evaluate_predictor(
        predictor, candidate.held_out, demands=demands, store=way.publisher.store, on_step=show
    )
    manifest = None
    with way.publisher.stage(candidate, on_step=show) as staged:
        verdict = judge_staged_release(staged.directory, staged.schema, evaluation, demands=demands, on_step=show)
        if verdict.gate.passed:
            manifest = staged.publish(
                quality=evaluation.quality, checks=verdict.figures, activate=way.activate, on_step=show
            )
    return Outcome(
        gate=verdict.gate,
        best_model=str(predictor.model_best),
        quality=evaluation.quality,
        measurements=verdict.measurements,
        manifest=manifest,
    )


def _report(
    candidate: Candidate, outcome: Outcome, *, way: _Way, notes: tuple[str, ...], ladder: tuple[LadderEntry, ...]
) -> TrainingReport:
    way.display.show_step("Writing the report")
    return build_report(
        candidate.predictor,
        name=candidate.name,
        rows_train=None if candidate.train_data is None else len(candidate.train_data),
        held_out=candidate.held_out,
        quality=outcome.quality,
        gate=outcome.gate,
        measurements=outcome.measurements,
        notes=notes,
        manifest=outcome.manifest,
        activated=way.activate,
        best_model=outcome.best_model or str(candidate.predictor.model_best),
        ladder=ladder,
        unchanged_version=outcome.unchanged_version,
    )


def _keep_training(trainings: Trainings, version: str | None, candidate: Candidate, *, way: _Way) -> None:
    """Fallback: a training that cannot be written costs only the optimising of its version; a note says so."""
    if version is None:
        return
    try:
        trainings.keep(version, candidate, way.demands)
    except OSError as fault:
        way.display.show_note(f"The training of version {version} is not kept ({fault.strerror or fault}).")


def _check_held_out_label(predictor: TabularPredictor, held_out: pd.DataFrame, path: Path) -> None:
    labels = held_out[predictor.label]
    if predictor.class_labels is None:
        check_numeric_label(labels, predictor.problem_type, path)
    else:
        refuse_unseen_classes(predictor.class_labels, labels, predictor.problem_type)


def _load_train_data(
    path: Path | None, label: str, features: list[str], text_columns: list[str]
) -> tuple[pd.DataFrame | None, tuple[str, ...]]:
    if path is None:
        return None, (
            "No training data given: types and ranges of the schema come from the predictor and the hold-out.",
        )
    return load_held_out(path, label=label, features=features, text_columns=text_columns)
