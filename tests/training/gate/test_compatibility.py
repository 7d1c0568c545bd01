"""Versions of the fit, of the plan and of this host, and a trial in a process of its own."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from autogluon.tabular import TabularPredictor

from app.release.libraries import list_installed_libraries
from app.release.store import PLAN, ReleaseStore
from app.training.gate.checks import Check
from app.training.gate.compatibility import check_trial, check_versions_of_fit, check_versions_of_plan
from app.training.gate.footprint import Footprint, Trial
from tests.fixtures import FittedModel

FOOTPRINT = Footprint(
    size_mb=2.0, memory_mb=90.0, latency_ms=1.0, latency_p99_ms=2.0, rows_per_second=9000.0, execution="plan"
)


@pytest.fixture
def predictor(fitted: Callable[[str], FittedModel], tmp_path: Path) -> TabularPredictor:
    """A predictor whose best model needs LightGBM and no other library of boosted trees; a test may alter it."""
    original = fitted("quantile").predictor
    return original.clone(str(tmp_path / "clone"), return_clone=True)


def change_metadata(predictor: TabularPredictor, change: Callable[[dict[str, Any]], object]) -> None:
    path = Path(predictor.path) / "metadata.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_a_predictor_that_was_fitted_here_fits_here(predictor: TabularPredictor) -> None:
    python, libraries = check_versions_of_fit(predictor)
    assert python == Check(name="python_version", passed=True, note=f"python {platform.python_version()}")
    assert (libraries.name, libraries.passed) == ("library_versions", True)
    named = {item.split()[0] for item in libraries.note.split(", ")}
    assert named == {"autogluon.tabular", "lightgbm", "numpy", "pandas", "scikit-learn"}


def test_another_python_fails(predictor: TabularPredictor) -> None:
    change_metadata(predictor, lambda values: values.update(py_version_micro="3.8.1"))
    python, libraries = check_versions_of_fit(predictor)
    assert python.note == f"it was made with python 3.8.1, installed is {platform.python_version()}"
    assert (python.passed, libraries.passed) == (False, True)


def test_another_version_of_a_library_fails_only_where_a_model_needs_it(predictor: TabularPredictor) -> None:
    change_metadata(predictor, lambda values: values["packages"].update({"xgboost": "0.9.0", "catboost": "0.9.0"}))
    assert check_versions_of_fit(predictor)[1].passed
    change_metadata(predictor, lambda values: values["packages"].update(lightgbm="0.9.0"))
    _, libraries = check_versions_of_fit(predictor)
    assert not libraries.passed
    assert libraries.note.startswith("it was made with lightgbm 0.9.0, installed is ")


def test_a_predictor_that_does_not_say_its_versions_passes_and_is_said_to(predictor: TabularPredictor) -> None:
    (Path(predictor.path) / "metadata.json").unlink()
    assert [(check.passed, check.note) for check in check_versions_of_fit(predictor)] == [
        (True, "the predictor does not say"),
        (True, "the predictor does not say"),
    ]


def test_a_plan_for_other_libraries_fails(plan_store: ReleaseStore) -> None:
    staged = plan_store.directory("1")
    assert check_versions_of_plan(staged).passed
    path = staged / PLAN / "plan.json"
    plan = json.loads(path.read_text())
    path.write_text(json.dumps({**plan, "libraries": {**plan["libraries"], "numpy": "1.0.0"}}))
    installed = list_installed_libraries()["numpy"]
    assert check_versions_of_plan(staged) == Check(
        name="plan_versions", passed=False, note=f"it was made with numpy 1.0.0, installed is {installed}"
    )


def test_without_a_plan_there_are_no_versions_of_one(tmp_path: Path) -> None:
    assert check_versions_of_plan(tmp_path) == Check(name="plan_versions", passed=True, note="there is no plan")


@pytest.mark.parametrize(
    ("trial", "passed"),
    [
        (Trial(footprint=FOOTPRINT), [True, True]),
        (Trial(footprint=FOOTPRINT, golden_fault="golden row 3 is answered otherwise"), [True, False]),
        (Trial(load_fault="The model fails in a new process: MemoryError"), [False, False]),
    ],
)
def test_a_trial_fails_where_it_broke(trial: Trial, passed: list[bool]) -> None:
    checks = check_trial(trial)
    assert [check.name for check in checks] == ["loads", "golden_rows"]
    assert [check.passed for check in checks] == passed
    for fault in filter(None, (trial.load_fault, trial.golden_fault)):
        assert fault in [check.note for check in checks]
