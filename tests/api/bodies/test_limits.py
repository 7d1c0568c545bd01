from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.wiring.services import Services
from config.settings import Settings
from tests.api.bodies.test_reading import JSON
from tests.api.builders import ROW, make_key


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"9223372036854775808", "Expected a whole number from -9223372036854775808 to 9223372036854775807."),
        (b"-9223372036854775809", "Expected a whole number from -9223372036854775808 to 9223372036854775807."),
        (b"18446744073709551616", "Expected a whole number from -9223372036854775808 to 9223372036854775807."),
        (b"1" + b"0" * 300, "Expected a whole number from -9223372036854775808 to 9223372036854775807."),
        (b"1e300", "Expected a whole number from -9223372036854775808 to 9223372036854775807."),
        (b"[[1]]", "Expected a whole number, got a list."),
    ],
)
def test_a_number_that_64_bits_do_not_hold_is_a_fault_of_its_field(
    client: FlaskClient, value: bytes, message: str
) -> None:
    body = json.dumps({"data": [ROW]}).encode().replace(b'"tenure": 1,', b'"tenure": ' + value + b",")

    answer = client.post("/predict", data=body, headers=JSON)

    assert answer.status_code == 422
    assert answer.get_json()["errors"] == [{"row": 0, "field": "tenure", "message": message}]


def test_a_document_may_nest_as_deep_as_the_limit_where_nobody_reads_it(client: FlaskClient) -> None:
    deep: Any = 1
    for _ in range(29):
        deep = [deep]
    body = client.post("/predict", json={"data": [{**ROW, "note": deep}]}).get_json()
    assert [warning["field"] for warning in body["warnings"]] == ["note"]
    assert client.post("/predict", json={"data": [{**ROW, "note": [deep]}]}).status_code == 400


def test_an_escaped_backslash_before_u0000_is_no_nul(client: FlaskClient) -> None:
    body = client.post("/predict", json={"data": [{**ROW, "contract": "\\u0000"}]}).get_json()
    assert [warning["field"] for warning in body["warnings"]] == ["contract"]


def test_more_lists_and_objects_than_rows_need_are_refused_before_they_are_made(client: FlaskClient) -> None:
    answer = client.post("/predict", data=b'{"data":[' + b"{}," * 16_000 + b"{}]}", headers=JSON)
    assert (answer.status_code, answer.get_json()["error"]) == (413, "too_many_rows")
    assert answer.get_json()["detail"] == (
        "The body holds more than 16000 lists and objects; one request may hold 10000 rows."
    )
    brackets_in_text = client.post("/predict", json={"data": [{**ROW, "contract": "[{" * 16_000}]})
    assert brackets_in_text.status_code == 200


@pytest.mark.parametrize(
    ("size", "status"), [(100_000, 200), (100_001, 422)], ids=["as long as the limit", "one character more"]
)
def test_text_has_a_longest_length(client: FlaskClient, size: int, status: int) -> None:
    answer = client.post("/predict", json={"data": [{**ROW, "contract": "x" * size}]})
    assert answer.status_code == status
    if status != 200:
        assert answer.get_json()["errors"] == [
            {"row": 0, "field": "contract", "message": "Expected text of at most 100000 characters."}
        ]


def test_a_row_has_a_most_of_fields(client: FlaskClient) -> None:
    row = {**ROW, **{f"x{position}": 0 for position in range(9996)}}
    assert client.post("/predict", json={"data": [row]}).status_code == 200
    answer = client.post("/predict", json={"data": [{**row, "one_more": 0}]})
    assert answer.status_code == 422
    assert answer.get_json()["errors"] == [
        {"row": 0, "field": None, "message": "A row may hold 10000 fields, this one holds 10001."}
    ]


def test_a_field_named_twice_far_into_the_body_is_refused_without_its_name(client: FlaskClient) -> None:
    rows = b",".join([json.dumps(ROW).encode()] * 1000)
    answer = client.post("/predict", data=b'{"data": [' + rows + b', {"a": 1, "a": 2}]}', headers=JSON)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "duplicate_field")
    assert answer.get_json()["detail"] == "A field is named twice in one object."


@pytest.mark.parametrize("path", ["/models/2/canary", "/models/2/shadow", "/keys"])
def test_the_body_of_an_administrative_act_is_small(
    client: FlaskClient, services: Services, settings: Settings, path: str
) -> None:
    client.environ_base["HTTP_X_API_KEY"] = make_key(services, settings, "admin").text
    answer = client.post(path, data=b" " * 64_001, headers=JSON)
    assert (answer.status_code, answer.get_json()["error"]) == (413, "too_large")
    assert answer.get_json()["detail"] == "The body is larger than 64 KB."
    assert client.post(path, data=b" " * 64_000, headers=JSON).status_code == 400
    # The same strict way in: nothing else reads a body.
    assert client.post(path, data=b"{", headers={"Content-Type": "text/plain"}).status_code == 415
    assert client.post(path, data=b'{"a": 1, "a": 1}', headers=JSON).get_json()["error"] == "duplicate_field"
