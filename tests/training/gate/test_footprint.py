"""Size, memory and speed, measured in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from autogluon.tabular import TabularPredictor

from app.training.gate.footprint import measure_footprint
from app.training.refusals import TrainingRefused
from tests.fixtures import FittedModel

Fitted = Callable[[str], FittedModel]


def test_a_footprint_is_that_of_the_model_as_it_is_served(fitted: Fitted, tmp_path: Path) -> None:
    model = fitted("regression")
    footprint = measure_footprint(model.predictor, model.held_out, workspace=tmp_path)
    clone = tmp_path / "clone"
    assert footprint.size_mb == sum(path.stat().st_size for path in clone.rglob("*") if path.is_file()) / 1e6
    assert 0 < footprint.size_mb < 20
    assert 100 < footprint.memory_mb < 2000
    assert 0.1 < footprint.latency_ms < 2000
    assert TabularPredictor.load(str(clone), verbosity=0).model_best == model.predictor.model_best


def test_a_model_that_does_not_answer_there_is_refused(fitted: Fitted, tmp_path: Path) -> None:
    model = fitted("regression")
    one_feature = model.held_out[["amount", model.predictor.label]]
    with pytest.raises(TrainingRefused, match="The model fails in a new process: KeyError"):
        measure_footprint(model.predictor, one_feature, workspace=tmp_path)
