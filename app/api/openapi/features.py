"""A feature of the active release as JSON Schema: what validation insists on is a rule, what training saw a remark."""

from __future__ import annotations

from typing import Any

from app.release.schema import Feature, Scalar

MOST_CATEGORIES_LISTED = 50
_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "datetime": "string", "text": "string"}


def describe_feature(feature: Feature) -> dict[str, Any]:
    described: dict[str, Any] = {"type": _list_types(feature), "description": _describe_in_words(feature)}
    categories = feature.categories or ()
    if feature.two_valued:
        described["enum"] = [*categories, *([None] if feature.nullable is not False else [])]
    elif 0 < len(categories) <= MOST_CATEGORIES_LISTED:
        described["x-training-categories"] = list(categories)
    if feature.minimum is not None:
        described["x-training-range"] = {"minimum": feature.minimum, "maximum": feature.maximum}
    if feature.sample is not None:
        described["examples"] = [feature.sample]
    return described


def _list_types(feature: Feature) -> str | list[str]:
    types = _list_category_types(feature.categories or ()) if feature.type == "category" else [_TYPES[feature.type]]
    if feature.nullable is not False:
        types.append("null")
    return types if len(types) > 1 else types[0]


def _list_category_types(categories: tuple[Scalar, ...]) -> list[str]:
    return sorted({_name_type(category) for category in categories}) or ["string"]


def _name_type(value: Scalar) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def _describe_in_words(feature: Feature) -> str:
    """Say what a plain JSON type does not: where values come from, and what else is taken."""
    sentences = {
        "int": ["A whole number, or its exact text."],
        "float": ["A number, or its exact text."],
        "bool": ["true or false."],
        "category": ["A category."],
        "datetime": [f"A date as ISO 8601 text{_list_formats(feature)}."],
        "text": ["Free text."],
    }[feature.type]
    if feature.two_valued:
        sentences.append(f"Only {' or '.join(_write_value(value) for value in feature.categories or ())}.")
    elif feature.categories:
        sentences.append(f"Training saw {_list_categories(feature.categories)}.")
    elif feature.minimum is not None:
        sentences.append(f"Training saw {feature.minimum} to {feature.maximum}.")
    return " ".join(sentences)


def _list_formats(feature: Feature) -> str:
    return f" or in the format {' or '.join(feature.date_formats)}" if feature.date_formats else ""


def _list_categories(categories: tuple[Scalar, ...]) -> str:
    if len(categories) > MOST_CATEGORIES_LISTED:
        return f"{len(categories)} categories"
    return ", ".join(_write_value(category) for category in categories)


def _write_value(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
