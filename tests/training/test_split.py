"""From a table to training and held-out rows: nothing in both, classes in proportion, the latest rows last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.training.refusals import InvalidTrainingSettings, TrainingRefused
from app.training.settings import build_training_settings
from app.training.split import (
    TrainingData,
    choose_at_random,
    choose_latest,
    choose_stratified,
    load_held_out,
    load_training_data,
    read_dates,
)

FRACTIONS = st.floats(0.01, 0.5)


def make_frame(rows: int = 200, *, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "row": range(rows),
            "x": random.normal(size=rows),
            "day": pd.date_range("2024-01-01", periods=rows, freq="h").strftime("%Y-%m-%dT%H:%M"),
            "kind": random.choice(["a", "b", "c"], rows, p=[0.6, 0.3, 0.1]),
            "won": random.choice(["no", "yes"], rows),
            "price": random.normal(100, 10, rows),
        }
    )


def load(
    frame: pd.DataFrame, path: Path, *, label: str, test_data: pd.DataFrame | None = None, **options: Any
) -> TrainingData:
    frame.to_csv(path / "data.csv", index=False)
    if test_data is not None:
        test_data.to_csv(path / "test.csv", index=False)
    test_path = None if test_data is None else path / "test.csv"
    return load_training_data(
        path / "data.csv", label=label, test_data=test_path, settings=build_training_settings(options=options)
    )


@given(
    labels=st.lists(st.sampled_from("abcdef"), min_size=2, max_size=300),
    fraction=FRACTIONS,
    seed=st.integers(0, 1000),
)
def test_stratified_rows_are_in_proportion_and_leave_every_class_for_training(
    labels: list[str], fraction: float, seed: int
) -> None:
    column = pd.Series(labels, index=range(7, 7 + len(labels)))
    positions = choose_stratified(column, fraction, seed)
    assert len(set(positions)) == len(positions)
    counts, held_out = column.value_counts(), column.iloc[positions].value_counts()
    for value, count in counts.items():
        kept_back = int(held_out.get(value, 0))
        assert kept_back < count
        assert abs(kept_back - count * fraction) <= 1


@given(count=st.integers(1, 500), fraction=FRACTIONS, seed=st.integers(0, 1000))
def test_random_rows_are_distinct_and_as_many_as_asked(count: int, fraction: float, seed: int) -> None:
    positions = choose_at_random(count, fraction, seed)
    assert len(set(positions)) == len(positions) == round(count * fraction)
    assert all(0 <= position < count for position in positions)
    assert positions.tolist() == choose_at_random(count, fraction, seed).tolist()


@given(moments=st.lists(st.integers(0, 20), min_size=2, max_size=200), fraction=FRACTIONS)
def test_the_latest_rows_are_later_than_every_other(moments: list[int], fraction: float) -> None:
    dates = pd.Series(moments, name="day")
    if dates.nunique() == 1:
        with pytest.raises(TrainingRefused, match="has one value only"):
            choose_latest(dates, fraction)
        return
    positions = choose_latest(dates, fraction)
    others = dates.drop(index=positions)
    assert 0 < len(positions) < len(dates)
    assert others.max() < dates.iloc[positions].min()


@settings(deadline=None, max_examples=25)
@given(rows=st.integers(60, 300), seed=st.integers(0, 50), label=st.sampled_from(["kind", "won", "price"]))
def test_no_row_is_both_trained_on_and_held_out(
    tmp_path_factory: pytest.TempPathFactory, rows: int, seed: int, label: str
) -> None:
    frame = make_frame(rows, seed=seed)
    problem_type = {"kind": "multiclass", "won": "binary", "price": "regression"}[label]
    path = tmp_path_factory.mktemp("split")
    try:
        data = load(frame, path, label=label, seed=seed, problem_type=problem_type)
    except TrainingRefused as refusal:
        assert "hardly any value" in str(refusal) or "to train on" in str(refusal)  # noqa: PT017
        return
    assert sorted([*data.train["row"], *data.held_out["row"]]) == list(range(rows))


def test_a_class_of_one_row_is_kept_for_training(tmp_path: Path) -> None:
    frame = make_frame()
    frame.loc[0, "kind"] = "rare"
    data = load(frame, tmp_path, label="kind")
    assert (data.train["kind"] == "rare").sum() == 1
    assert data.problem_type == "multiclass"


def test_a_date_column_holds_out_the_latest_rows(tmp_path: Path) -> None:
    data = load(make_frame().sample(frac=1, random_state=1), tmp_path, label="won", date_column="day")
    assert sorted(data.held_out["row"]) == list(range(160, 200))
    assert data.notes[0] == "160 rows to train on, 40 held out (the latest by day)."


def test_a_class_that_appears_only_late_is_refused(tmp_path: Path) -> None:
    frame = make_frame()
    frame.loc[190:, "kind"] = "new"
    with pytest.raises(TrainingRefused, match=r"that the training rows do not have: 'new' \(10 rows\)"):
        load(frame, tmp_path, label="kind", date_column="day")


@pytest.mark.parametrize(
    ("values", "first"),
    [
        (["2024-02-01", "2024-01-31T23:00:00Z"], 1),
        (["31/01/2024", "01/02/2024"], 0),
        (["Feb 1 2024", "Jan 31 2024"], 1),
        ([2023, 1999], 1),
        (list(pd.to_datetime(["2024-02-01", "2024-01-31"])), 1),
    ],
)
def test_dates_are_ordered_in_any_one_format(values: list[Any], first: int) -> None:
    assert int(read_dates(pd.Series(values)).argmin()) == first


@pytest.mark.parametrize("value", ["soon", None])
def test_a_value_that_is_no_date_is_refused(value: str | None) -> None:
    with pytest.raises(TrainingRefused, match="The date column 'day' has 1 values that are not dates"):
        read_dates(pd.Series(["2024-01-01", value], name="day"))


def test_rows_without_a_label_are_left_out_and_told(tmp_path: Path) -> None:
    frame = make_frame()
    frame.loc[:4, "won"] = None
    data = load(frame, tmp_path, label="won")
    assert len(data.train) + len(data.held_out) == 195
    assert "data.csv: 5 rows without a label left out." in data.notes


@pytest.mark.parametrize(
    ("change", "label", "options", "fault"),
    [
        ({"won": None}, "won", {}, "no row has a value in the label column 'won'"),
        ({"won": "yes"}, "won", {}, r"the label 'won' has one value only \('yes'\)"),
        ({"price": 5.0}, "price", {"problem_type": "regression"}, "has one value only"),
        ({}, "kind", {"problem_type": "binary"}, "has 3 values"),
        ({}, "kind", {"problem_type": "regression"}, "the label 'kind' is not numeric, so it is no regression problem"),
        ({"price": [float("inf"), *range(199)]}, "price", {"problem_type": "regression"}, "has infinite values"),
        ({}, "wonn", {}, "there is no column 'wonn'. Did you mean won"),
        ({}, "won", {"date_column": "dya"}, "there is no column 'dya'. Did you mean day"),
        ({"won": ["yes"] * 2 + ["no"] * 198}, "won", {"bag_folds": 4}, "4 folds need at least 4"),
        ({"kind": [f"k{n}" for n in range(200)]}, "kind", {}, "hardly any value of 'kind' repeats"),
    ],
)
def test_a_label_that_cannot_be_learnt_is_refused(
    tmp_path: Path, change: dict[str, Any], label: str, options: dict[str, Any], fault: str
) -> None:
    with pytest.raises(TrainingRefused, match=fault):
        load(make_frame().assign(**change), tmp_path, label=label, **options)


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="16 rows to train on; at least 20 are needed"):
        load(make_frame(20), tmp_path, label="price", problem_type="regression")


def test_a_test_file_is_held_out_whole(tmp_path: Path) -> None:
    data = load(make_frame(), tmp_path, label="won", test_data=make_frame(120, seed=1).assign(extra=1))
    assert (len(data.train), len(data.held_out)) == (200, 120)
    assert list(data.held_out.columns) == list(data.train.columns)
    assert data.notes == ("test.csv: columns that the training data does not have left out: extra.",)


def test_rows_that_are_also_trained_on_are_told(tmp_path: Path) -> None:
    frame = make_frame()
    data = load(frame, tmp_path, label="won", test_data=pd.concat([frame.head(30), make_frame(90, seed=1)]))
    assert data.notes == ("30 of 120 held-out rows also occur among the training rows; the figures flatter.",)


def test_few_held_out_rows_are_told(tmp_path: Path) -> None:
    data = load(make_frame(), tmp_path, label="won")
    assert data.notes[-1] == "Only 40 held-out rows: the figures are rough, see their intervals."


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"x": "much"}, r"column 'x' is numeric in the training data and text here \('much'\)"),
        ({"won": "perhaps"}, r"that the training rows do not have: 'perhaps' \(50 rows\)"),
        ({"won": None}, "no row has a value in the label column"),
    ],
)
def test_a_test_file_that_does_not_fit_is_refused(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    with pytest.raises(TrainingRefused, match=fault):
        load(make_frame(), tmp_path, label="won", test_data=make_frame(50).assign(**change))


def test_a_test_file_without_a_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="columns of the training data are missing: x, kind"):
        load(make_frame(), tmp_path, label="won", test_data=make_frame(50).drop(columns=["x", "kind"]))


def test_the_training_data_is_no_test_data(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    make_frame().to_csv(path, index=False)
    with pytest.raises(InvalidTrainingSettings, match="this is the training data itself"):
        load_training_data(path, label="won", test_data=path, settings=build_training_settings())


def test_a_hold_out_needs_the_features_of_its_predictor(tmp_path: Path) -> None:
    make_frame(5).to_csv(tmp_path / "h.csv", index=False)
    rows, notes = load_held_out(tmp_path / "h.csv", label="won", features=["x"])
    assert (len(rows), notes) == (5, ())
    with pytest.raises(TrainingRefused, match="there is no column 'z'"):
        load_held_out(tmp_path / "h.csv", label="won", features=["x", "z"])
