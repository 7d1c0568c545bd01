"""From a fitted predictor to a published release: profile, prove, explain, write, rename into place."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from autogluon.tabular import TabularPredictor

from app.errors import ReleaseUnusable
from app.release.files import write_json
from app.release.golden import write_golden_rows
from app.release.libraries import list_installed_libraries
from app.release.manifest import FeatureImportance, Label, LadderEntry, Manifest, MetricValue
from app.release.plan.columns import PlanRefused
from app.release.plan.export import export_plan
from app.release.plan.packing import pack_plan
from app.release.profile.calibration import write_calibration
from app.release.profile.reference import PROFILE
from app.release.schema import FeatureSchema
from app.release.store import GOLDEN, NATIVE, PLAN, ReleaseStore
from app.release.verification import SCHEMA
from app.runtime.loading import load_native
from app.runtime.native import hold_in_memory
from app.runtime.plan.reading import read_plan
from app.training.calibration import learn_calibration
from app.training.card.card import prepare_card
from app.training.gate.metrics import Answers, answer_held_out_rows
from app.training.profile import profile_features, to_scalar
from app.training.publication.deployment import write_deployment
from app.training.publication.proof import ProofRows, ask_predictor, find_plan_fault, prove_answers
from app.training.publication.reference import build_reference
from app.training.refusals import TrainingRefused

_IMPORTANCE_ROWS = 1000
_IMPORTANCE_SHUFFLES = 3
_IMPORTANCE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A fitted predictor and the data that describes it. `held_out` has the label column and was not trained on.

    Attributes:
        ladder: The candidates that it was chosen from, itself included; none when there was no choice.
    """

    predictor: TabularPredictor
    train_data: pd.DataFrame | None
    held_out: pd.DataFrame
    name: str
    ladder: tuple[LadderEntry, ...] = ()


class StagedRelease:
    """A release that is written and proven but has no number yet: to be tried, then published or left to be removed.

    Attributes:
        directory: Schema, golden rows, plan if there is one, and native model; the reference profile when published.
        plan_refusal: Why there is no plan; None when there is one.
        size_before_mb: What AutoGluon's own clone for deployment takes.
    """

    def __init__(
        self,
        candidate: Candidate,
        *,
        store: ReleaseStore,
        directory: Path,
        schema: FeatureSchema,
        plan_refusal: str | None,
        size_before_mb: float,
        activate: Callable[[str], object],
    ) -> None:
        self._candidate = candidate
        self._store = store
        self._activate = activate
        self.directory = directory
        self.schema = schema
        self.plan_refusal = plan_refusal
        self.size_before_mb = size_before_mb

    def publish(
        self,
        *,
        quality: Mapping[str, MetricValue],
        checks: Mapping[str, float],
        activate: bool,
        on_step: Callable[[str], None],
    ) -> Manifest:
        """Make it the next version, and activate it if asked to."""
        on_step("Measuring the importance of each feature on held-out rows")
        described = _describe(self._candidate, quality, checks, measure_importance(self._candidate))
        on_step("Counting the values of training data and answers, to know drift from them")
        reference = build_reference(
            self._candidate.predictor,
            self.schema,
            train_data=self._candidate.train_data,
            held_out=self._candidate.held_out,
        )
        write_json(self.directory / PROFILE, reference.to_dict())
        on_step("Drawing the model card")
        answers = answer_held_out_rows(self._candidate.predictor, self._candidate.held_out)
        card = prepare_card(described, self.schema, answers)
        _write_calibration(self.directory, answers, described)
        on_step("Publishing the release")
        described = replace(described, plan_refusal=self.plan_refusal, size_before_mb=self.size_before_mb)
        manifest = self._store.publish(self.directory, described, complete=card.write)
        if activate:
            self._activate(manifest.version)
        return manifest


class Publisher:
    """Writes releases into a store.

    Args:
        activate: What makes a published version the active one; by default only the store's pointer is replaced.
    """

    def __init__(self, store: ReleaseStore, *, activate: Callable[[str], object] | None = None) -> None:
        self.store = store
        self._activate = activate or store.activate

    @contextmanager
    def stage(self, candidate: Candidate, *, on_step: Callable[[str], None]) -> Iterator[StagedRelease]:
        """Write a release beside the published ones and prove its answers; removed at the end unless published.

        Raises:
            TrainingRefused: when a column cannot be served, or the release answers otherwise than the predictor.
        """
        on_step("Profiling the features")
        schema = profile_features(candidate.predictor, train_data=candidate.train_data, held_out=candidate.held_out)
        with self.store.staging() as directory:
            on_step("Writing the release and proving its answers")
            size_before_mb = write_deployment(candidate.predictor, directory / NATIVE)
            proof = _write_contents(directory, candidate, schema)
            on_step("Compiling the plan and proving it against the predictor")
            refusal = _write_plan(directory / PLAN, candidate.predictor, schema, proof)
            yield StagedRelease(
                candidate,
                store=self.store,
                directory=directory,
                schema=schema,
                plan_refusal=refusal,
                size_before_mb=size_before_mb,
                activate=self._activate,
            )

    def publish(
        self,
        candidate: Candidate,
        *,
        quality: Mapping[str, MetricValue],
        checks: Mapping[str, float],
        activate: bool,
        on_step: Callable[[str], None],
    ) -> Manifest:
        """Stage a predictor and publish it without any gate.

        Raises:
            TrainingRefused: when a column cannot be served, or the release answers otherwise than the predictor.
        """
        with self.stage(candidate, on_step=on_step) as staged:
            return staged.publish(quality=quality, checks=checks, activate=activate, on_step=on_step)


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


def _write_contents(staged: Path, candidate: Candidate, schema: FeatureSchema) -> ProofRows:
    write_json(staged / SCHEMA, schema.to_dict())
    proof = ask_predictor(candidate.predictor, candidate.held_out, schema)
    prove_answers(load_native(staged, schema), proof)
    write_golden_rows(staged / GOLDEN, proof.select_golden_rows())
    return proof


def _write_plan(directory: Path, predictor: TabularPredictor, schema: FeatureSchema, proof: ProofRows) -> str | None:
    """Write the compiled plan; return why there is none when the predictor has none or it answers otherwise."""
    directory.mkdir()
    try:
        hold_in_memory(predictor)
        export_plan(predictor, schema, directory)
        pack_plan(directory)
        fault = find_plan_fault(read_plan(directory), predictor, schema, proof)
        refusal = fault and f"The plan answers otherwise than AutoGluon, {fault}."
    except (PlanRefused, ReleaseUnusable) as refused:
        refusal = str(refused)
    if refusal:
        shutil.rmtree(directory)
    return refusal


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
        ladder=candidate.ladder,
    )


def _write_calibration(directory: Path, answers: Answers, manifest: Manifest) -> None:
    labels = manifest.class_labels or ()
    positive = labels.index(manifest.positive_class) if manifest.positive_class is not None else 1
    calibration = learn_calibration(answers, positive=positive)
    if calibration is not None:
        write_calibration(directory, calibration)


def _to_label(label: object) -> Label:
    scalar = to_scalar(label)
    if scalar is None:
        raise TrainingRefused("A class of the label is null.")
    return scalar
