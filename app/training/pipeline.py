"""From data to a published release, step by step. What each step does is in its own module."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
from autogluon.tabular import TabularPredictor

from app.training.fit import check_resources, fit_predictor, quiet_autogluon, temporary_directory
from app.training.gate.evaluation import GateDemands, evaluate_predictor, judge_staged_release
from app.training.gate.limits import resolve_limits
from app.training.loading import load_predictor
from app.training.profile import find_text_columns
from app.training.progress import TrainingDisplay
from app.training.publication.publisher import Candidate, Publisher
from app.training.report import TrainingReport, build_report
from app.training.settings import TrainingSettings
from app.training.split import check_numeric_label, load_held_out, load_training_data, refuse_unseen_classes


def make_demands(settings: TrainingSettings) -> GateDemands:
    return GateDemands(
        limits=settings.limits,
        memory_gb=settings.memory_gb,
        seed=settings.seed,
        max_regression=settings.max_regression,
    )


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
        demands = make_demands(settings)
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
            demands=replace(demands, limits=limits),
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
    evaluation = evaluate_predictor(
        predictor, held_out, demands=demands, store=publisher.store, on_step=display.show_step
    )
    manifest = None
    with publisher.stage(candidate, on_step=display.show_step) as staged:
        verdict = judge_staged_release(
            staged.directory, staged.schema, evaluation, demands=demands, on_step=display.show_step
        )
        if verdict.gate.passed:
            manifest = staged.publish(
                quality=evaluation.quality, checks=verdict.figures, activate=activate, on_step=display.show_step
            )
    display.show_step("Writing the report")
    return build_report(
        predictor,
        name=candidate.name,
        rows_train=None if candidate.train_data is None else len(candidate.train_data),
        held_out=held_out,
        quality=evaluation.quality,
        gate=verdict.gate,
        measurements=verdict.measurements,
        notes=notes,
        manifest=manifest,
        activated=activate,
    )


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
