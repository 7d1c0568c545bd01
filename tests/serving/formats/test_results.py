from __future__ import annotations

import io
from typing import Any

import orjson
import pandas as pd
import pyarrow.ipc
import pyarrow.parquet
import pytest

from app.errors import UnsupportedMediaType
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
