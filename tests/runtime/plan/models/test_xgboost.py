"""XGBoost in a plan against AutoGluon's own XGBoost model: the same bits, whichever way the trees are followed."""

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
from autogluon.tabular.models import XGBoostModel as NativeModel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import ReleaseUnusable
from app.release.plan.models.xgboost import export_xgboost
from app.runtime.plan.models.xgboost import XGBoostModel
from tests.runtime.plan.models.boosters import COLUMNS, Matrix, draw_matrices, fit_booster, make_frame, make_matrix

DEEP = {"grow_policy": "lossguide", "max_leaves": 400, "max_depth": 0, "min_child_weight": 0, "reg_lambda": 0}
IN_TABLES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "binary": ("binary", {}),
    "multiclass": ("multiclass", {}),
    "regression": ("regression", {"max_depth": 8, "min_child_weight": 0}),
    "rare categories": ("binary", {"proc.max_category_levels": 8, "tree_method": "exact"}),
    "several trees a round": ("multiclass", {"num_parallel_tree": 3, "subsample": 0.5}),
    "absolute error": ("regression", {"objective": "reg:absoluteerror"}),
}
IN_LIBRARY: Mapping[str, tuple[str, dict[str, Any]]] = {
    "many leaves": ("regression", DEEP),
    "poisson": ("regression", {"objective": "count:poisson", "proc.max_category_levels": 8}),
}
VARIANTS = {**IN_TABLES, **IN_LIBRARY}


@dataclass(frozen=True)
class Planned:
    """AutoGluon's model, its document, and the same model read from it."""

    native: Any
    document: Mapping[str, Any]
    directory: Path
    model: XGBoostModel

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
                    NativeModel, problem_type, tmp_path_factory.mktemp("fit"), {"n_estimators": 15, **hyperparameters}
                ),
                tmp_path_factory.mktemp("plan"),
            )
        return made[variant]

    return plan


def write_and_read(native: Any, directory: Path) -> Planned:
    document = export_xgboost(native, COLUMNS, directory, "booster")
    return Planned(native, document, directory, XGBoostModel(document, directory))


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


@pytest.mark.parametrize("variant", ["multiclass", "many leaves"])
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


@pytest.mark.parametrize("problem_type", ["regression", "multiclass"])
@pytest.mark.parametrize("hyperparameters", [{}, DEEP])
def test_prediction_stops_at_the_best_iteration_as_autogluons_does(
    tmp_path: Path, problem_type: str, hyperparameters: dict[str, Any]
) -> None:
    matrix = make_matrix(50, seed=8)
    native = fit_booster(NativeModel, problem_type, tmp_path, {"n_estimators": 10, **hyperparameters})
    all_rounds = native._predict_proba(make_frame(matrix))
    native.model.get_booster().set_attr(best_iteration="3")
    plan = write_and_read(native, tmp_path)
    np.testing.assert_array_equal(plan.model.predict(matrix), plan.ask_autogluon(matrix))
    assert (plan.model.predict(matrix) != all_rounds).any()


@pytest.mark.parametrize("variant", ["binary", "poisson"])
def test_a_process_that_predicts_never_imports_xgboost(planned: Plan, variant: str) -> None:
    plan = planned(variant)
    code = (
        "import sys, pathlib, numpy\n"
        "from app.runtime.plan.models.xgboost import XGBoostModel\n"
        f"model = XGBoostModel({plan.document!r}, pathlib.Path({str(plan.directory)!r}))\n"
        f"model.predict(numpy.zeros((3, {len(COLUMNS)})))\n"
        "print(sorted({'xgboost', 'scipy', 'pandas', 'sklearn'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_file_that_is_no_booster_is_refused_at_loading(planned: Plan, tmp_path: Path) -> None:
    document = planned("poisson").document
    (tmp_path / document["file"]).write_bytes(b"{L")
    with pytest.raises(ReleaseUnusable, match=r"^xgboost cannot read its model: "):
        XGBoostModel(document, tmp_path)
