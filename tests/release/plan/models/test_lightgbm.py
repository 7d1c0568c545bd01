"""What of a LightGBM model is exported, and what is refused because a plan could not reproduce it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from autogluon.tabular.models import LGBModel

from app.release.plan.columns import EncodedColumn, PlanRefused
from app.release.plan.models.lightgbm import export_lightgbm
from tests.runtime.plan.models.boosters import COLUMNS, fit_booster


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return fit_booster(LGBModel, "binary", tmp_path_factory.mktemp("fit"), {"num_boost_round": 5})


@pytest.fixture
def model(fitted: Any) -> Any:
    return copy.deepcopy(fitted)


def refuse(model: Any, directory: Path, columns: tuple[EncodedColumn, ...] = COLUMNS) -> str:
    with pytest.raises(PlanRefused) as refusal:
        export_lightgbm(model, columns, directory, "booster")
    assert not list(directory.glob("booster*"))
    return str(refusal.value)


def test_the_document_of_a_table_is_json_and_names_every_file(model: Any, tmp_path: Path) -> None:
    document = export_lightgbm(model, COLUMNS, tmp_path, "booster")
    assert json.loads(json.dumps(document)) == document
    assert document["output"] == {"kind": "logistic", "slope": 1.0}
    assert {path.name for path in tmp_path.iterdir()} == {
        document["table"][name] for name in ("masks", "leaves", "cuts")
    }


def test_boosters_without_a_table_are_written_as_text_one_per_quantile_level(tmp_path: Path) -> None:
    native = fit_booster(LGBModel, "quantile", tmp_path / "fit", {"num_boost_round": 3, "zero_as_missing": True})
    assert export_lightgbm(native, COLUMNS, tmp_path, "q") == {
        "columns": [4, 0, 5, 1, 3, 2],
        "files": ["q.0.txt", "q.1.txt", "q.2.txt"],
        "by_level": True,
    }


def test_a_subclass_of_the_model_is_refused(model: Any, tmp_path: Path) -> None:
    model.__class__ = type("Changed", (LGBModel,), {})
    assert refuse(model, tmp_path) == "booster is no LightGBM model of a kind that plans know."


def test_soft_classes_are_refused(model: Any, tmp_path: Path) -> None:
    model.problem_type = "softclass"
    assert refuse(model, tmp_path) == "booster is no LightGBM model of a kind that plans know."


def test_a_model_that_makes_features_of_its_own_is_refused(model: Any, tmp_path: Path) -> None:
    model._model_specific_feature_generators = object()
    assert refuse(model, tmp_path) == "booster makes features of its own."


def test_a_model_that_reorders_its_features_is_refused(model: Any, tmp_path: Path) -> None:
    model._features_internal_to_align = model._features_internal_to_align[::-1]
    assert refuse(model, tmp_path) == "booster reads other features than it was given."


def test_a_feature_that_the_matrix_lacks_is_named(model: Any, tmp_path: Path) -> None:
    assert refuse(model, tmp_path, COLUMNS[1:]) == "booster reads amount, which the features do not bring."


def test_categories_numbered_in_another_way_are_refused(model: Any, tmp_path: Path) -> None:
    model.model.pandas_categorical[0].reverse()
    assert refuse(model, tmp_path) == "booster numbers its categories in a way of its own."


def test_an_objective_of_the_callers_own_is_refused(model: Any, tmp_path: Path) -> None:
    text = model.model.model_to_string().replace("objective=binary sigmoid:1\n", "")
    model.model.model_from_string(text)
    expected = "booster was trained for an objective that plans do not know (one of the caller's own)."
    assert refuse(model, tmp_path) == expected


def test_answers_of_an_unexpected_number_are_refused(model: Any, tmp_path: Path) -> None:
    model.problem_type, model.num_classes = "multiclass", 3
    assert refuse(model, tmp_path) == "booster answers with an unexpected number of values."


def test_something_other_than_a_booster_is_refused(model: Any, tmp_path: Path) -> None:
    model.model = "booster"
    assert refuse(model, tmp_path) == "booster holds something other than LightGBM boosters."
