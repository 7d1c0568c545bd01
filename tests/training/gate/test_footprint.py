"""Size, memory and speed of a staged release, measured in a process of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from app.release.golden import GoldenRows, read_golden_rows, write_golden_rows
from app.release.store import GOLDEN, PLAN, ReleaseStore
from app.training.gate.footprint import measure_footprint, try_release
from app.training.refusals import TrainingRefused


def read_rows(directory: Path) -> list[dict[str, Any]]:
    return read_golden_rows(directory / GOLDEN).rows


def sum_sizes(directory: Path) -> float:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()) / 1e6


def test_a_plan_is_measured_without_autogluon_and_autogluon_where_there_is_no_plan(plan_store: ReleaseStore) -> None:
    staged = plan_store.directory("1")
    rows = read_rows(staged)
    plan = measure_footprint(staged, rows, most_seconds=0.3)
    assert plan.size_mb == sum_sizes(staged)
    shutil.rmtree(staged / PLAN)
    native = measure_footprint(staged, rows, most_seconds=0.3)
    assert native.size_mb == sum_sizes(staged) < plan.size_mb
    assert (plan.execution, native.execution) == ("plan", "native")
    assert plan.memory_mb < native.memory_mb - 50
    assert 0 < plan.latency_ms < native.latency_ms
    assert plan.latency_ms <= plan.latency_p99_ms
    assert plan.rows_per_second > native.rows_per_second > 0


def test_golden_rows_that_differ_there_are_told(plan_store: ReleaseStore) -> None:
    staged = plan_store.directory("1")
    golden = read_golden_rows(staged / GOLDEN)
    assert try_release(staged, golden.rows, most_seconds=0.1).golden_fault is None
    labels = ["yes" if label == "no" else "no" for label in golden.labels]
    write_golden_rows(staged / GOLDEN, GoldenRows(rows=golden.rows, labels=labels, probabilities=golden.probabilities))
    trial = try_release(staged, golden.rows, most_seconds=0.1)
    assert trial.golden_fault == (
        "Version to be published: golden row 0 is answered otherwise than at publication; 16 rows differ in all."
    )
    assert trial.footprint is not None


def test_a_release_that_cannot_be_loaded_there_is_refused(plan_store: ReleaseStore) -> None:
    staged = plan_store.directory("1")
    rows = read_rows(staged)
    plan = json.loads((staged / PLAN / "plan.json").read_text())
    plan["libraries"]["numpy"] = "0.9.1"
    (staged / PLAN / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(TrainingRefused, match=r"fails in a new process: it was made with numpy 0\.9\.1, installed is"):
        measure_footprint(staged, rows)


def test_rows_that_a_caller_would_be_refused_are_left_out(plan_store: ReleaseStore) -> None:
    staged = plan_store.directory("1")
    refused = {"amount": "much"}
    assert measure_footprint(staged, [refused, *read_rows(staged)], most_seconds=0.1).latency_ms > 0
    with pytest.raises(TrainingRefused, match="no row that it could be measured with fits its schema"):
        measure_footprint(staged, [refused])
