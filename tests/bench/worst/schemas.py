"""Feature schemas to write bodies for: like those of known data sets, and the extremes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.release.schema import Feature, FeatureSchema

_SERVICES = ("multiple_lines", "online_security", "online_backup", "device_protection", "tech_support", "streaming_tv")


def _number(name: str) -> Feature:
    return Feature(name=name, type="float", dtype="float64", nullable=True, minimum=0.0, maximum=9.5, sample=1.5)


def _count(name: str) -> Feature:
    return Feature(name=name, type="int", dtype="int64", nullable=False, minimum=0, maximum=72, sample=29)


def _flag(name: str) -> Feature:
    return Feature(name=name, type="int", dtype="int64", nullable=False, two_valued=True, categories=(0, 1), sample=1)


def _choice(name: str, *values: Any) -> Feature:
    return Feature(
        name=name, type="category", dtype="object", nullable=False, categories=values or ("No", "Yes"), sample="No"
    )


def _day(name: str, *formats: str) -> Feature:
    return Feature(
        name=name,
        type="datetime",
        dtype="object",
        nullable=False,
        minimum="2024-01-01",
        maximum="2025-12-31",
        date_formats=formats,
        sample="2024-05-01",
    )


CHURN = FeatureSchema(
    (
        *(_flag(name) for name in ("female", "senior_citizen", "partner", "dependents", "phone_service", "paperless")),
        *(_choice(name, "No", "No internet service", "Yes") for name in _SERVICES),
        _choice("contract", "No", "Month-to-month", "One year", "Two year"),
        _choice("payment_method", "No", "Bank transfer (automatic)", "Electronic check"),
        _count("tenure"),
        _number("monthly_charges"),
        _number("total_charges"),
    ),
    unused=("churn",),
)
DIAMONDS = FeatureSchema(
    (
        *(_number(name) for name in ("carat", "depth", "table", "x", "y", "z")),
        *(_choice(name, "No", "Ideal", "Premium") for name in ("cut", "color", "clarity")),
    )
)
EVERY_KIND = FeatureSchema(
    (
        _number("amount"),
        _count("visits"),
        _flag("level"),
        Feature(name="member", type="bool", dtype="bool", nullable=False, two_valued=True, categories=(False, True)),
        _choice("city", "No", "Oslo", " Rome"),
        Feature(name="shop", type="category", dtype="category", nullable=False, categories=(10, 20, 30), sample=10),
        _day("signup"),
        _day("renewal", "%d %b %Y"),
        Feature(
            name="seen",
            type="datetime",
            dtype="datetime64[ns]",
            nullable=True,
            minimum="2024-01-01T00:00:00",
            maximum="2025-12-31T00:00:00",
            sample="2024-05-01T10:00:00",
        ),
        Feature(name="note", type="text", dtype="object", nullable=True, sample="late parcel"),
    ),
    unused=("constant",),
)
SALES = FeatureSchema((*DIAMONDS.features, _day("sold", "%m/%d/%Y")))
DATES = FeatureSchema(tuple(_day(f"d{position}", "%d.%m.%Y", "%d %b %Y") for position in range(10)))
WIDE = FeatureSchema(tuple(_number(f"feature_number_{position:04}") for position in range(1000)))
SCHEMAS: Mapping[str, FeatureSchema] = {
    "churn": CHURN,
    "diamonds": DIAMONDS,
    "every kind": EVERY_KIND,
    "sales": SALES,
    "dates": DATES,
    "wide": WIDE,
}
