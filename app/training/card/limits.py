"""What a model was not made for, said in sentences that follow from its data."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from app.charts.page import Section
from app.charts.text import show_list, show_text
from app.release.manifest import Manifest
from app.release.schema import Feature, FeatureSchema

_FEW_HELD_OUT_ROWS = 500
_GENERAL = (
    "Its figures hold for rows like those held out. Where customers, prices or habits change, they fade: compare live "
    "rows with training, and answers with outcomes.",
    "A correlation is enough for it. What would happen if somebody changed a feature, it cannot tell.",
    "Nobody has examined here whether it treats groups of people alike. Do so before it has a part in decisions about "
    "people, and let a person decide where much is at stake.",
)


def describe_limits(manifest: Manifest, schema: FeatureSchema) -> Section:
    """What it saw and what it never saw."""
    points = (
        f"It answers one question: {show_text(manifest.label)}. Use it for rows of the kind it was trained on.",
        *_describe_data(manifest),
        *_describe_ranges(schema),
        *_describe_categories(schema),
        *_describe_nulls(schema),
        *_GENERAL,
    )
    return Section(key="limits", title="Limits", points=points)


def _describe_data(manifest: Manifest) -> Iterable[str]:
    if manifest.rows_train is None:
        yield "Its training data was not at hand: ranges, categories and nulls are those of the held-out rows."
    if manifest.rows_held_out < _FEW_HELD_OUT_ROWS:
        yield f"Only {manifest.rows_held_out:,} rows were held out: read the intervals, not the figures alone."
    if manifest.problem_type in ("binary", "multiclass"):
        yield "It knows the classes of training and no other: a row of a new kind gets one of the old answers."


def _describe_ranges(schema: FeatureSchema) -> Iterable[str]:
    numbers = _choose(schema, lambda feature: feature.type in ("int", "float") and feature.categories is None)
    if numbers:
        yield (
            f"Outside the ranges of training (of {_count(numbers)}) it has learned nothing: trees repeat the answer of "
            "the edge, lines go straight on. The server warns or refuses, by setting."
        )
    for feature in _choose(schema, lambda feature: feature.type == "datetime" and feature.maximum is not None)[:3]:
        yield f"It has seen nothing after {show_text(feature.maximum, most=30)} in {show_text(feature.name)}."


def _describe_categories(schema: FeatureSchema) -> Iterable[str]:
    open_ones = _choose(schema, lambda feature: feature.categories is not None and not feature.two_valued)
    closed = _choose(schema, lambda feature: feature.two_valued)
    if open_ones:
        yield (
            f"Categories that training never had mean nothing to it (of {_count(open_ones)}). The server "
            "warns or refuses, by setting."
        )
    if closed:
        yield f"Two values and no other are taken for {_name(closed)}: anything else is refused."


def _describe_nulls(schema: FeatureSchema) -> Iterable[str]:
    never = _choose(schema, lambda feature: feature.nullable is False)
    unknown = _choose(schema, lambda feature: feature.nullable is None)
    if never:
        yield f"Training had no nulls in {_name(never)}: a null there is refused."
    if unknown:
        yield f"Whether training had nulls in {_name(unknown)} is not known: a null is taken with a warning."


def _count(features: list[Feature]) -> str:
    return "1 feature" if len(features) == 1 else f"{len(features):,} features"


def _choose(schema: FeatureSchema, applies: Callable[[Feature], bool]) -> list[Feature]:
    return [feature for feature in schema.features if applies(feature)]


def _name(features: list[Feature]) -> str:
    return show_list([feature.name for feature in features])
