"""Small profiles, and live rows that were counted in their bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np
import orjson

from app.monitoring.drift.sketcher import ProfileSketcher
from app.monitoring.drift.window import LiveColumn
from app.release.profile.bins import NumberBins
from app.release.profile.opening import OpenedProfile
from app.release.profile.reference import AnswerProfile, ColumnProfile, ReferenceProfile
from app.release.schema import Feature, FeatureSchema
from app.runtime.dates.reading import read_seconds
from app.training.publication.reference import profile_rows

START = datetime(2026, 11, 24, 8, 0, tzinfo=timezone.utc)
FEATURES = (
    Feature(name="amount", type="float", dtype="float64", nullable=True),
    Feature(name="visits", type="int", dtype="int64", nullable=False),
    Feature(name="city", type="category", dtype="object", nullable=True, categories=("Bonn", "Oslo", "Rome")),
    Feature(name="member", type="bool", dtype="bool", nullable=False),
    Feature(name="seen", type="datetime", dtype="object", nullable=True),
    Feature(name="note", type="text", dtype="object", nullable=True),
)
IMPORTANCE = {"amount": 0.1, "visits": 0.01, "city": 0.2, "member": 0.0, "seen": 0.05, "note": -0.001}
PLACES = {feature.name: place for place, feature in enumerate(FEATURES)}

Row = tuple[Any, ...]


def make_rows(count: int, *, seed: int = 0) -> list[Row]:
    random = np.random.default_rng(seed)
    return [
        (
            None if random.random() < 0.05 else float(random.normal(50, 20)),
            int(random.poisson(3)),
            str(random.choice(["Bonn", "Oslo", "Rome"], p=[0.6, 0.3, 0.1])),
            bool(random.random() < 0.4),
            f"2026-{random.integers(1, 13):02}-{random.integers(1, 28):02}",
            "word " * int(random.integers(1, 30)),
        )
        for _ in range(count)
    ]


def make_profile(rows: Sequence[Row] | None = None, *, digest: str = "p1") -> OpenedProfile:
    """The profile of rows, of a model that answers `yes` to every other row."""
    schema = FeatureSchema(FEATURES)
    profile = ReferenceProfile(
        source="training",
        features=profile_rows(make_rows(4000) if rows is None else rows, schema, lonely={}),
        answers=(AnswerProfile(view="probability", of="yes", column=make_column("probability of yes")),),
    )
    return OpenedProfile(digest=digest, profile=profile, schema=schema, importance=IMPORTANCE)


def make_column(name: str) -> ColumnProfile:
    """Numbers from 0 to 1, equally often."""
    bins = NumberBins(tuple((part / 10, part / 10 + 0.099) for part in range(10)))
    return ColumnProfile(name=name, kind="number", bins=bins, counts=(0, *[200] * 10, 0, 0), mean=0.5, deviation=0.29)


def make_probabilities(count: int) -> list[Mapping[str, float]]:
    return [{"no": 1 - share, "yes": share} for share in np.linspace(0, 0.999, count)]


def make_sketch(
    rows: Sequence[Row], opened: OpenedProfile, *, version: str = "3", at: float = START.timestamp()
) -> dict[str, Any]:
    """The record of rows that one process answered, as it is read from the log."""
    sketcher = ProfileSketcher(version, opened, read_date=read_seconds, clock=lambda: at)
    sketcher.add(rows, ["yes"] * len(rows), make_probabilities(len(rows)))
    record: dict[str, Any] = orjson.loads(orjson.dumps(sketcher.flush()))
    return record


def change(rows: Sequence[Row], name: str, values: Sequence[Any]) -> list[Row]:
    """Rows with other values of one feature."""
    place = PLACES[name]
    return [(*row[:place], value, *row[place + 1 :]) for row, value in zip(rows, values, strict=True)]


def count_live(profile: ColumnProfile, values: Any) -> LiveColumn:
    total = float(np.nansum(values)) if isinstance(profile.bins, NumberBins) else 0.0
    return LiveColumn(profile.bins.count(values), total)
