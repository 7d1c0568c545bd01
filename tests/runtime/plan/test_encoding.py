"""The matrix of a plan equals what AutoGluon's own feature pipeline makes of the same rows, to the bit."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.release.plan.features import export_features
from app.release.schema import Feature, FeatureSchema
from app.runtime.columns.column import Column
from app.runtime.frames import build_frame
from app.runtime.plan.encoding import FeatureEncoder
from app.runtime.rows import RowValidator, TypedRow
from app.training.profile import profile_features
from tests.builders import fit_predictor, make_mixed_frame

TRAINING_ROWS = 600
FLOAT32_MAX = float(np.finfo(np.float32).max)
FLOAT_EDGES = [0.0, -0.0, 5e-324, 1e-45, 0.1, 16777217.0, 2.0**53 + 2, FLOAT32_MAX, -FLOAT32_MAX]
OFFSETS = ["", "Z", "+00:00", "-00:00", "+23:59", "-23:59", "+0530", "-12:30"]
FIRST_MOMENT, LAST_MOMENT = datetime(1678, 1, 1), datetime(2261, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001
TWO_MOMENTS = ["2024-03-01T10:00", "2024-03-01T11:00:00.000000001"]


@dataclass(frozen=True)
class Pipeline:
    """AutoGluon's fitted pipeline, and the encoder that follows its document."""

    generator: Any
    schema: FeatureSchema
    encoder: FeatureEncoder

    def transform(self, rows: Sequence[TypedRow]) -> npt.NDArray[np.float64]:
        with warnings.catch_warnings():
            # pandas wonders about the order of day and month, and about int columns with nulls.
            warnings.simplefilter("ignore")
            frame = self.generator.transform(build_frame(rows, self.schema))
        return np.column_stack([_to_numbers(frame[name]) for name in frame])


def _to_numbers(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    if column.dtype != "category":
        return np.asarray(column, dtype=np.float64)
    codes = column.cat.codes.to_numpy().astype(np.float64)
    return np.where(codes < 0, np.nan, codes)


def make_wide_frame(*, rows: int = TRAINING_ROWS, seed: int = 5) -> pd.DataFrame:
    """Columns that the mixed frame lacks, more than 128 values each where they are not categories."""
    rng = np.random.default_rng(seed)

    def pick(*values: Any) -> npt.NDArray[Any]:
        return rng.choice(np.array(values, dtype=object), rows)

    def days() -> pd.DatetimeIndex:
        return pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700 * 86400, rows), unit="s")

    return pd.DataFrame(
        {
            "big": rng.integers(-(2**62), 2**62, rows),
            "unsigned": rng.integers(2**62, 2**63, rows).astype(np.uint64) * 2,
            "tiny": rng.integers(-128, 127, rows).astype(np.int8),
            "single": np.where(rng.random(rows) < 0.2, np.nan, rng.normal(size=rows) * 1e5).astype(np.float32),
            "words_and_number": pick(*"abcdefgh", 7, None),
            "ints": pick(1, 2, 3),
            "ints_and_null": pick(1, 2, 3, None),
            "floats": pd.Categorical(pick(0.5, 1.0, 2.0)),
            "category_words": pd.Categorical(pick("a", "b", " c", "d")),
            "category_blank": pd.Categorical(pick("a", "b", "", None)),
            "category_bools": pd.Categorical(pick(True, False, None)),
            "category_ints": pd.Categorical(pick(10, 20, None)),
            "string": pd.Series(pick("p", "q", "r", None)).astype("string"),
            "rare": np.where(np.arange(rows) == 5, "once", pick("k", "l", "m")),
            "blank": pick("u", "", "w"),
            "iso": days().strftime("%Y-%m-%dT%H:%M:%S"),
            "american": days().strftime("%m/%d/%Y %H:%M"),
            "european": days().strftime("%d/%m/%Y"),
            "german": days().strftime("%d.%m.%Y %H:%M:%S"),
            "spoken": days().strftime("%b %d, %Y %I:%M %p"),
            "howe": days().tz_localize("UTC").tz_convert("Australia/Lord_Howe"),
            "fixed": days().tz_localize("UTC").tz_convert("UTC+05:30"),
            "utc": days().tz_localize("UTC"),
            "nanoseconds": days() + pd.to_timedelta(rng.integers(0, 1000, rows), unit="ns"),
            "identifier": [f"id{row}" for row in range(rows)],
            "bought": pick("yes", "no"),
        }
    ).assign(copy=lambda frame: frame["big"])


def make_two_valued_frame(*, rows: int = TRAINING_ROWS, seed: int = 6) -> pd.DataFrame:
    """So many two-valued columns, of all types, that AutoGluon takes its faster ways to compare them."""
    rng = np.random.default_rng(seed)

    def pick(*values: Any) -> npt.NDArray[Any]:
        return rng.choice(np.array(values, dtype=object), rows)

    moments = [pd.Series(pd.to_datetime(pick(*TWO_MOMENTS), format="ISO8601")) for _ in range(2)]
    return pd.DataFrame(
        {
            "moment": moments[0],
            "zoned": moments[1].dt.tz_localize("Europe/Berlin"),
            "text": pick("x", "y"),
            "text_or_null": pick("x", None),
            "int": rng.choice([3, 7], rows),
            "unsigned": rng.choice(np.array([0, 2**64 - 1], dtype=np.uint64), rows),
            "float": rng.choice([0.5, 0.1], rows),
            "single": rng.choice([0.5, 0.1], rows).astype(np.float32),
            "float_or_null": rng.choice([5.0, np.nan], rows),
            "int_or_null": pick(1, None),
            "true_or_null": pick(True, None),
            "day": pick("2024-01-01", "2024-02-01"),
            "category": pd.Categorical(pick("p", "q")),
            "category_bool": pd.Categorical(pick(True, False)),
            "number_or_text": pick(1, "1"),
            "bool": rng.random(rows) < 0.4,
            "amount": rng.normal(size=rows),
            "bought": pick("yes", "no"),
        }
    )


