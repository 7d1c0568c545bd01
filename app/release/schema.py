"""The feature schema of a release: what each field of a row may hold, as seen in training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

FeatureType = Literal["int", "float", "bool", "category", "datetime", "text"]
Scalar = str | int | float | bool


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One input column.

    Attributes:
        name: The column's name, matched exactly.
        type: What a caller sends. `int` and `float` are JSON numbers or their text, `datetime` is ISO 8601 text or a
            format of training.
        dtype: The pandas dtype that the predictor was trained on: `int64`, `float32`, `object`, `datetime64[ns]` ...
        nullable: Whether training had nulls; None when no training data told (a null is then accepted with a warning).
        two_valued: Training had exactly two values (null counts as one); AutoGluon turns any other into one of them, so
            `categories` is then closed.
        categories: The values seen in training, for categories and two-valued features; else None.
        minimum, maximum: The range seen in training; ISO 8601 text for dates; None where there is no order.
        date_formats: strptime formats seen in training besides ISO 8601.
        time_zone: The time zone of a tz-aware training column; None for naive columns and for dates kept as text.
        sample: A value from training that passes validation.
    """

    name: str
    type: FeatureType
    dtype: str
    nullable: bool | None
    two_valued: bool = False
    categories: tuple[Scalar, ...] | None = None
    minimum: float | int | str | None = None
    maximum: float | int | str | None = None
    date_formats: tuple[str, ...] = ()
    time_zone: str | None = None
    sample: Scalar | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Feature:
        categories = values["categories"]
        return cls(
            **{
                **values,
                "categories": None if categories is None else tuple(categories),
                "date_formats": tuple(values["date_formats"]),
            }
        )


@dataclass(frozen=True)
class FeatureSchema:
    """All input columns of a model, in the order of the predictor.

    Attributes:
        features: The columns that a row must have.
        unused: Columns of training that the model does not use (the label, identifiers, constants): accepted, ignored.
    """

    features: tuple[Feature, ...]
    unused: tuple[str, ...] = ()

    def sample_row(self) -> dict[str, Scalar | None]:
        return {feature.name: feature.sample for feature in self.features}

    def to_dict(self) -> dict[str, Any]:
        return {"features": [feature.to_dict() for feature in self.features], "unused": list(self.unused)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FeatureSchema:
        return cls(
            features=tuple(Feature.from_dict(item) for item in values["features"]), unused=tuple(values["unused"])
        )
