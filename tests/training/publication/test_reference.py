from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from app.release.profile.bins import CategoryBins, NumberBins
from app.release.profile.reference import ColumnProfile, ReferenceProfile
from app.training.profile import profile_features
from app.training.publication import reference
from app.training.publication.reference import build_reference
from tests.fixtures import FittedModel

VIEWS = {
    "binary": ["class", "probability of yes"],
    "multiclass": ["class", "confidence"],
    "regression": ["value"],
    "quantile": ["quantile 0.5"],
}


def build(model: FittedModel, *, with_training_data: bool = True) -> ReferenceProfile:
    train_data = model.train_data if with_training_data else None
    schema = profile_features(model.predictor, train_data=train_data, held_out=model.held_out)
    return build_reference(model.predictor, schema, train_data=train_data, held_out=model.held_out)


def find(profile: ReferenceProfile, name: str) -> ColumnProfile:
    return next(column for column in profile.features if column.name == name)


def test_training_data_is_counted_feature_by_feature(fitted: Callable[[str], FittedModel]) -> None:
    model = fitted("binary")
    data, profile = model.train_data, build(model)
    assert profile.source == "training"
    assert {column.rows for column in profile.features} == {len(data)}
    for name, kind in {
        "amount": "number",
        "city": "category",
        "member": "boolean",
        "seen": "date",
        "note": "text",
    }.items():
        column = find(profile, name)
        assert column.kind == kind
        assert column.counts[-1] == data[name].isna().sum()
    amount, city = find(profile, "amount"), find(profile, "city")
    assert isinstance(amount.bins, NumberBins)
    assert amount.bins.stretches[0][0] == data["amount"].min()
    assert amount.mean == pytest.approx(data["amount"].mean())
    assert isinstance(city.bins, CategoryBins)
    assert dict(zip(city.bins.categories, city.counts, strict=False)) == data["city"].value_counts().to_dict()


def test_without_training_data_held_out_rows_are_counted(fitted: Callable[[str], FittedModel]) -> None:
    model = fitted("binary")
    profile = build(model, with_training_data=False)
    assert profile.source == "held-out"
    assert {column.rows for column in profile.features} == {len(model.held_out)}


@pytest.mark.parametrize("problem_type", VIEWS)
def test_answers_to_held_out_rows_are_counted(fitted: Callable[[str], FittedModel], problem_type: str) -> None:
    model = fitted(problem_type)
    profile = build(model)
    assert [answer.column.name for answer in profile.answers] == VIEWS[problem_type]
    for answer in profile.answers:
        assert answer.column.rows == len(model.held_out)
        # Without its own row, the greatest answer is one above all others.
        assert answer.column.counts[-2] <= 1
        assert answer.column.counts[-1] == 0


def test_of_many_rows_a_part_is_drawn_and_the_range_is_that_of_all(
    fitted: Callable[[str], FittedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "MOST_ROWS", 50)
    model = fitted("binary")
    amount = find(build(model), "amount")
    assert amount.rows == 50
    assert isinstance(amount.bins, NumberBins)
    ends = amount.bins.stretches[0][0], amount.bins.stretches[-1][1]
    assert ends == (np.nanmin(model.train_data["amount"]), np.nanmax(model.train_data["amount"]))
