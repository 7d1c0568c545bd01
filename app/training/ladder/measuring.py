"""Measures rungs: quality against the full ensemble on the same held-out rows, and what each costs as it is served."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd
from autogluon.tabular import TabularPredictor

from app.errors import ReleaseUnusable
from app.release.files import write_json
from app.release.manifest import LadderEntry
from app.release.plan.columns import PlanRefused
from app.release.plan.export import ExportedModels, export_plan
from app.release.schema import FeatureSchema, Scalar
from app.release.store import NATIVE, PLAN
from app.release.verification import SCHEMA
from app.runtime.native import hold_in_memory
from app.training.gate.footprint import measure_footprint
from app.training.gate.footprint_probe import choose_valid_rows, measure_latencies, open_executor
from app.training.gate.metrics import Answers, answer_held_out_rows
from app.training.gate.quality_loss import compute_quality_loss
from app.training.ladder.members import choose_model
from app.training.ladder.rungs import Rung
from app.training.ladder.weighing import ReleaseScale
from app.training.publication.deployment import write_deployment
from app.training.refusals import TrainingRefused

_ROUGH_SECONDS = 0.1


class RungMeter:
    """Measures the rungs of one ladder; models that several of them share are exported once.

    Attributes:
        exported: The models of all plans so far.
    """

    def __init__(
        self,
        *,
        held_out: pd.DataFrame,
        schema: FeatureSchema,
        rows: Sequence[Mapping[str, Scalar | None]],
        workspace: Path,
        seed: int,
        most_seconds: float,
    ) -> None:
        self._held_out = held_out
        self._schema = schema
        self._rows = rows
        self._workspace = workspace
        self._seed = seed
        self._most_seconds = most_seconds
        self._reference: Answers | None = None
        self._scale = ReleaseScale(workspace / "weighed")
        self.exported = ExportedModels(workspace / "exported")

    def measure(self, rung: Rung) -> LadderEntry:
        """Measure one rung; the first one is what the others are compared with.

        Raises:
            TrainingRefused: when it cannot be loaded or does not answer.
        """
        choose_model(rung.predictor, rung.model)
        entry = LadderEntry(name=rung.name, kind=rung.kind, description=rung.description, reason="")
        return self._measure_cost(rung, self._measure_quality(rung, entry))

    def measure_cost_ms(self, predictor: TabularPredictor, model: str) -> float:
        """Milliseconds of one row by one model, roughly: the median of some calls in this process."""
        choose_model(predictor, model)
        typed = choose_valid_rows(self._schema, self._rows)
        with self._stage(predictor) as staged:
            executor, _ = open_executor(staged, self._schema, typed)
            return 1000 * statistics.median(measure_latencies(executor, typed, most_seconds=_ROUGH_SECONDS))

    def _measure_quality(self, rung: Rung, entry: LadderEntry) -> LadderEntry:
        answers = answer_held_out_rows(rung.predictor, self._held_out)
        if self._reference is None:
            self._reference = answers
        loss = compute_quality_loss(answers, self._reference, rung.predictor.eval_metric, seed=self._seed)
        if loss is None:
            raise TrainingRefused(f"{rung.predictor.eval_metric.name} is not defined on the held-out rows.")
        return replace(entry, quality=loss.value, loss=loss.loss + 0.0, loss_low=loss.low, loss_high=loss.high)

    def _measure_cost(self, rung: Rung, entry: LadderEntry) -> LadderEntry:
        with self._stage(rung.predictor) as staged:
            footprint = measure_footprint(staged, self._rows, most_seconds=self._most_seconds)
            size_mb = self._scale.weigh_mb(rung, staged)
        return replace(
            entry,
            latency_ms=footprint.latency_ms,
            latency_p99_ms=footprint.latency_p99_ms,
            rows_per_second=footprint.rows_per_second,
            size_mb=size_mb,
            memory_mb=footprint.memory_mb,
            execution=footprint.execution,
        )

    @contextmanager
    def _stage(self, predictor: TabularPredictor) -> Iterator[Path]:
        """Schema and plan, which the chosen rung is proven by when it is published; without a plan, the predictor."""
        staged = self._workspace / "staged"
        (staged / PLAN).mkdir(parents=True)
        try:
            write_json(staged / SCHEMA, self._schema.to_dict())
            try:
                hold_in_memory(predictor)
                export_plan(predictor, self._schema, staged / PLAN, exported=self.exported)
            except (PlanRefused, ReleaseUnusable):
                shutil.rmtree(staged / PLAN)
                write_deployment(predictor, staged / NATIVE)
            yield staged
        finally:
            shutil.rmtree(staged)
