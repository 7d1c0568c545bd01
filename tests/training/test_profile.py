from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from app.release.schema import Feature
from app.training.date_formats import find_date_formats
from app.training.profile import find_text_columns, profile_features, to_scalar
from app.training.refusals import TrainingRefused
from tests.fixtures import FittedModel


@pytest.fixture
def features(fitted: Callable[[str], FittedModel]) -> dict[str, Feature]:
    model = fitted("binary")
    schema = profile_features(model.predictor, train_data=model.train_data, held_out=model.held_out)
    return {feature.name: feature for feature in schema.features}


@pytest.mark.parametrize(
    ("name", "kind", "nullable", "two_valued", "categories"),
    [
        ("amount", "float", True, False, None),
        ("ratio32", "float", False, False, None),
        ("visits", "int", False, False, None),
        ("small", "int", False, False, None),
        ("member", "bool", False, True, (False, True)),
        ("newsletter", "bool", True, False, None),
        ("gender", "category", False, True, ("F", "M")),
        ("coupon", "category", True, True, ("SPRING",)),
        ("level", "int", False, True, (1, 2)),
        ("half", "float", False, True, (0.5, 1.5)),
        ("city", "category", True, False, (" Oslo", "Bonn ", "Kyiv", "Rome")),
        ("shop", "category", False, False, (10, 20, 30)),
        ("signup", "datetime", True, False, None),
        ("renewal", "datetime", False, False, None),
        ("seen", "datetime", False, False, None),
        ("seen_berlin", "datetime", False, False, None),
        ("note", "text", True, False, None),
    ],
)
def test_each_kind_of_column_gets_its_type_nulls_and_values(
    features: dict[str, Feature], name: str, kind: str, nullable: bool, two_valued: bool, categories: object
) -> None:
    feature = features[name]
    assert (feature.type, feature.nullable, feature.two_valued, feature.categories) == (
        kind,
        nullable,
        two_valued,
        categories,
    )


def test_ranges_formats_and_zones_are_those_of_training(
    features: dict[str, Feature], fitted: Callable[[str], FittedModel]
) -> None:
    data = fitted("binary").train_data
    assert (features["visits"].minimum, features["visits"].maximum) == (data["visits"].min(), data["visits"].max())
    assert features["seen"].minimum == data["seen"].min().tz_localize("UTC").isoformat()
    assert "%d %b %Y" in features["renewal"].date_formats
    assert features["signup"].date_formats == ()
    assert (features["seen"].time_zone, features["seen_berlin"].time_zone) == (None, "Europe/Berlin")


def test_what_the_model_does_not_use_is_known_but_not_required(fitted: Callable[[str], FittedModel]) -> None:
    model = fitted("binary")
    schema = profile_features(model.predictor, train_data=model.train_data, held_out=model.held_out)
    assert schema.unused == ("bought", "constant")


def test_without_training_data_nulls_that_the_hold_out_never_showed_stay_unknown(
    fitted: Callable[[str], FittedModel],
) -> None:
    model = fitted("binary")
    held_out = model.held_out.assign(note="never late again", shop=model.held_out["shop"])
    schema = profile_features(model.predictor, train_data=None, held_out=held_out)
    nullable = {feature.name: feature.nullable for feature in schema.features}
    assert nullable["amount"] is True
    assert nullable["note"] is None
    assert nullable["ratio32"] is None
    assert nullable["visits"] is False
    assert nullable["member"] is False


def test_without_training_data_only_the_two_values_that_are_known_are_accepted(
    fitted: Callable[[str], FittedModel],
) -> None:
    model = fitted("binary")
    only_true = model.held_out[model.held_out["gender"] == "M"]
    schema = profile_features(model.predictor, train_data=None, held_out=only_true)
    (gender,) = (feature for feature in schema.features if feature.name == "gender")
    assert (gender.two_valued, gender.categories) == (True, ("M",))


def test_categories_of_the_predictor_count_where_the_hold_out_lacks_them(fitted: Callable[[str], FittedModel]) -> None:
    model = fitted("binary")
    held_out = model.held_out[model.held_out["city"] == "Rome"]
    schema = profile_features(model.predictor, train_data=None, held_out=held_out)
    (city,) = (feature for feature in schema.features if feature.name == "city")
    assert city.categories == (" Oslo", "Bonn ", "Kyiv", "Rome")


def test_missing_columns_are_named(fitted: Callable[[str], FittedModel]) -> None:
    model = fitted("binary")
    with pytest.raises(TrainingRefused, match="missing from the data: city"):
        profile_features(model.predictor, train_data=None, held_out=model.held_out.drop(columns="city"))


@pytest.mark.parametrize(
    ("value", "scalar"),
    [
        (np.int8(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.nan, None),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.Timestamp("2024-05-01 10:00"), "2024-05-01T10:00:00"),
        ("text", "text"),
    ],
)
def test_values_of_a_frame_become_json_values(value: object, scalar: object) -> None:
    got = to_scalar(value)
    assert got == scalar
    assert type(got) is type(scalar)


def test_only_formats_that_name_a_whole_date_and_are_read_alike_count() -> None:
    assert find_date_formats(pd.Series(["31/12/2024", "30/11/2024"])) == ("%d/%m/%Y",)
    assert find_date_formats(pd.Series(["2024-12-31", "2024-12-31T10:00:00Z"])) == ()
    assert find_date_formats(pd.Series(["10:30", "Monday", "garbage"])) == ()


def test_columns_of_text_are_named_so_that_a_csv_can_be_read_as_training_was(
    fitted: Callable[[str], FittedModel],
) -> None:
    text = find_text_columns(fitted("binary").predictor)
    assert text == ["gender", "coupon", "city", "signup", "renewal", "note"]
