"""A candidate against the active version on the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from autogluon.tabular import TabularPredictor

from app.release.store import ReleaseStore
from app.runtime.loading import LoadedRelease
from app.runtime.native import NativeExecutor
from app.training.gate.active_version import (
    Comparison,
    NotComparable,
    check_against_active,
    compare_with_active,
    compare_with_release,
)
from app.training.gate.metrics import answer_held_out_rows
from app.training.gate.quality_loss import QualityLoss
from app.training.profile import profile_features
from tests.builders import LABELS, fit_predictor
from tests.fixtures import FittedModel
from tests.manifests import make_manifest

Fitted = Callable[[str], FittedModel]


def serve(model: FittedModel, **changes: Any) -> LoadedRelease:
    """What a worker would hold after this model was published as version 3."""
    predictor = model.predictor
    schema = profile_features(predictor, train_data=model.train_data, held_out=model.held_out)
    described = {
        "label": predictor.label,
        "problem_type": predictor.problem_type,
        "class_labels": predictor.class_labels and tuple(predictor.class_labels),
        "quantile_levels": tuple(predictor.quantile_levels) if predictor.problem_type == "quantile" else None,
    }
    return LoadedRelease(make_manifest(**{**described, **changes}), schema, NativeExecutor(predictor, schema), "native")


def compare(release: LoadedRelease, predictor: TabularPredictor, held_out: pd.DataFrame) -> Comparison:
    answers = answer_held_out_rows(predictor, held_out)
    return compare_with_release(release, predictor, held_out, answers, seed=0)


def fit_on_shuffled_labels(model: FittedModel, problem_type: str, path: Path) -> TabularPredictor:
    label = LABELS[problem_type]
    shuffled = np.random.default_rng(0).permutation(model.train_data[label].to_numpy())
    return fit_predictor(
        model.train_data.assign(**{label: shuffled}), problem_type=problem_type, path=path, families=("GBM",)
    )


@pytest.mark.parametrize("problem_type", ["binary", "multiclass", "regression", "quantile"])
def test_the_same_model_is_as_good_as_itself(fitted: Fitted, problem_type: str) -> None:
    model = fitted(problem_type)
    comparison = compare(serve(model), model.predictor, model.held_out)
    assert comparison.loss is not None
    assert abs(comparison.loss.loss) < 1e-6
    assert (comparison.version, comparison.rows, comparison.refused) == ("3", len(model.held_out), 0)
    assert check_against_active(comparison, max_regression=0).passed is (comparison.loss.loss <= 0)
    assert check_against_active(comparison, max_regression=0.01).passed


@pytest.mark.parametrize("problem_type", ["binary", "regression"])
def test_a_model_of_shuffled_labels_is_refused_and_a_better_one_is_not(
    fitted: Fitted, tmp_path: Path, problem_type: str
) -> None:
    good = fitted(problem_type)
    bad = replace(good, predictor=fit_on_shuffled_labels(good, problem_type, tmp_path / "shuffled"))
    worse = check_against_active(compare(serve(good), bad.predictor, good.held_out), max_regression=0.01)
    better = check_against_active(compare(serve(bad), good.predictor, good.held_out), max_regression=0.01)
    assert (worse.passed, better.passed) == (False, True)
    assert worse.measured is not None
    assert better.measured is not None
    assert better.measured < 0 < 0.1 < worse.measured
    assert "% worse (95 % interval" in worse.note
    assert "% better (95 % interval" in better.note


def test_the_metric_is_that_of_the_candidate_and_positions_of_classes_do_not_matter(fitted: Fitted) -> None:
    model = fitted("multiclass")
    comparison = compare(serve(model, class_labels=(3, 1, 2)), model.predictor, model.held_out)
    assert comparison.loss is not None
    assert comparison.loss.metric == "accuracy"
    assert comparison.loss.value == comparison.loss.reference


def test_rows_that_the_active_version_refuses_are_left_out_for_both(fitted: Fitted) -> None:
    model = fitted("regression")
    held_out = model.held_out.astype({"amount": object})
    held_out.iloc[:40, held_out.columns.get_loc("amount")] = "much"
    answers = answer_held_out_rows(model.predictor, model.held_out)
    comparison = compare_with_release(serve(model), model.predictor, held_out, answers, seed=0)
    assert (comparison.rows, comparison.refused) == (len(held_out) - 40, 40)
    assert comparison.loss is not None
    assert abs(comparison.loss.loss) < 1e-6
    assert "460 rows, 40 more that it refuses left out" in check_against_active(comparison, max_regression=0).note
    with pytest.raises(NotComparable, match="version 3 refuses 500 of 500 held-out rows"):
        compare_with_release(serve(model), model.predictor, held_out.assign(amount="much"), answers, seed=0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"label": "sold"}, "version 3 is a binary model of sold"),
        ({"problem_type": "multiclass"}, "version 3 is a multiclass model of bought"),
        ({"class_labels": ("no", "maybe")}, "version 3 has other classes: no, maybe"),
    ],
)
def test_a_version_that_predicts_something_else_is_not_compared(
    fitted: Fitted, changes: dict[str, Any], reason: str
) -> None:
    model = fitted("binary")
    with pytest.raises(NotComparable, match=f"^{reason}$"):
        compare(serve(model, **changes), model.predictor, model.held_out)


def test_other_quantile_levels_are_not_compared(fitted: Fitted) -> None:
    model = fitted("quantile")
    with pytest.raises(NotComparable, match=r"^version 3 has other quantile levels: 0\.25, 0\.5$"):
        compare(serve(model, quantile_levels=(0.25, 0.5)), model.predictor, model.held_out)


def test_rows_without_a_column_that_the_active_version_needs_are_not_compared(fitted: Fitted) -> None:
    model = fitted("binary")
    answers = answer_held_out_rows(model.predictor, model.held_out)
    held_out = model.held_out.drop(columns=["amount", "city"])
    with pytest.raises(NotComparable, match="version 3 needs columns that these rows lack: amount, city"):
        compare_with_release(serve(model), model.predictor, held_out, answers, seed=0)


def test_without_an_active_version_there_is_nothing_to_compare_with(fitted: Fitted, tmp_path: Path) -> None:
    model = fitted("binary")
    answers = answer_held_out_rows(model.predictor, model.held_out)
    store = ReleaseStore(tmp_path / "empty")
    check = check_against_active(
        compare_with_active(store, model.predictor, model.held_out, answers, seed=0), max_regression=0.01
    )
    assert (check.passed, check.measured, check.note) == (True, None, "no version is active: nothing to compare with")


def test_the_active_version_of_a_store_is_loaded_as_a_worker_does_and_a_damaged_one_is_not_compared(
    plannable: Fitted, plan_store: ReleaseStore
) -> None:
    model = plannable("binary")
    answers = answer_held_out_rows(model.predictor, model.held_out)

    def compare_now() -> Comparison:
        return compare_with_active(plan_store, model.predictor, model.held_out, answers, seed=0)

    same = compare_now()
    assert same.loss is not None
    assert abs(same.loss.loss) < 1e-6
    (plan_store.directory("1") / "schema.json").write_bytes(b"{}")
    damaged = compare_now()
    assert (damaged.loss, damaged.rows) == (None, 0)
    assert damaged.note.startswith("not compared: Version 1: schema.json has 2 bytes in place of ")


@pytest.mark.parametrize(
    ("loss", "low", "passed", "told"),
    [
        (0.02, 0.015, False, "2 % worse (95 % interval 1.5 % to 5 %)"),
        (0.02, -0.01, True, "2 % worse (95 % interval -1 % to 5 %); too few rows to tell that from chance"),
        (0.01, 0.009, True, "1 % worse (95 % interval 0.9 % to 5 %)"),
        (-0.3, -0.4, True, "30 % better (95 % interval -40 % to 5 %)"),
        (0.0, 0.0, True, "no difference (95 % interval 0 % to 5 %)"),
    ],
)
def test_a_loss_beyond_the_margin_fails_unless_chance_explains_it(
    loss: float, low: float, passed: bool, told: str
) -> None:
    quality = QualityLoss(metric="log_loss", value=0.51, reference=0.5, loss=loss, low=low, high=0.05)
    check = check_against_active(Comparison(version="3", loss=quality, rows=400), max_regression=0.01)
    assert (check.passed, check.measured, check.limit, check.direction) == (passed, loss, 0.01, "max")
    assert check.note == f"log_loss 0.51, version 3 has 0.5 on the same 400 rows: {told}"
