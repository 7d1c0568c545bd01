from __future__ import annotations

from app.release.schema import Feature, FeatureSchema
from app.training.card.limits import describe_limits
from tests.manifests import make_manifest

SCHEMA = FeatureSchema(
    (
        Feature(name="tenure", type="int", dtype="int64", nullable=False, minimum=0, maximum=72),
        Feature(name="city", type="category", dtype="object", nullable=True, categories=("Bonn", "Rome")),
        Feature(name="sex", type="category", dtype="object", nullable=None, categories=("F", "M"), two_valued=True),
        Feature(name="joined", type="datetime", dtype="datetime64[ns]", nullable=True, maximum="2026-01-31"),
    )
)


def describe(**changes: object) -> str:
    return "\n".join(describe_limits(make_manifest(**changes), SCHEMA).points)


def test_limits_follow_from_the_schema() -> None:
    limits = describe()
    assert "ranges of training (of 1 feature)" in limits
    assert "nothing after 2026-01-31 in joined" in limits
    assert "mean nothing to it (of 1 feature)" in limits
    assert "taken for sex: anything else is refused" in limits
    assert "no nulls in tenure: a null there is refused" in limits
    assert "nulls in sex is not known" in limits


def test_limits_follow_from_the_data() -> None:
    assert "Only 40 rows were held out" in describe(rows_held_out=40)
    assert "were held out" not in describe(rows_held_out=4000)
    assert "training data was not at hand" in describe(rows_train=None)
    assert "classes of training and no other" in describe()
    assert "classes of training" not in describe(problem_type="regression", class_labels=None)
