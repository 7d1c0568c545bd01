"""The gate from end to end: a fitted predictor, a staged release, and a verdict on both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.release.golden import GoldenRows, read_golden_rows, write_golden_rows
from app.release.store import GOLDEN, ReleaseStore
from app.training.gate.evaluation import GateDemands, Verdict, evaluate_predictor, judge_staged_release
from app.training.gate.limits import Limit
from app.training.publication.publisher import Candidate, Publisher
from tests.fixtures import FittedModel

Fitted = Callable[[str], FittedModel]
NEVER = Limit("rows_per_second", "min", 1e12)


def judge(
    model: FittedModel, store: ReleaseStore, *limits: Limit, tamper: Callable[[Path], object] = lambda _: None
) -> Verdict:
    """The verdict on a model that is staged in a store and then tampered with."""
    demands = GateDemands(limits=limits, memory_gb=8, seed=0)
    evaluation = evaluate_predictor(
        model.predictor, model.held_out, demands=demands, store=store, on_step=lambda _: None
    )
    candidate = Candidate(predictor=model.predictor, train_data=model.train_data, held_out=model.held_out, name="shop")
    with Publisher(store).stage(candidate, on_step=lambda _: None) as staged:
        tamper(staged.directory)
        return judge_staged_release(
            staged.directory, staged.schema, evaluation, demands=demands, on_step=lambda _: None
        )


def flip_golden_labels(staged: Path) -> None:
    golden = read_golden_rows(staged / GOLDEN)
    labels = ["yes" if label == "no" else "no" for label in golden.labels]
    write_golden_rows(staged / GOLDEN, GoldenRows(rows=golden.rows, labels=labels, probabilities=golden.probabilities))


def test_every_check_of_the_gate_is_named_and_measured(plannable: Fitted, plan_store: ReleaseStore) -> None:
    verdict = judge(plannable("binary"), plan_store, Limit("accuracy", "min", 0.5), NEVER)
    assert [check.name for check in verdict.gate.checks] == [
        "accuracy",
        "against_active",
        "python_version",
        "library_versions",
        "plan_versions",
        "loads",
        "golden_rows",
        "stability",
        "repeat_difference",
        "batch_difference",
        "latency_ms",
        "latency_p99_ms",
        "rows_per_second",
        "memory_mb",
        "size_mb",
    ]
    assert [check.name for check in verdict.gate.failures] == ["rows_per_second"]
    measured = {check.name: check.measured for check in verdict.gate.checks if check.measured is not None}
    assert verdict.figures == {name: value for name, value in measured.items() if name != "accuracy"}
    assert abs(verdict.figures["against_active"]) < 1e-6


def test_golden_rows_that_differ_in_the_new_process_and_files_that_break_there_fail(
    plannable: Fitted, tmp_path: Path
) -> None:
    store = ReleaseStore(tmp_path / "models")
    differing = judge(plannable("binary"), store, tamper=flip_golden_labels)
    assert [check.name for check in differing.gate.failures] == ["golden_rows"]
    broken = judge(plannable("binary"), store, tamper=lambda staged: (staged / "schema.json").write_bytes(b"[]"))
    assert [check.name for check in broken.gate.failures] == ["loads", "golden_rows"]
    assert set(broken.figures) == {"stability", "repeat_difference", "batch_difference"}
    assert list((tmp_path / "models").glob(".staging-*")) == []
