"""Rows that held-out data lacks: each value that the schema allows at its edges, put into real rows one at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from app.release.schema import Feature, FeatureSchema, Scalar

Row = dict[str, Scalar | None]

_MOST_CATEGORIES = 100
_FLOAT_EDGES = (0.0, -0.0, 1e-300, -1e-300, 0.1, 3.4e38, -3.4e38, 16777217.0)
_DATE_EDGES = (
    "1678-01-01",
    "1969-12-31T23:59:59",
    "1970-01-01",
    "2000-02-29T12:00:00.000001",
    "2024-12-31T23:59:59.999999",
    "2025-01-01T00:00:00",
    "2261-12-31",
)
_ZONED_DATE_EDGES = ("2024-03-31T02:30:00+02:00", "2024-10-27T01:30:00Z")


def mutate_rows(schema: FeatureSchema, rows: Sequence[Row]) -> list[Row]:
    """Copies of rows, each with one field set to an edge of its feature: null, extremes, every category, unseen.

    The rows are taken in turn. What a schema refuses is among the copies too: whoever checks rows leaves it out.
    """
    sources = itertools.cycle(rows)
    return [
        {**next(sources), feature.name: value} for feature in schema.features for value in list_edge_values(feature)
    ]


def mix_rows(rows: Sequence[tuple[Scalar | None, ...]], count: int) -> list[tuple[Scalar | None, ...]]:
    """`count` rows, each value of them that of a row drawn anew, so that hardly two are alike; the same ones each time.

    The values of a feature that are rare among `rows` stay rare.
    """
    draws = np.random.default_rng(0).integers(0, len(rows), size=(count, len(rows[0])))
    return [tuple(rows[place][column] for column, place in enumerate(places)) for places in draws.tolist()]


def list_edge_values(feature: Feature) -> Iterator[Scalar | None]:
    yield None
    yield from (bound for bound in (feature.minimum, feature.maximum, feature.sample) if bound is not None)
    yield from (feature.categories or ())[:_MOST_CATEGORIES]
    if feature.type == "int":
        yield from _list_whole_numbers(feature)
    elif feature.type == "float":
        yield from _list_numbers(feature)
    elif feature.type == "bool":
        yield from (True, False)
    elif feature.type == "datetime":
        yield from (*_DATE_EDGES, *_ZONED_DATE_EDGES)
    elif feature.type == "category":
        yield from ("a category that no training data had", "", -1, 10**9, 0.5, True, False)


def _list_whole_numbers(feature: Feature) -> Iterator[int]:
    limits = np.iinfo(feature.dtype.lower())
    yield from (0, 1, -1, int(limits.min), int(limits.max), 2**53 + 1)
    for bound in (feature.minimum, feature.maximum):
        if isinstance(bound, int):
            yield from (bound - 1, bound + 1)


def _list_numbers(feature: Feature) -> Iterator[float]:
    yield from _FLOAT_EDGES
    for bound in (feature.minimum, feature.maximum):
        if isinstance(bound, int | float):
            yield from (float(np.nextafter(bound, -np.inf)), float(np.nextafter(bound, np.inf)))
