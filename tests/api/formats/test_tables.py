from __future__ import annotations

import gzip
import io
from typing import Any

import orjson
import pandas as pd
import pyarrow.ipc
import pytest
import zstandard
from flask.testing import FlaskClient

from app.serving.formats.media_types import ARROW_STREAM, CSV, JSON_LINES, PARQUET, TABLES
from app.wiring.services import Services
from tests.api.builders import ROW
from tests.serving.formats.builders import write_table

JSON = {"Content-Type": "application/json"}


def send(client: FlaskClient, rows: list[dict[str, Any]], media_type: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/predict", data=write_table(rows, media_type), headers={"Content-Type": media_type, **named})


@pytest.mark.parametrize("media_type", TABLES)
def test_a_table_is_answered_like_json(client: FlaskClient, media_type: str) -> None:
    rows = [ROW, {**ROW, "contract": "Ten years"}]
    answer, like = send(client, rows, media_type), client.post("/predict", json={"data": rows})

    body, expected = answer.get_json(), like.get_json()
    for varying in ("prediction_ids", "request_id", "timestamp"):
        assert len(str(body.pop(varying))) == len(str(expected.pop(varying)))
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert list(body) == list(expected)
    assert body == expected


@pytest.mark.parametrize("sent", ["application/json", *TABLES])
@pytest.mark.parametrize(
    ("accept", "read"),
    [
        (CSV, lambda body: pd.read_csv(io.BytesIO(body)).to_dict("records")),
        (JSON_LINES, lambda body: [orjson.loads(line) for line in body.splitlines()]),
        (PARQUET, lambda body: pd.read_parquet(io.BytesIO(body)).to_dict("records")),
        (ARROW_STREAM, lambda body: pyarrow.ipc.open_stream(body).read_all().to_pylist()),  # type: ignore[no-untyped-call]
    ],
)
def test_the_answer_comes_in_the_format_that_is_asked_for(
    client: FlaskClient, sent: str, accept: str, read: Any
) -> None:
    rows = [ROW, {**ROW, "contract": "Ten years"}]
    if sent in TABLES:
        answer = send(client, rows, sent, Accept=accept)
    else:
        answer = client.post("/predict", json={"data": rows}, headers={"Accept": accept})

    assert answer.status_code == 200
    assert answer.content_type.partition(";")[0] == accept
    assert answer.headers["X-Model-Version"] == "3"
    assert answer.headers["X-Warning-Count"] == "1"
    table = read(answer.data)
    assert len({row.pop("prediction_id") for row in table}) == 2
    assert table == [{"prediction": "Yes", "probability_No": 0.27, "probability_Yes": 0.73}] * 2


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("text/*", CSV),
        ("application/json;q=0.5, text/csv", CSV),
        ("application/jsonl", JSON_LINES),
        ("application/x-parquet", PARQUET),
    ],
)
def test_of_several_formats_the_best_liked_is_chosen(client: FlaskClient, accept: str, answered: str) -> None:
    answer = client.post("/predict", json={"data": [ROW]}, headers={"Accept": accept})
    assert answer.content_type.partition(";")[0] == answered


def test_a_format_that_there_is_not_is_refused(client: FlaskClient) -> None:
    answer = client.post("/predict", json={"data": [ROW]}, headers={"Accept": "text/html"})
    assert answer.status_code == 406
    assert answer.get_json()["error"] == "not_acceptable"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("media_type", ["application/json", CSV])
def test_a_compressed_body_is_read(client: FlaskClient, encoding: str, media_type: str) -> None:
    body = orjson.dumps({"data": [ROW]}) if media_type == "application/json" else write_table([ROW], CSV)
    packed = gzip.compress(body) if encoding == "gzip" else zstandard.compress(body)
    answer = client.post("/predict", data=packed, headers={"Content-Type": media_type, "Content-Encoding": encoding})
    assert answer.status_code == 200
    assert answer.get_json()["predictions"] == ["Yes"]


@pytest.mark.parametrize("media_type", ["application/json", CSV])
def test_a_bomb_is_refused(client: FlaskClient, media_type: str) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    answer = client.post("/predict", data=bomb, headers={"Content-Type": media_type, "Content-Encoding": "gzip"})
    assert answer.status_code == 413
    assert answer.get_json()["detail"] == "The body is larger than 1 MB."


@pytest.mark.parametrize(
    ("encoding", "status", "error"),
    [
        ("br", 415, "unsupported_media_type"),
        ("gzip, gzip", 415, "unsupported_media_type"),
        ("gzip", 400, "invalid_encoding"),
    ],
)
def test_what_cannot_be_unpacked_is_refused(client: FlaskClient, encoding: str, status: int, error: str) -> None:
    answer = client.post("/predict", data=b"{}", headers={**JSON, "Content-Encoding": encoding})
    assert (answer.status_code, answer.get_json()["error"]) == (status, error)


def test_other_routes_take_no_compressed_body(client: FlaskClient) -> None:
    answer = client.post("/auth/token", data=gzip.compress(b"{}"), headers={**JSON, "Content-Encoding": "gzip"})
    assert answer.status_code == 415
    assert answer.get_json()["detail"] == "The body must not be compressed: send it without Content-Encoding."


def test_rows_of_a_table_are_numbered_from_its_first(client: FlaskClient) -> None:
    rows = [ROW] * 300 + [{**ROW, "tenure": "many"}]
    answer = send(client, rows, CSV)
    assert answer.status_code == 422
    assert answer.get_json()["errors"] == [
        {"row": 300, "field": "tenure", "message": "Expected a whole number, got text that is not a number."}
    ]


def test_a_damaged_table_is_told(client: FlaskClient) -> None:
    answer = client.post("/predict", data=b"tenure,contract\n1\n", headers={"Content-Type": CSV})
    assert answer.status_code == 400
    assert answer.get_json()["error"] == "invalid_table"
    assert answer.get_json()["detail"] == "Line 2 has 1 cells, the header 2."


def test_text_in_another_charset_is_refused(client: FlaskClient) -> None:
    answer = client.post("/predict", data=b"a\n1\n", headers={"Content-Type": "text/csv; charset=latin-1"})
    assert answer.status_code == 415


@pytest.mark.parametrize("accept", ["application/json", CSV, PARQUET])
def test_a_long_table_is_answered_row_by_row(client: FlaskClient, services: Services, accept: str) -> None:
    rows = [{**ROW, "tenure": position % 70} for position in range(3_000)]
    answer = send(client, rows, CSV, Accept=accept)

    assert answer.status_code == 200
    if accept == "application/json":
        body = answer.get_json()
        assert body["predictions"] == ["Yes"] * 3_000
        assert body["probabilities"] == [{"No": 0.27, "Yes": 0.73}] * 3_000
        assert len(set(body["prediction_ids"])) == 3_000
    else:
        frame = pd.read_csv(io.BytesIO(answer.data)) if accept == CSV else pd.read_parquet(io.BytesIO(answer.data))
        assert len(set(frame["prediction_id"])) == 3_000


def test_a_long_table_is_one_request_in_the_metrics_and_all_its_rows_are_counted(
    client: FlaskClient, services: Services
) -> None:
    send(client, [ROW] * 3_000, CSV)
    services.observations.drain()
    page = services.metrics.write_page("text/plain").content.decode()
    assert 'gluonserve_requests_total{route="/predict",status="200",version="3"} 1.0' in page
    assert 'gluonserve_predicted_rows_total{execution="plan",role="active",version="3"} 3000.0' in page