FRAMES: dict[str, Callable[[], pd.DataFrame]] = {
    "mixed": lambda: make_mixed_frame(TRAINING_ROWS).drop(columns="note"),
    "wide": make_wide_frame,
    "two-valued": make_two_valued_frame,
}


@pytest.fixture(scope="module", params=FRAMES)
def pipeline(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    frame = FRAMES[request.param]()
    path = tmp_path_factory.mktemp("pipelines") / request.param
    predictor = fit_predictor(frame, problem_type="binary", path=path, families=("GBM",))
    schema = profile_features(predictor, train_data=frame, held_out=frame)
    generator = predictor._learner.feature_generator
    document, columns = export_features(generator, schema)
    assert [column.name for column in columns] == predictor.features("transformed")
    return Pipeline(generator, schema, FeatureEncoder(json.loads(json.dumps(document))))


def make_values(feature: Feature) -> st.SearchStrategy[Any]:
    """Values of a feature that the row validator accepts."""
    values = _make_closed_values(feature) if feature.two_valued else _make_open_values(feature)
    return values if feature.nullable is False else st.none() | values


def _make_closed_values(feature: Feature) -> st.SearchStrategy[Any]:
    return st.sampled_from(feature.categories or ())


def _make_open_values(feature: Feature) -> st.SearchStrategy[Any]:
    if feature.type == "int":
        limits = np.iinfo(feature.dtype)
        return st.integers(int(limits.min), int(limits.max)) | st.integers(0, 100)
    if feature.type == "float":
        return st.sampled_from(FLOAT_EDGES) | st.floats(-FLOAT32_MAX, FLOAT32_MAX)
    if feature.type == "bool":
        return st.booleans()
    if feature.type == "datetime":
        return make_date_texts(feature)
    numbers = st.integers(-(2**70), 2**70) | st.integers(0, 30) | st.floats(allow_nan=False, allow_infinity=False)
    kinds = {type(category) for category in feature.categories or ()}
    text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3)
    unseen = [text if kind is str else numbers for kind in kinds]
    return st.one_of(_make_closed_values(feature), *unseen)


def make_date_texts(feature: Feature) -> st.SearchStrategy[str]:
    offsets = [""] if feature.dtype == "datetime64[ns]" else OFFSETS
    moments = st.datetimes(FIRST_MOMENT, LAST_MOMENT)
    digits = st.text("0123456789", min_size=1, max_size=9)
    with_time = st.builds(
        lambda moment, form, offset: moment.strftime(form) + offset,
        moments,
        st.sampled_from(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S"])
        | digits.map("%Y-%m-%dT%H:%M:%S.{}".format),
        st.sampled_from(offsets),
    )
    spoken = [moments.map(lambda moment, form=form: moment.strftime(form)) for form in feature.date_formats]  # type: ignore[misc]
    return st.one_of(moments.map(lambda moment: moment.strftime("%Y-%m-%d")), with_time, *spoken)


def draw_rows(data: st.DataObject, schema: FeatureSchema, *, most: int) -> list[TypedRow]:
    row = st.fixed_dictionaries({feature.name: make_values(feature) for feature in schema.features})
    rows = data.draw(st.lists(row, min_size=1, max_size=most))
    return RowValidator(schema).check(rows).rows


@settings(max_examples=40)
@given(data=st.data())
def test_every_valid_row_becomes_what_autogluon_makes_of_it(pipeline: Pipeline, data: st.DataObject) -> None:
    rows = draw_rows(data, pipeline.schema, most=12)
    matrix, expected = pipeline.encoder.encode(rows), pipeline.transform(rows)
    assert matrix.flags.c_contiguous
    np.testing.assert_array_equal(matrix, expected)
    assert matrix.tobytes() == expected.tobytes()


@settings(max_examples=20)
@given(data=st.data())
def test_rows_by_their_columns_have_the_same_bits(pipeline: Pipeline, data: st.DataObject) -> None:
    rows = draw_rows(data, pipeline.schema, most=8) * 2
    columns = [Column.of(values) for values in zip(*rows, strict=True)]
    assert pipeline.encoder.encode_columns(columns).tobytes() == pipeline.encoder.encode(rows).tobytes()


@settings(max_examples=10)
@given(data=st.data())
def test_a_row_alone_and_among_others_has_the_same_bits(pipeline: Pipeline, data: st.DataObject) -> None:
    rows = draw_rows(data, pipeline.schema, most=3)
    alone = [pipeline.encoder.encode([row]) for row in rows]
    assert np.concatenate(alone).tobytes() == pipeline.encoder.encode(rows).tobytes()
    assert np.concatenate([pipeline.transform([row]) for row in rows]).tobytes() == np.concatenate(alone).tobytes()


def test_a_great_many_rows_are_encoded_like_few(pipeline: Pipeline) -> None:
    row = tuple(pipeline.schema.sample_row().values())
    assert pipeline.encoder.encode([row] * 1000).tobytes() == pipeline.transform([row] * 1000).tobytes()


def test_no_rows_make_an_empty_matrix(pipeline: Pipeline) -> None:
    assert pipeline.encoder.encode([]).shape == (0, len(pipeline.generator.features_out))
