"""What of an XGBoost model is exported, and what is refused because a plan could not reproduce it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from autogluon.tabular.models import XGBoostModel

from app.release.plan.columns import EncodedColumn, PlanRefused
from app.release.plan.models.xgboost import export_xgboost
from tests.runtime.plan.models.boosters import COLUMNS, fit_booster


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return fit_booster(XGBoostModel, "binary", tmp_path_factory.mktemp("fit"), {"n_estimators": 5})


@pytest.fixture
def model(fitted: Any) -> Any:
    return copy.deepcopy(fitted)


def refuse(model: Any, directory: Path, columns: tuple[EncodedColumn, ...] = COLUMNS) -> str:
    with pytest.raises(PlanRefused) as refusal:
        export_xgboost(model, columns, directory, "booster")
    assert not list(directory.glob("booster*"))
    return str(refusal.value)


def test_the_document_of_a_table_is_json_and_names_every_file(model: Any, tmp_path: Path) -> None:
    document = export_xgboost(model, COLUMNS, tmp_path, "booster")
    assert json.loads(json.dumps(document)) == document
    assert document["output"] == {"kind": "logistic_float32"}
    assert {path.name for path in tmp_path.iterdir()} == {
        document["table"][name] for name in ("masks", "leaves", "cuts")
    }


def test_a_booster_without_a_table_is_written_in_xgboosts_own_format(tmp_path: Path) -> None:
    native = fit_booster(
        XGBoostModel,
        "regression",
        tmp_path / "fit",
        {"n_estimators": 3, "objective": "count:poisson", "proc.max_category_levels": 2},
    )
    document = export_xgboost(native, COLUMNS, tmp_path, "x")
    # Two frequent cities, the others in one column, the same for shops, then four numbers.
    rest = {key: value for key, value in document.items() if key != "categories"}
    assert rest == {
        "file": "x.ubj",
        "iterations": 3,
        "chains": 1,
        "width": 10,
        "numbers": [[6, 0], [7, 1], [8, 3], [9, 2]],
    }
    assert [(item["column"], len(item["places"]), set(item["places"])) for item in document["categories"]] == [
        (4, 6, {0, 1, 2}),
        (5, 71, {3, 4, 5}),
    ]


@pytest.mark.parametrize(
    ("hyperparameters", "reason"),
    [
        ({"booster": "dart"}, "booster is an XGBoost model of another kind than boosted trees (dart)."),
        ({"enable_categorical": True}, "booster leaves categories to XGBoost."),
        ({"objective": "binary:hinge"}, "booster was trained for an objective that plans do not know (binary:hinge)."),
    ],
)
def test_other_ways_to_boost_are_refused(hyperparameters: dict[str, Any], reason: str, tmp_path: Path) -> None:
    native = fit_booster(XGBoostModel, "binary", tmp_path / "fit", {"n_estimators": 3, **hyperparameters})
    assert refuse(native, tmp_path) == reason


def test_a_subclass_of_the_model_is_refused(model: Any, tmp_path: Path) -> None:
    model.__class__ = type("Changed", (XGBoostModel,), {})
    assert refuse(model, tmp_path) == "booster is no XGBoost model of a kind that plans know."


def test_another_value_for_missing_is_refused(model: Any, tmp_path: Path) -> None:
    model.model.missing = -1.0
    assert refuse(model, tmp_path) == "booster holds an XGBoost estimator of an unknown kind."


def test_another_encoding_of_categories_is_refused(model: Any, tmp_path: Path) -> None:
    model._ohe_generator.ohe_encs.drop = "first"
    assert refuse(model, tmp_path) == "booster encodes categories in a way that plans do not know."


def test_columns_that_are_categories_only_to_the_features_are_refused(model: Any, tmp_path: Path) -> None:
    columns = (EncodedColumn("amount", levels=3), *COLUMNS[1:])
    expected = "booster takes other columns for categories than the features do."
    assert refuse(model, tmp_path, columns) == expected


def test_a_feature_that_the_matrix_lacks_is_named(model: Any, tmp_path: Path) -> None:
    assert refuse(model, tmp_path, COLUMNS[1:]) == "booster reads amount, which the features do not bring."
