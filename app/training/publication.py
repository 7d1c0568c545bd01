"""From a fitted predictor to a published release: profile, prove, explain, write, rename into place."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from autogluon.tabular import TabularPredictor

from app.errors import InvalidRows
from app.release.files import write_json
from app.release.golden import GoldenRows, write_golden_rows
from app.release.libraries import list_installed_libraries
from app.release.manifest import FeatureImportance, Label, Manifest, MetricValue
from app.release.schema import FeatureSchema, Scalar
from app.release.store import GOLDEN, NATIVE, SCHEMA, ReleaseStore
from app.runtime.loading import load_executor
from app.runtime.native import predict_frame
from app.runtime.predictions import Executor
from app.runtime.rows import RowValidator, TypedRow
from app.training.profile import profile_features, to_scalar
from app.training.refusals import TrainingRefused

_PROOF_ROWS = 500
_GOLDEN_ROWS = 16
_IMPORTANCE_ROWS = 1000
_IMPORTANCE_SHUFFLES = 3
_IMPORTANCE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A fitted predictor and the data that describes it. `held_out` has the label column and was not trained on."""

    predictor: TabularPredictor
    train_data: pd.DataFrame | None
    held_out: pd.DataFrame
    name: str


class Publisher:
    """Writes releases into a store."""

    def __init__(self, store: ReleaseStore) -> None:
        self._store = store

    def publish(
        self,
        candidate: Candidate,
        *,
        quality: Mapping[str, MetricValue],
        checks: Mapping[str, float],
        activate: bool,
        on_step: Callable[[str], None],
    ) -> Manifest:
        """Publish a predictor as the next version, and activate it if asked to.

        Raises:
            TrainingRefused: when a column cannot be served, or the release answers otherwise than the predictor.
        """
        on_step("Profiling the features")
        schema = profile_features(candidate.predictor, train_data=candidate.train_data, held_out=candidate.held_out)
        on_step("Measuring the importance of each feature on held-out rows")
        importance = measure_importance(candidate)
        with self._store.staging() as staged:
            on_step("Writing the release and proving its answers")
            _write_contents(staged, candidate, schema)
            manifest = self._store.publish(staged, _describe(candidate, quality, checks, importance))
        if activate:
            self._store.activate(manifest.version)
        return manifest


def measure_importance(candidate: Candidate) -> dict[str, FeatureImportance]:
    """Permutation importance of each feature on held-out rows, in units of the evaluation metric, highest first.

    Source: Breiman, Random Forests, Machine Learning 45 (2001), section 10; computed by AutoGluon.
    """
    predictor = candidate.predictor
    predictor.persist(models="best", max_memory=None)
    table = predictor.feature_importance(
        _unzone_columns(candidate.held_out),
        subsample_size=_IMPORTANCE_ROWS,
        num_shuffle_sets=_IMPORTANCE_SHUFFLES,
        time_limit=_IMPORTANCE_SECONDS,
        include_confidence_band=False,
        silent=True,
    )
    spread = table["stddev"].fillna(0.0)
    return {
        str(name): FeatureImportance(importance=float(table["importance"][name]), stddev=float(spread[name]))
        for name in table.index
    }


def _unzone_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep timestamps with a time zone as objects: shuffling them inside AutoGluon would drop the zone."""
    zoned = {name: object for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.DatetimeTZDtype)}
    return frame.astype(zoned)


def _write_contents(staged: Path, candidate: Candidate, schema: FeatureSchema) -> None:
    _clone_quietly(candidate.predictor, staged / NATIVE)
    write_json(staged / SCHEMA, schema.to_dict())
    executor = load_executor(staged, schema)
    write_golden_rows(staged / GOLDEN, prove_answers(candidate, schema, executor))


def _clone_quietly(predictor: TabularPredictor, directory: Path) -> None:
    # AutoGluon warns about what a clone cannot do any more; that is what is wanted here.
    logger = logging.getLogger("autogluon")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        predictor.clone_for_deployment(str(directory))
    finally:
        logger.setLevel(level)


def prove_answers(candidate: Candidate, schema: FeatureSchema, executor: Executor) -> GoldenRows:
    """Compare what the release answers to held-out rows sent as JSON with what the predictor answers to the same frame.

    Returns the first rows with the predictor's own answers, to be replayed at every load.

    Raises:
        TrainingRefused: at the first difference, or when no held-out row fits the schema.
    """
    frame = candidate.held_out.head(_PROOF_ROWS)
    rows = frame_to_rows(frame, schema)
    checked = _check_each(rows, schema)
    if not checked:
        raise TrainingRefused("No held-out row fits the feature schema: hold out rows like those of training.")
    positions = list(checked)
    expected = predict_frame(candidate.predictor, frame.iloc[positions])
    golden = GoldenRows(
        rows=[rows[position] for position in positions],
        labels=expected.labels,
        probabilities=expected.probabilities,
    )
    answered = executor.predict(list(checked.values()))
    difference = golden.find_difference(answered.labels, answered.probabilities)
    if difference:
        raise TrainingRefused(f"The release does not answer as the predictor does: {difference}.")
    return GoldenRows(
        rows=golden.rows[:_GOLDEN_ROWS],
        labels=golden.labels[:_GOLDEN_ROWS],
        probabilities=golden.probabilities and golden.probabilities[:_GOLDEN_ROWS],
    )


def frame_to_rows(frame: pd.DataFrame, schema: FeatureSchema) -> list[dict[str, Scalar | None]]:
    """The rows of a DataFrame as a caller would send them in JSON."""
    columns = {feature.name: [to_scalar(value) for value in frame[feature.name]] for feature in schema.features}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _check_each(rows: list[dict[str, Scalar | None]], schema: FeatureSchema) -> dict[int, TypedRow]:
    """Typed rows by position; rows that a caller would be refused are left out."""
    validator = RowValidator(schema)
    checked = {}
    for position, row in enumerate(rows):
        try:
            checked[position] = validator.check([row]).rows[0]
        except InvalidRows:
            continue
    return checked


def _describe(
    candidate: Candidate,
    quality: Mapping[str, MetricValue],
    checks: Mapping[str, float],
    importance: Mapping[str, FeatureImportance],
) -> Manifest:
    """The manifest but for version, time and files, which the store fills in."""
    predictor = candidate.predictor
    is_binary = predictor.problem_type == "binary"
    labels = predictor.class_labels
    return Manifest(
        name=candidate.name,
        version="0",
        created="",
        label=predictor.label,
        problem_type=predictor.problem_type,
        eval_metric=predictor.eval_metric.name,
        best_model=predictor.model_best,
        class_labels=None if labels is None else tuple(_to_label(label) for label in labels),
        positive_class=_to_label(predictor.positive_class) if is_binary else None,
        decision_threshold=float(predictor.decision_threshold) if is_binary else None,
        quantile_levels=tuple(map(float, predictor.quantile_levels)) if predictor.problem_type == "quantile" else None,
        rows_train=None if candidate.train_data is None else len(candidate.train_data),
        rows_held_out=len(candidate.held_out),
        quality=quality,
        feature_importance=importance,
        checks=checks,
        libraries=list_installed_libraries(),
    )


def _to_label(label: object) -> Label:
    scalar = to_scalar(label)
    if scalar is None:
        raise TrainingRefused("A class of the label is null.")
    return scalar
