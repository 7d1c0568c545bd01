"""What is exported of CatBoost's models, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from autogluon.tabular.models import CatBoostModel, LGBModel
from hypothesis import example, given
from hypothesis import strategies as st

from app.release.plan.columns import EncodedColumn, PlanRefused
from app.release.plan.models.catboost import export_catboost
from app.release.plan.models.catboost_ctrs import hash_codes, limit_in_float64

COLUMNS = [EncodedColumn("shop", 5), EncodedColumn("price")]
FLOAT32 = st.floats(float(np.finfo(np.float32).min), float(np.finfo(np.float32).max), width=32)


def fit_child(directory: Path, *, problem_type: str = "regression", rows: int = 200, **hyperparameters: Any) -> Any:
    rng = np.random.default_rng(rows)
    shops = pd.Categorical.from_codes(rng.integers(0, 5, rows), categories=pd.RangeIndex(5))
    frame = pd.DataFrame({"price": rng.random(rows), "shop": shops})
    target = pd.Series(frame["price"] + frame["shop"].cat.codes % 2 + rng.random(rows))
    child = CatBoostModel(
        path=str(directory / "child"), problem_type=problem_type, hyperparameters={"iterations": 5} | hyperparameters
    )
    child.fit(X=frame, y=target if problem_type == "regression" else target.gt(1).astype(int), num_cpus=1, num_gpus=0)
    return child


@pytest.fixture
def child(tmp_path: Path) -> Any:
    return fit_child(tmp_path)


def test_the_document_names_files_that_hold_no_pickles(child: Any, tmp_path: Path) -> None:
    document = export_catboost(child, COLUMNS, tmp_path, "fold1")

    assert document == {
        "columns": [1, 0],
        "files": {"structure": "fold1.npz", "leaves": "fold1.leaves.npy", "ctrs": "fold1.ctrs.npy"},
        "trees": "oblivious",
        "link": "identity",
        "scale": 1,
        "bias": document["bias"],
        "one_column": True,
    }
    assert json.loads(json.dumps(document)) == document
    assert {path.name for path in tmp_path.glob("fold1*")} == set(document["files"].values())
    for name in document["files"].values():
        np.load(tmp_path / name, allow_pickle=False)


def test_the_same_model_is_exported_to_the_same_arrays(child: Any, tmp_path: Path) -> None:
    documents = [export_catboost(child, COLUMNS, tmp_path, name) for name in ("one", "two")]
    first, second = (np.load(tmp_path / document["files"]["structure"]) for document in documents)

    assert set(first) == set(second)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_codes_are_hashed_as_catboost_hashes_them(tmp_path: Path) -> None:
    codes = [*range(12), 37, 99, 100, 101, 512, 999, 1000, 1001, 4321, 9999, 10_000, 11_111]
    shops = pd.Categorical.from_codes(codes * 3, categories=pd.RangeIndex(12_000))
    labels = np.random.default_rng(0).integers(0, 2, len(shops))
    tests_of_single_codes = {"iterations": 300, "depth": 1, "random_strength": 50, "one_hot_max_size": 255}
    child = CatBoostModel(path=str(tmp_path), problem_type="binary", hyperparameters=tests_of_single_codes)
    child.fit(X=pd.DataFrame({"shop": shops}), y=pd.Series(labels), num_cpus=1, num_gpus=0)
    child.model.save_model(str(tmp_path / "model.json"), format="json")
    feature = json.loads((tmp_path / "model.json").read_text())["features_info"]["categorical_features"][0]

    assert set(hash_codes(12_000)[codes].astype(np.int64).tolist()) == set(feature["values"])


@given(border=FLOAT32, number=st.floats(allow_nan=False))
@example(border=3.4028234663852886e38, number=3.5e38)
@example(border=0.0, number=5e-324)
def test_a_limit_in_float64_decides_as_the_border_in_float32(border: float, number: float) -> None:
    limit = limit_in_float64(border)
    beside = [limit, float(np.nextafter(limit, -np.inf)), float(np.nextafter(limit, np.inf)), border, number]

    with np.errstate(over="ignore"):
        rounded = np.array(beside).astype(np.float32)

    assert [number > limit for number in beside] == [bool(number > np.float32(border)) for number in rounded]


def refuse(model: Any, directory: Path, columns: list[EncodedColumn] = COLUMNS) -> str:
    with pytest.raises(PlanRefused) as refused:
        export_catboost(model, columns, directory, "fold1")
    assert not list(directory.glob("fold1*"))
    return str(refused.value)


def test_another_model_is_refused(tmp_path: Path) -> None:
    other = LGBModel(path=str(tmp_path / "other"), problem_type="regression")

    assert refuse(other, tmp_path) == "LGBModel is not AutoGluon's CatBoost model"


def test_feature_generators_of_the_model_are_refused(child: Any, tmp_path: Path) -> None:
    child._model_specific_feature_generators = object()

    assert refuse(child, tmp_path) == "the CatBoost model has feature generators of its own"


def test_a_loss_whose_predictions_are_not_the_raw_sums_is_refused(tmp_path: Path) -> None:
    child = fit_child(tmp_path, loss_function="Poisson")

    assert refuse(child, tmp_path) == "CatBoost's loss Poisson with 1 outputs is outside the plan for regression"


def test_columns_that_the_features_lack_are_refused(child: Any, tmp_path: Path) -> None:
    reason = refuse(child, tmp_path, [EncodedColumn("price")])

    assert reason == "the CatBoost model reads columns that the features lack: {'shop'}"


@pytest.mark.parametrize("levels", [None, 4, 6])
def test_levels_that_are_not_the_model_s_are_refused(child: Any, tmp_path: Path, levels: int | None) -> None:
    reason = refuse(child, tmp_path, [EncodedColumn("shop", levels), EncodedColumn("price")])

    assert reason == "the CatBoost model does not read the levels of shop as their codes"


def test_a_category_that_the_model_reads_as_a_number_is_refused(child: Any, tmp_path: Path) -> None:
    reason = refuse(child, tmp_path, [EncodedColumn("shop", 5), EncodedColumn("price", 3)])

    assert reason == "the CatBoost model reads a category as a number"


def test_arrays_that_answer_otherwise_than_the_model_are_refused(child: Any, tmp_path: Path) -> None:
    other = fit_child(tmp_path, rows=220).model
    described = child.model
    child.model = SimpleNamespace(
        feature_names_=described.feature_names_, save_model=described.save_model, predict=other.predict
    )

    assert refuse(child, tmp_path) == "the arrays made of the CatBoost model do not answer as the model does"
