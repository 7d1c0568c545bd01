from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow.ipc
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import UnsupportedMediaType
from app.runtime.predictions import PredictedColumns
from app.serving.formats.media_types import ARROW_STREAM, CSV, JSON_LINES, PARQUET, TABLES
from app.serving.formats.results import ResultLayout, open_result_writer
from tests.manifests import make_manifest

BINARY = ResultLayout.of(make_manifest(), has_ids=True)
QUANTILE = ResultLayout(problem_type="quantile", quantile_levels=(0.1, 0.5))


def write(media_type: str, layout: ResultLayout, *parts: tuple[Any, ...]) -> bytes:
    sink = io.BytesIO()
    writer = open_result_writer(sink, media_type, layout)
    for part in parts:
        writer.write(*part)
    writer.close()
    assert not sink.closed
    return sink.getvalue()


def read(body: bytes, media_type: str) -> list[dict[str, Any]]:
    """As users of these formats read them."""
    if media_type == CSV:
        rows: list[dict[str, Any]] = pd.read_csv(io.BytesIO(body), float_precision="round_trip").to_dict("records")
    elif media_type == JSON_LINES:
        rows = [orjson.loads(line) for line in body.splitlines()]
    elif media_type == PARQUET:
        rows = pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist()  # type: ignore[no-untyped-call]
    else:
        rows = pyarrow.ipc.open_stream(body).read_all().to_pylist()  # type: ignore[no-untyped-call]
    return rows


@pytest.mark.parametrize("media_type", TABLES)
def test_classes_come_with_their_ids_and_probabilities(media_type: str) -> None:
    first = (["Yes"], [{"No": 0.1, "Yes": 0.9}], ["a-0"])
    second = (["No", "No"], [{"No": 2 / 3, "Yes": 1 / 3}, {"No": 1.0, "Yes": 0.0}], ["b-0", "b-1"])
    assert read(write(media_type, BINARY, first, second), media_type) == [
        {"prediction_id": "a-0", "prediction": "Yes", "probability_No": 0.1, "probability_Yes": 0.9},
        {"prediction_id": "b-0", "prediction": "No", "probability_No": 2 / 3, "probability_Yes": 1 / 3},
        {"prediction_id": "b-1", "prediction": "No", "probability_No": 1.0, "probability_Yes": 0.0},
    ]


@pytest.mark.parametrize("media_type", TABLES)
def test_numbers_read_back_as_they_were(media_type: str) -> None:
    layout = ResultLayout(problem_type="regression")
    numbers = [0.1 + 0.2, 1e-300, -5.0]
    body = write(media_type, layout, (numbers, None))
    assert [row["prediction"] for row in read(body, media_type)] == numbers


@pytest.mark.parametrize("media_type", TABLES)
def test_quantiles_have_a_column_each(media_type: str) -> None:
    body = write(media_type, QUANTILE, ([{"0.1": 1.5, "0.5": 2.5}], None))
    assert read(body, media_type) == [{"quantile_0.1": 1.5, "quantile_0.5": 2.5}]


@pytest.mark.parametrize("media_type", TABLES)
@pytest.mark.parametrize("labels", [(1, 2), (True, False), (0.5, 1.5)])
def test_classes_that_are_no_text_stay_what_they_are(media_type: str, labels: tuple[Any, ...]) -> None:
    layout = ResultLayout(problem_type="binary", class_labels=labels)
    row = {str(labels[0]): 0.75, str(labels[1]): 0.25}
    [read_back] = read(write(media_type, layout, ([labels[0]], [row])), media_type)
    assert read_back["prediction"] == labels[0]
    assert type(read_back["prediction"]) is type(labels[0])


@pytest.mark.parametrize("media_type", TABLES)
def test_a_table_of_no_rows_has_its_columns(media_type: str) -> None:
    body = write(media_type, BINARY)
    assert read(body, media_type) == []
    if media_type == CSV:
        assert body == b"prediction_id,prediction,probability_No,probability_Yes\n"


