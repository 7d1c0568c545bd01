"""LightGBM in a plan against AutoGluon's own LightGBM model: the same bits, whichever way the trees are followed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from autogluon.tabular.models import LGBModel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import ReleaseUnusable
from app.release.plan.models.lightgbm import export_lightgbm
from app.runtime.plan.models.lightgbm import LightGBMModel
from tests.runtime.plan.models.boosters import COLUMNS, Matrix, draw_matrices, fit_booster, make_frame, make_matrix

FOREST = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}
IN_TABLES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "binary": ("binary", {}),
    "multiclass": ("multiclass", {"extra_trees": True}),
    "regression": ("regression", {"num_leaves": 100, "min_data_in_leaf": 2}),
    "quantile": ("quantile", {"data_sample_strategy": "goss"}),
    "dart": ("binary", {"boosting": "dart", "sigmoid": 0.7}),
    "without missing": ("regression", {"use_missing": False, "objective": "huber", "num_leaves": 50}),
}
IN_LIBRARY: Mapping[str, tuple[str, dict[str, Any]]] = {
    "forest": ("multiclass", FOREST),
    "linear trees": ("regression", {"linear_tree": True}),
    "zero as missing": ("quantile", {"zero_as_missing": True}),
    "tweedie": ("regression", {"objective": "tweedie"}),
    "square root": ("regression", {"reg_sqrt": True}),
    "one against all": ("multiclass", {"objective": "multiclassova"}),
}
VARIANTS = {**IN_TABLES, **IN_LIBRARY}


@dataclass(frozen=True)
class Planned:
    """AutoGluon's model, its document, and the same model read from it."""

    native: Any
    document: Mapping[str, Any]
    directory: Path
    model: LightGBMModel

    def ask_autogluon(self, matrix: Matrix) -> np.ndarray[Any, Any]:
        answers: np.ndarray[Any, Any] = self.native._predict_proba(make_frame(matrix), num_cpus=1)
        return answers

    def list_thresholds(self) -> list[float]:
        if "table" not in self.document:
            return make_matrix(30)[:, :4].ravel().tolist()
        cuts: list[float] = np.load(self.directory / self.document["table"]["cuts"]).tolist()
        return cuts


Plan = Callable[[str], Planned]


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    made: dict[str, Planned] = {}

    def plan(variant: str) -> Planned:
        if variant not in made:
            problem_type, hyperparameters = VARIANTS[variant]
            made[variant] = write_and_read(
                fit_booster(
                    LGBModel, problem_type, tmp_path_factory.mktemp("fit"), {"num_boost_round": 15, **hyperparameters}
                ),
                tmp_path_factory.mktemp("plan"),
            )
        return made[variant]

    return plan


def write_and_read(native: Any, directory: Path) -> Planned:
    document = export_lightgbm(native, COLUMNS, directory, "booster")
    return Planned(native, document, directory, LightGBMModel(document, directory))


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_row_gets_the_bits_that_autogluon_gives_it(planned: Plan, variant: str, data: st.DataObject) -> None:
    plan = planned(variant)
    matrix = data.draw(draw_matrices(plan.list_thresholds()))
    expected, answers = plan.ask_autogluon(matrix), plan.model.predict(matrix)
    assert answers.dtype == expected.dtype
    np.testing.assert_array_equal(answers, expected)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_row_is_answered_alone_as_in_any_batch(planned: Plan, variant: str) -> None:
    plan, matrix = planned(variant), make_matrix(400, seed=5)
    expected = plan.ask_autogluon(matrix)
    for size in (1, 2, 3, 64, 399):
        batches = [plan.model.predict(matrix[start : start + size]) for start in range(0, len(matrix), size)]
        np.testing.assert_array_equal(np.concatenate(batches), expected)


@pytest.mark.parametrize("variant", ["multiclass", "linear trees"])
def test_threads_do_not_disturb_each_other(planned: Plan, variant: str) -> None:
    plan, matrix = planned(variant), make_matrix(100, seed=6)
    expected = plan.ask_autogluon(matrix)

    def predict_rows_and_batches(_: int) -> None:
        for row in range(len(matrix)):
            np.testing.assert_array_equal(plan.model.predict(matrix[row : row + 1]), expected[row : row + 1])
            if row % 50 == 0:
                np.testing.assert_array_equal(plan.model.predict(matrix), expected)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(predict_rows_and_batches, range(4)))


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_library_is_used_only_where_a_table_cannot_hold_the_trees(planned: Plan, variant: str) -> None:
    assert ("table" in planned(variant).document) == (variant in IN_TABLES)


def test_prediction_stops_at_the_best_iteration_as_autogluons_does(tmp_path: Path) -> None:
    matrix = make_matrix(50, seed=8)
    native = fit_booster(LGBModel, "regression", tmp_path, {"num_boost_round": 15})
    all_rounds = native._predict_proba(make_frame(matrix))
    native.model.best_iteration = 4
    plan = write_and_read(native, tmp_path)
    np.testing.assert_array_equal(plan.model.predict(matrix), plan.ask_autogluon(matrix))
    assert (plan.model.predict(matrix) != all_rounds).any()


@pytest.mark.parametrize("variant", ["binary", "forest"])
def test_a_process_that_predicts_never_imports_lightgbm(planned: Plan, variant: str) -> None:
    plan = planned(variant)
    code = (
        "import sys, pathlib, numpy\n"
        "from app.runtime.plan.models.lightgbm import LightGBMModel\n"
        f"model = LightGBMModel({plan.document!r}, pathlib.Path({str(plan.directory)!r}))\n"
        f"model.predict(numpy.zeros((3, {len(COLUMNS)})))\n"
        "print(sorted({'lightgbm', 'scipy', 'pandas', 'sklearn'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_file_that_is_no_booster_is_refused_at_loading(planned: Plan, tmp_path: Path) -> None:
    document = planned("forest").document
    (tmp_path / document["files"][0]).write_text("tree\nversion=v4\n")
    with pytest.raises(ReleaseUnusable, match=r"^lightgbm cannot read its model: "):
        LightGBMModel(document, tmp_path)


def test_a_booster_that_reads_other_columns_than_its_plan_says_is_refused(planned: Plan) -> None:
    plan = planned("forest")
    with pytest.raises(ReleaseUnusable, match=r"reads 6 columns, its plan names 7$"):
        LightGBMModel({**plan.document, "columns": list(range(7))}, plan.directory)
