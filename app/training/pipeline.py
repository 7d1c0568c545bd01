"""From data to a published release, step by step. What each step does is in its own module."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from autogluon.tabular import TabularPredictor

from app.release.manifest import MetricValue
from app.training.fit import check_resources, fit_predictor, quiet_autogluon, temporary_directory
from app.training.gate.footprint import measure_footprint
from app.training.gate.judge import choose_default_limits, collect_measurements, judge
from app.training.gate.limits import MEASUREMENTS, Limit, resolve_limits
from app.training.gate.metrics import answer_held_out_rows, choose_scorers, compute_quality
from app.training.gate.stability import measure_stability
from app.training.loading import load_predictor
from app.training.profile import find_text_columns
from app.training.progress import TrainingDisplay
from app.training.publication.proof import frame_to_rows
from app.training.publication.publisher import Candidate, Publisher
from app.training.refusals import TrainingRefused
from app.training.report import TrainingReport, build_report
from app.training.settings import TrainingSettings
from app.training.split import check_numeric_label, load_held_out, load_training_data, refuse_unseen_classes

_FOOTPRINT_ROWS = 500


@dataclass(frozen=True, kw_only=True)
class GateDemands:
    """What the gate asks of a candidate, and the seed of its resampling."""

    limits: tuple[Limit, ...]
    memory_gb: float
    seed: int


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
) -> TrainingReport:
    """Train on a file and publish what passes the gate. The report says what was published, if anything.

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
        predictor = fit_predictor(rows, settings=settings, directory=workspace / "predictor", display=display)
        candidate = Candidate(predictor=predictor, train_data=rows.train, held_out=rows.held_out, name=name)
        demands = GateDemands(limits=settings.limits, memory_gb=settings.memory_gb, seed=settings.seed)
        return _judge_and_publish(
            candidate,
            demands=demands,
            notes=(*settings.notes, *rows.notes),
            activate=activate,
            publisher=publisher,
            display=display,
        )


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
) -> TrainingReport:
    """Measure a predictor that was trained elsewhere and publish it when it passes the gate.

    Raises:
        InvalidTrainingSettings: when a limit is not for its problem type.
        TrainingRefused: when the predictor cannot be opened or the data does not fit it.
    """
    with quiet_autogluon(), display:
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
        return _judge_and_publish(
            Candidate(predictor=predictor, train_data=train, held_out=held_out, name=name),
            demands=GateDemands(limits=limits, memory_gb=demands.memory_gb, seed=demands.seed),
            notes=(*notes, *train_notes),
            activate=activate,
            publisher=publisher,
            display=display,
        )


def _judge_and_publish(
    candidate: Candidate,
    *,
    demands: GateDemands,
    notes: tuple[str, ...],
    activate: bool,
    publisher: Publisher,
    display: TrainingDisplay,
) -> TrainingReport:
    predictor, held_out = candidate.predictor, candidate.held_out
    display.show_step("Measuring quality on held-out rows")
    predictor.persist(models="best", max_memory=None)
    quality = measure_quality(predictor, held_out, demands=demands)
    display.show_step("Measuring stability")
    stability = measure_stability(predictor, held_out)
    defaults = choose_default_limits(predictor.problem_type, memory_gb=demands.memory_gb)
    with publisher.stage(candidate, on_step=display.show_step) as staged:
        display.show_step("Measuring size, memory and speed in a process of its own")
        footprint = measure_footprint(staged.directory, frame_to_rows(held_out.head(_FOOTPRINT_ROWS), staged.schema))
        measurements = collect_measurements(stability, footprint)
        gate = judge(demands.limits, defaults=defaults, quality=quality, measurements=measurements)
        checks = {name: value for name, value in measurements.items() if value is not None}
        manifest = (
            staged.publish(quality=quality, checks=checks, activate=activate, on_step=display.show_step)
            if gate.passed
            else None
        )
    display.show_step("Writing the report")
    return build_report(
        predictor,
        name=candidate.name,
        rows_train=None if candidate.train_data is None else len(candidate.train_data),
        held_out=held_out,
        quality=quality,
        gate=gate,
        measurements=measurements,
        notes=notes,
        manifest=manifest,
        activated=activate,
    )


def measure_quality(
    predictor: TabularPredictor, held_out: pd.DataFrame, *, demands: GateDemands
) -> dict[str, MetricValue]:
    """The metrics of the report and those that a limit names."""
    named = [limit.metric for limit in demands.limits if limit.metric not in MEASUREMENTS]
    scorers = choose_scorers(predictor, also=named)
    try:
        answers = answer_held_out_rows(predictor, held_out)
    except (ValueError, TypeError, KeyError, OverflowError) as fault:
        reason = str(fault).strip().splitlines()[0].rstrip(".")
        raise TrainingRefused(f"The held-out rows are not like those of training: {reason}.") from fault
    return compute_quality(answers, scorers, seed=demands.seed)


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
