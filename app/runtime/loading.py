"""From a release on disk to one that can predict, or one sentence saying why not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from app.errors import InvalidRows, ReleaseUnusable
from app.release.archive import ArchiveRefused, unpack_privately
from app.release.golden import GoldenRows, read_golden_rows
from app.release.libraries import find_version_fault, list_installed_libraries
from app.release.manifest import Manifest
from app.release.schema import FeatureSchema
from app.release.signing import Trust
from app.release.store import GOLDEN, NATIVE, PLAN, UNPACKED
from app.release.verification import read_manifest, read_schema, verify_files
from app.runtime.batching import BatchingExecutor
from app.runtime.columns.validator import ColumnValidator
from app.runtime.cost_curve import CostCurve, measure_cost
from app.runtime.predictions import Executor
from app.runtime.rows import RowRules, RowValidator, TypedRow, reject_nothing_more

logger = logging.getLogger(__name__)

Execution = Literal["plan", "native"]
DEFAULT_RULES = RowRules()


@dataclass(frozen=True)
class GoldenReplay:
    """Golden rows that gave the answers of publication when the release was loaded, as the model sees them."""

    rows: Sequence[TypedRow]
    expected: GoldenRows

    def find_fault(self, executor: Executor, position: int) -> str | None:
        """Predict one of the rows again; say what is wrong with its answer, without any value. Never raises."""
        try:
            answer = executor.predict(self.rows[position : position + 1])
            expected = self.expected.take_one(position)
            return expected.find_difference(answer.labels, answer.probabilities, first=position)
        except Exception as fault:
            return f"golden row {position} could not be predicted ({type(fault).__name__})"


@dataclass(frozen=True, eq=False)
class LoadedRelease:
    """A release in memory whose golden rows gave the answers of publication.

    Attributes:
        execution: Whether the compiled plan answers or AutoGluon itself.
        plan_fault: Why AutoGluon answers although there is a plan; None when the plan does or there is none.
        rules: How callers' rows are checked.
        golden: What to ask it now and then, to see that it still answers as it should.
        rejected: Tells of which features no unseen value is accepted now, whatever the rules say.
        cached: The executor behind what remembers its answers; None where nothing does.
    """

    manifest: Manifest
    schema: FeatureSchema
    executor: Executor
    execution: Execution
    rules: RowRules = DEFAULT_RULES
    plan_fault: str | None = None
    golden: GoldenReplay | None = None
    rejected: Callable[[], frozenset[str]] = reject_nothing_more
    cached: Executor | None = None

    @property
    def answering(self) -> Executor:
        """What answers callers. Who wants to know how the model is doing asks `executor`."""
        return self.cached or self.executor

    @cached_property
    def validator(self) -> RowValidator:
        """Checks rows for exactly this release: rows checked for one version must not reach another."""
        return RowValidator(self.schema, self.rules, rejected=self.rejected)

    @cached_property
    def column_validator(self) -> ColumnValidator:
        """Checks many rows at once that the validator would accept."""
        return ColumnValidator(self.schema, self.rules, self.validator, rejected=self.rejected)

    @cached_property
    def cost(self) -> CostCurve:
        """What a pass costs here: kept up to date where passes are joined, else measured when it is first asked for."""
        if isinstance(self.executor, BatchingExecutor):
            return self.executor.cost
        rows = self.golden.rows if self.golden else self.validator.check([self.schema.sample_row()]).rows
        return measure_cost(self.executor, rows)


class GoldenRowsDiffer(ReleaseUnusable):
    """A release does not give the answers of its publication."""


def load_release(
    directory: Path, *, trust: Trust, prefer: Execution = "plan", rules: RowRules = DEFAULT_RULES
) -> LoadedRelease:
    """Verify a release, signature first, then file by file, load it, and replay its golden rows.

    A release with a plan is executed by it. Fallback: where the plan cannot be executed here (it needs another version
    of a library), AutoGluon itself answers, slower; a warning says why. A plan that answers otherwise than at
    publication is no such case: which part of the release is wrong is not known then, so nothing more of it is opened.

    Raises:
        ReleaseUnusable: with one sentence for the operator, whatever is wrong.
    """
    manifest = read_manifest(directory, trust)
    refusal: ReleaseUnusable | None = None
    if prefer == "plan" and (directory / PLAN).is_dir():
        verify_files(directory, manifest, unopened=NATIVE)
        try:
            return _load_plan(directory, manifest, rules)
        except GoldenRowsDiffer:
            raise
        except ReleaseUnusable as refused:
            refusal = refused
            logger.warning("%s AutoGluon answers in place of the plan, slower.", refused)
    fault = find_version_fault(manifest.libraries, list_installed_libraries())
    if fault:
        raise _describe_missing_way(f"Version {directory.name} cannot be served here: {fault}.", refusal)
    verify_files(directory, manifest)
    schema = read_schema(directory)
    executor = load_native(directory, schema)
    golden = read_golden_rows(directory / GOLDEN)
    replay = replay_golden_rows(executor, schema, golden, name=directory.name)
    batching = BatchingExecutor(executor, measure_cost(executor, replay.rows))
    return LoadedRelease(manifest, schema, batching, "native", rules, str(refusal) if refusal else None, replay)


def _load_plan(directory: Path, manifest: Manifest, rules: RowRules) -> LoadedRelease:
    # Its libraries are loaded by what reads it: only a process that serves a plan pays for them.
    from app.runtime.plan.reading import read_plan

    schema = read_schema(directory)
    try:
        executor = read_plan(directory / PLAN, shared=directory.parent / UNPACKED / directory.name)
    except ReleaseUnusable as fault:
        raise ReleaseUnusable(
            f"Version {directory.name}: its plan cannot be used ({fault.sentence}).", cause=fault.cause
        ) from fault
    except ArchiveRefused as fault:
        raise ReleaseUnusable(f"Version {directory.name}: its plan cannot be used ({fault}).") from fault
    except Exception as fault:
        raise _describe_failure(f"Version {directory.name}: its plan cannot be used", fault) from fault
    replay = replay_golden_rows(executor, schema, read_golden_rows(directory / GOLDEN), name=directory.name)
    return LoadedRelease(manifest, schema, executor, "plan", rules, golden=replay)


def load_native(directory: Path, schema: FeatureSchema) -> Executor:
    """Load the predictor of a release: unpacked to a private temporary directory, held in memory, removed again.

    Raises:
        ReleaseUnusable: for anything that loading raises.
    """
    # AutoGluon takes two seconds and 200 MB to import: only a process that opens a predictor pays for it.
    from app.runtime.native import load_native_executor

    try:
        with unpack_privately(directory / NATIVE) as predictor:
            return load_native_executor(predictor, schema)
    except ReleaseUnusable:
        raise
    except ArchiveRefused as fault:
        cause = str(fault.__cause__) if fault.__cause__ else None
        raise ReleaseUnusable(f"Version {directory.name}: {fault}.", cause=cause) from fault
    except Exception as fault:
        raise _describe_failure(f"Version {directory.name}: AutoGluon could not load the model", fault) from fault


def replay_golden_rows(executor: Executor, schema: FeatureSchema, golden: GoldenRows, *, name: str) -> GoldenReplay:
    """Predict the golden rows alone and all at once and compare with the answers of publication.

    Raises:
        GoldenRowsDiffer: at the first difference.
        ReleaseUnusable: when they cannot be predicted.
    """
    try:
        rows = RowValidator(schema).check(golden.rows).rows
        together = executor.predict(rows)
        first = executor.predict(rows[:1])
    except InvalidRows as refused:
        raise ReleaseUnusable(f"Version {name}: its golden rows do not fit its schema.") from refused
    except Exception as fault:
        # Without its text, for the log as well: it may quote a row, and these are rows of real people.
        reason = f"Version {name}: its golden rows could not be predicted ({type(fault).__name__})."
        raise ReleaseUnusable(reason) from fault
    difference = golden.find_difference(together.labels, together.probabilities) or golden.take_one(0).find_difference(
        first.labels, first.probabilities
    )
    if difference:
        raise GoldenRowsDiffer(f"Version {name}: {difference}.")
    return GoldenReplay(rows, golden)


def _describe_failure(sentence: str, fault: Exception) -> ReleaseUnusable:
    """Name the kind of an exception that is not ours; its text is no affair of callers."""
    return ReleaseUnusable(f"{sentence} ({type(fault).__name__}).", cause=str(fault) or None)


def _describe_missing_way(sentence: str, plan_refusal: ReleaseUnusable | None) -> ReleaseUnusable:
    if plan_refusal is None:
        return ReleaseUnusable(sentence)
    return ReleaseUnusable(f"{sentence} {plan_refusal.sentence}", cause=plan_refusal.cause)