def test_classes_of_several_kinds_are_text_in_a_typed_table() -> None:
    layout = ResultLayout(problem_type="multiclass", class_labels=("a", 1))
    body = write(ARROW_STREAM, layout, ([1], [{"a": 0.25, "1": 0.75}]))
    assert read(body, ARROW_STREAM)[0]["prediction"] == "1"


def test_a_label_with_a_comma_is_quoted() -> None:
    layout = ResultLayout(problem_type="binary", class_labels=("a,b", "c"))
    body = write(CSV, layout, (["a,b"], [{"a,b": 0.75, "c": 0.25}]))
    assert body == b'prediction,"probability_a,b",probability_c\n"a,b",0.75,0.25\n'


def test_another_format_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType):
        open_result_writer(io.BytesIO(), "text/html", BINARY)


def write_columns(media_type: str, layout: ResultLayout, predicted: PredictedColumns, ids: Sequence[str]) -> bytes:
    sink = io.BytesIO()
    writer = open_result_writer(sink, media_type, layout)
    writer.write_columns(predicted, ids)
    writer.close()
    return sink.getvalue()


FLOATS = st.floats(0, 1) | st.floats(0, 1, width=32) | st.sampled_from([0.0, 1.0, 1e-4, 9.999e-5, 1e-5, 5e-324])
SIZES = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [1e15, 1e16, 1e17, 123456789012345680.0, -0.0]
)


@given(
    st.lists(st.tuples(st.sampled_from(['a,"b', "", " ü\r", "x\ny"]), st.text(max_size=3), FLOATS, SIZES), max_size=8)
)
def test_classes_that_come_as_columns_are_written_to_the_byte_as_row_by_row(
    rows: list[tuple[str, str, float, float]],
) -> None:
    layout = ResultLayout(problem_type="binary", class_labels=('a,"b', "x\ny"), has_ids=True)
    labels, ids = [row[0] for row in rows], [row[1] for row in rows]
    first, second = [row[2] for row in rows], [row[3] for row in rows]
    by_class = {'a,"b': np.array(first), "x\ny": np.array(second)}
    probabilities = [dict(zip(by_class, pair, strict=True)) for pair in zip(first, second, strict=True)]
    for media_type in TABLES:
        by_columns = write_columns(media_type, layout, PredictedColumns(labels, by_class), ids)
        assert by_columns == write(media_type, layout, (labels, probabilities, ids))


@pytest.mark.parametrize("media_type", TABLES)
@pytest.mark.parametrize("labels", [(1, 2), (True, False), (0.5, 1.5), ("a", 1)])
def test_classes_of_any_kind_are_the_same_as_columns(media_type: str, labels: tuple[Any, ...]) -> None:
    layout = ResultLayout(problem_type="binary", class_labels=labels)
    predicted = PredictedColumns(labels, {str(label): np.array([0.25, 0.75]) for label in labels})
    rows = [{str(label): number for label in labels} for number in (0.25, 0.75)]
    assert write_columns(media_type, layout, predicted, ()) == write(media_type, layout, (list(labels), rows))


@given(st.lists(SIZES, max_size=8))
def test_numbers_that_come_as_columns_are_written_to_the_byte_as_row_by_row(numbers: list[float]) -> None:
    layout, values = ResultLayout(problem_type="regression"), np.array(numbers, dtype=np.float64)
    by_level = PredictedColumns(None, {"0.1": values, "0.5": -values})
    levels = [{"0.1": number, "0.5": -number} for number in numbers]
    for media_type in TABLES:
        assert write_columns(media_type, layout, PredictedColumns(values, {}), ()) == write(
            media_type, layout, (numbers, None)
        )
        assert write_columns(media_type, QUANTILE, by_level, ()) == write(media_type, QUANTILE, (levels, None))
