"""What a forest's export writes, and which forests it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from autogluon.tabular.models import RFModel
from sklearn.ensemble import RandomForestClassifier

from app.release.plan.columns import EncodedColumn, PlanRefused
from app.release.plan.models.forest import export_forest, make_keys

COLUMNS = [EncodedColumn("height"), EncodedColumn("colour", levels=3)]


def fit_forest(path: Path, *, labels: list[int] | None = None, problem_type: str = "binary", **options: Any) -> RFModel:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"height": rng.normal(size=60), "colour": pd.Categorical(rng.integers(0, 3, 60), categories=range(3))}
    )
    options = {"n_estimators": 3, "n_jobs": 1, **options}
    model = RFModel(path=str(path / "model"), problem_type=problem_type, hyperparameters=options)
    y = pd.Series(labels or (frame["height"] > 0).astype(int))
    model.fit(X=frame, y=y)
    return model


def test_the_document_says_how_rows_are_read_and_names_its_files(tmp_path: Path) -> None:
    columns = [EncodedColumn("colour", levels=3), EncodedColumn("unread"), EncodedColumn("height")]
    (plan := tmp_path / "plan").mkdir()
    document = export_forest(fit_forest(tmp_path), columns, plan, "RF-0")
    assert (document["columns"], document["fill"], document["trees"]) == ([2, 0], [0.0, -1.0], 3)
    files = {*document["files"].values(), *document["circuits"]["files"].values()}
    assert {path.name for path in plan.iterdir()} == files
    blocks, exits, conditions = (np.load(plan / document["files"][part]) for part in ("blocks", "exits", "conditions"))
    assert (blocks.dtype, exits.dtype, conditions.dtype) == (np.uint16, np.int32, np.int64)
    assert (blocks.shape[1], len(exits), exits[-1]) == (8, 8 * len(blocks) + 1, 0)
    assert (exits[:-1] > np.arange(len(blocks)).repeat(8)).all()
    assert blocks.max() == len(conditions)


def test_keys_count_upwards_with_feature_and_threshold() -> None:
    thresholds = np.array([-3.4e38, -1.0, -2e-45, 0.0, 2e-45, 1.0, 3.4e38])
    keys = make_keys(np.repeat([0, 1], 7), np.tile(thresholds, 2))
    assert (np.diff(keys) > 0).all()
    np.testing.assert_array_equal(keys >> 32, np.repeat([0, 1], 7))


def test_a_threshold_between_two_floats_counts_as_the_lower_and_negative_zero_as_zero() -> None:
    features, above = np.zeros(2, int), np.nextafter(np.float32(1), np.float32(2))
    keys = make_keys(features, np.array([(1 + float(above)) / 2, -0.0]))
    np.testing.assert_array_equal(keys, make_keys(features, np.array([1.0, 0.0])))


def test_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanRefused, match="none of the forests that plans know"):
        export_forest(RandomForestClassifier(), COLUMNS, tmp_path, "RF-0")


def test_a_quantile_forest_is_refused(tmp_path: Path) -> None:
    model = fit_forest(tmp_path)
    model.problem_type = "quantile"
    with pytest.raises(PlanRefused, match="RandomForestClassifier for quantile"):
        export_forest(model, COLUMNS, tmp_path, "RF-0")


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (COLUMNS[:1], "reads columns that the feature steps do not make"),
        ([EncodedColumn("height"), EncodedColumn("colour")], "encodes other columns than the categories"),
    ],
)
def test_columns_that_differ_from_the_model_s_are_refused(
    tmp_path: Path, columns: list[EncodedColumn], reason: str
) -> None:
    with pytest.raises(PlanRefused, match=reason):
        export_forest(fit_forest(tmp_path), columns, tmp_path, "RF-0")


def test_a_forest_without_a_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanRefused, match="No tree of RF-0 splits"):
        export_forest(fit_forest(tmp_path, min_samples_leaf=60), COLUMNS, tmp_path, "RF-0")
