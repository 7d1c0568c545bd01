"""What the feature steps of a plan hold, and which pipelines of AutoGluon have none."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from autogluon.features.generators import (
    AutoMLInterpretablePipelineFeatureGenerator,
    AutoMLPipelineFeatureGenerator,
    CategoryFeatureGenerator,
    DatetimeFeatureGenerator,
    FillNaFeatureGenerator,
    IdentityFeatureGenerator,
    IsNanFeatureGenerator,
)

from app.release.plan.columns import EncodedColumn, PlanRefused
from app.release.plan.features import export_features
from app.release.schema import Feature, FeatureSchema
from tests.builders import make_mixed_frame

ROWS = 300
VISITS = Feature(name="visits", type="int", dtype="int64", nullable=False)
MEMBER = Feature(name="member", type="bool", dtype="bool", nullable=False, two_valued=True, categories=(False, True))
CITY = Feature(name="city", type="category", dtype="object", nullable=True, categories=(" Oslo", "Rome"))
SIGNUP = Feature(name="signup", type="datetime", dtype="object", nullable=True, date_formats=("%d/%m/%Y", "%d %b %Y"))
RATIO = Feature(name="ratio32", type="float", dtype="float32", nullable=False)


def make_frame(*names: str) -> pd.DataFrame:
    return make_mixed_frame(ROWS)[list(names)]


def fit(frame: pd.DataFrame, **options: Any) -> Any:
    generator = AutoMLPipelineFeatureGenerator(verbosity=0, **options)
    generator.fit_transform(frame.copy())
    return generator


def test_the_document_tells_every_step_in_plain_json() -> None:
    generator = fit(make_frame("member", "city", "visits", "ratio32"))
    document, columns = export_features(generator, FeatureSchema((CITY, VISITS, RATIO, MEMBER)))
    assert json.loads(json.dumps(document)) == {
        "inputs": ["city", "visits", "ratio32", "member"],
        "dates": [],
        "columns": [
            {"kind": "two_valued", "true": True, "input": 3},
            {"kind": "number", "null": 0, "is_float32": False, "input": 1},
            {"kind": "number", "null": None, "is_float32": True, "input": 2},
            {"kind": "category", "levels": ["", " Oslo", "Bonn ", "Kyiv", "Rome"], "null": 0, "input": 0},
        ],
    }
    assert columns == [
        EncodedColumn("member"),
        EncodedColumn("visits"),
        EncodedColumn("ratio32"),
        EncodedColumn("city", levels=5),
    ]


def test_a_date_brings_its_formats_month_first_and_the_mean_for_nulls() -> None:
    generator = fit(make_frame("signup", "visits"))
    document, columns = export_features(generator, FeatureSchema((SIGNUP, VISITS)))
    mean = generator.generators[2][1]._fillna_map["signup"]
    assert document["dates"] == [
        {
            "input": 0,
            "mean": {
                "value": mean.value,
                "year": mean.year,
                "month": mean.month,
                "day": mean.day,
                "dayofweek": mean.dayofweek,
            },
            "formats": ["%m/%d/%Y", "%d %b %Y", "%d/%m/%Y"],
            "zone": None,
        }
    ]
    parts = [column["part"] for column in document["columns"] if column["kind"] == "date"]
    assert parts == ["value", "year", "month", "day", "dayofweek"]
    assert [column.name for column in columns] == generator.features_out


def test_columns_that_the_pipeline_drops_are_read_over() -> None:
    frame = make_frame("visits").assign(twin=lambda f: f["visits"], code=[f"c{row}" for row in range(ROWS)])
    twin = Feature(name="twin", type="int", dtype="int64", nullable=False)
    code = Feature(name="code", type="category", dtype="object", nullable=False)
    document, columns = export_features(fit(frame), FeatureSchema((twin, code, VISITS)))
    assert document["inputs"] == ["twin", "code", "visits"]
    assert (columns, [column["input"] for column in document["columns"]]) == ([EncodedColumn("visits")], [2])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"passthrough": True}, "AutoMLPipelineFeatureGenerator with passthrough=True has no plan."),
        ({"name_prefix": "x_"}, "A feature generator with 6 stages has no plan."),
        ({"post_generators": [], "post_drop_duplicates": False}, "A feature generator with 3 stages has no plan."),
        (
            {"pre_generators": [FillNaFeatureGenerator(fillna_map={"object": "?"})]},
            "FillNaFeatureGenerator with fillna_map={'object': '?'} has no plan.",
        ),
        (
            {"pre_generators": [IdentityFeatureGenerator()]},
            "The feature generator IdentityFeatureGenerator has no plan.",
        ),
        (
            {"custom_feature_generators": [IsNanFeatureGenerator()]},
            "The feature generator IsNanFeatureGenerator has no plan.",
        ),
        (
            {"custom_feature_generators": [CategoryFeatureGenerator(name_suffix="_again")]},
            "CategoryFeatureGenerator followed by other generators has no plan.",
        ),
        (
            {
                "enable_numeric_features": False,
                "custom_feature_generators": [IdentityFeatureGenerator(features_in=["amount"])],
            },
            "IdentityFeatureGenerator with _infer_features_in_args={} has no plan.",
        ),
        (
            {
                "enable_categorical_features": False,
                "custom_feature_generators": [CategoryFeatureGenerator(fillna="mode")],
            },
            "CategoryFeatureGenerator with _fillna_flag=True has no plan.",
        ),
        (
            {
                "enable_categorical_features": False,
                "custom_feature_generators": [CategoryFeatureGenerator(minimize_memory=False)],
            },
            "CategoryFeatureGenerator followed by other generators has no plan.",
        ),
        (
            {
                "enable_datetime_features": False,
                "custom_feature_generators": [DatetimeFeatureGenerator(features=["hour"])],
            },
            "DatetimeFeatureGenerator with features=['hour'] has no plan.",
        ),
    ],
)
def test_a_pipeline_that_is_not_autogluons_default_is_refused(options: dict[str, Any], reason: str) -> None:
    generator = fit(make_frame("amount", "city", "signup"), **options)
    with pytest.raises(PlanRefused) as refusal:
        export_features(generator, FeatureSchema(()))
    assert str(refusal.value) == reason


def test_another_class_of_pipeline_is_refused() -> None:
    generator = AutoMLInterpretablePipelineFeatureGenerator(verbosity=0)
    with pytest.raises(PlanRefused, match=r"^The feature generator AutoMLInterpretable\w+ has no plan\.$"):
        export_features(generator, FeatureSchema(()))


def test_a_pipeline_without_a_useful_column_is_refused() -> None:
    generator = fit(make_frame("constant"))
    with pytest.raises(PlanRefused, match="_is_dummy=True"):
        export_features(generator, FeatureSchema(()))


def test_free_text_is_refused_by_name() -> None:
    generator = fit(make_frame("note", "visits"))
    with pytest.raises(PlanRefused) as refusal:
        export_features(generator, FeatureSchema(()))
    assert str(refusal.value) == "Columns of free text have no plan: note."


def change(feature: Feature, **values: Any) -> Feature:
    return Feature.from_dict({**feature.to_dict(), **values})


@pytest.mark.parametrize(
    ("feature", "reason"),
    [
        (change(VISITS, name="views"), "The model reads a column that the schema does not have: visits."),
        (
            change(VISITS, two_valued=True),
            "Column visits has no plan: schema and model disagree on whether it has two values.",
        ),
        (change(VISITS, dtype="int32"), "Column visits has no plan: numbers of type int64 as int."),
        (
            change(MEMBER, categories=(False,)),
            "Column member has no plan: which of its two values counts as 1 is not certain.",
        ),
        (
            change(MEMBER, two_valued=False),
            "Column member has no plan: schema and model disagree on whether it has two values.",
        ),
        (change(SIGNUP, date_formats=("%d %b %y",)), "Column signup has no plan: dates in the format %d %b %y."),
        (change(SIGNUP, date_formats=("%Y%m%d",)), "Column signup has no plan: dates in the format %Y%m%d."),
        (change(SIGNUP, date_formats=("%d-%m/%Y",)), "Column signup has no plan: dates in the format %d-%m/%Y."),
    ],
)
def test_a_column_that_the_schema_tells_otherwise_is_refused(feature: Feature, reason: str) -> None:
    name = "visits" if feature.name == "views" else feature.name
    with pytest.raises(PlanRefused) as refusal:
        export_features(fit(make_frame(name)), FeatureSchema((feature,)))
    assert str(refusal.value) == reason


@pytest.mark.parametrize(
    ("values", "feature", "reason"),
    [
        (
            np.linspace(0, 1, ROWS).astype(np.float16),
            Feature(name="a", type="float", dtype="float16", nullable=False),
            "numbers of type float16 as float.",
        ),
        (
            pd.date_range("2024-01-01", periods=ROWS, unit="us"),
            Feature(name="a", type="datetime", dtype="datetime64[us]", nullable=False),
            "dates of type datetime64[us].",
        ),
        (
            pd.Categorical(pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"] * (ROWS // 3))),
            Feature(name="a", type="category", dtype="category", nullable=False, categories=("2024-01-01T00:00:00",)),
            "a category is neither text, number nor boolean.",
        ),
        (
            pd.Categorical(["x", True, 2] * (ROWS // 3)),
            Feature(name="a", type="category", dtype="category", nullable=False, categories=("x", True, 2)),
            "its categories mix booleans and numbers.",
        ),
        (
            np.array([0.5, 0.1] * (ROWS // 2), dtype=np.float32),
            Feature(
                name="a", type="float", dtype="float32", nullable=False, two_valued=True, categories=(0.5, 0.50000001)
            ),
            "which of its two values counts as 1 is not certain.",
        ),
        (
            np.array([0.1, 0.01] * (ROWS // 2), dtype=np.float32),
            Feature(name="a", type="float", dtype="float32", nullable=False, two_valued=True, categories=(0.1, 0.01)),
            "its two values are only equal when rounded.",
        ),
    ],
)
def test_a_column_that_would_not_come_out_exactly_is_refused(values: Any, feature: Feature, reason: str) -> None:
    with pytest.raises(PlanRefused) as refusal:
        export_features(fit(pd.DataFrame({"a": values})), FeatureSchema((feature,)))
    assert str(refusal.value) == f"Column a has no plan: {reason}"
