from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from flask.testing import FlaskClient

from app.wiring.services import Services
from tests.api.builders import SteadyNumbers, make_loaded_release

INPUTS: list[dict[str, Any]] = [
    {"name": "tenure", "datatype": "INT64", "shape": [2], "data": [1, 2]},
    {"name": "contract", "datatype": "BYTES", "shape": [2, 1], "data": [["One year"], ["Month-to-month"]]},
    {"name": "senior", "datatype": "INT64", "shape": [2], "data": [0, 1]},
    {"name": "since", "datatype": "BYTES", "shape": [2], "data": ["2023-05-01", None]},
]
INFER = "/v2/models/churn/infer"


def replace_tensor(position: int, **changes: Any) -> list[dict[str, Any]]:
    inputs = [dict(tensor) for tensor in INPUTS]
    inputs[position].update(changes)
    return inputs


def test_the_model_names_a_tensor_for_each_feature_and_each_class(client: FlaskClient) -> None:
    assert client.get("/v2/models/churn").get_json() == {
        "name": "churn",
        "versions": ["3"],
        "platform": "autogluon_tabular",
        "inputs": [
            {"name": "tenure", "datatype": "INT64", "shape": [-1]},
            {"name": "contract", "datatype": "BYTES", "shape": [-1]},
            {"name": "senior", "datatype": "INT64", "shape": [-1]},
            {"name": "since", "datatype": "BYTES", "shape": [-1]},
        ],
        "outputs": [
            {"name": "prediction_id", "datatype": "BYTES", "shape": [-1]},
            {"name": "prediction", "datatype": "BYTES", "shape": [-1]},
            {"name": "probability_No", "datatype": "FP64", "shape": [-1]},
            {"name": "probability_Yes", "datatype": "FP64", "shape": [-1]},
        ],
    }


def test_tensors_in_json_are_answered_in_json(client: FlaskClient) -> None:
    answer = client.post(INFER, json={"id": "order-17", "inputs": INPUTS}, headers={"X-Request-ID": "r1"})
    body = answer.get_json()
    identifiers = body["outputs"].pop(0)
    assert answer.status_code == 200
    assert len(set(identifiers["data"])) == 2
    assert body == {
        "model_name": "churn",
        "model_version": "3",
        "id": "order-17",
        "parameters": {"request_id": "r1", "warnings": 0},
        "outputs": [
            {"name": "prediction", "datatype": "BYTES", "shape": [2], "data": ["Yes", "Yes"]},
            {"name": "probability_No", "datatype": "FP64", "shape": [2], "data": [0.27, 0.27]},
            {"name": "probability_Yes", "datatype": "FP64", "shape": [2], "data": [0.73, 0.73]},
        ],
    }


def test_only_the_tensors_that_are_asked_for_are_answered(client: FlaskClient) -> None:
    body = client.post(INFER, json={"inputs": INPUTS, "outputs": [{"name": "probability_Yes"}]}).get_json()
    assert [output["name"] for output in body["outputs"]] == ["probability_Yes"]


def test_tensors_may_be_bytes_both_ways(client: FlaskClient) -> None:
    tenure = np.array([1, 2], dtype="<i8").tobytes()
    inputs = replace_tensor(0, parameters={"binary_data_size": len(tenure)})
    del inputs[0]["data"]
    header = orjson.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}})
    answer = client.post(INFER, data=header + tenure, headers={"Inference-Header-Content-Length": str(len(header))})

    assert answer.status_code == 200
    size = int(answer.headers["Inference-Header-Content-Length"])
    outputs = orjson.loads(answer.data[:size])["outputs"]
    assert [output["parameters"]["binary_data_size"] for output in outputs][1:] == [14, 16, 16]
    assert np.frombuffer(answer.data[-16:], dtype="<f8").tolist() == [0.73, 0.73]


@pytest.mark.parametrize("address", ["/v2/models/other/infer", "/v2/models/churn/versions/2/infer"])
def test_another_model_is_not_there(client: FlaskClient, address: str) -> None:
    assert client.post(address, json={"inputs": INPUTS}).status_code == 404


def test_the_active_version_may_be_named(client: FlaskClient) -> None:
    assert client.post("/v2/models/churn/versions/3/infer", json={"inputs": INPUTS}).status_code == 200


@pytest.mark.parametrize(
    ("document", "status", "error", "fault"),
    [
        ([], 422, "invalid_rows", (None, None)),
        ({"inputs": []}, 422, "invalid_rows", (None, "inputs")),
        ({"inputs": replace_tensor(0, datatype="BF16")}, 422, "invalid_rows", (0, "datatype")),
        ({"inputs": replace_tensor(0, shape=[3])}, 422, "invalid_rows", (None, "tenure")),
        ({"inputs": replace_tensor(0, shape=[])}, 422, "invalid_rows", (None, "tenure")),
        ({"inputs": replace_tensor(0, shape=[1, 2])}, 422, "invalid_rows", (None, "tenure")),
        ({"inputs": replace_tensor(0, shape=[1], data=[1])}, 422, "invalid_rows", (None, "contract")),
        ({"inputs": replace_tensor(0, data=[1, "many"])}, 422, "invalid_rows", (1, "tenure")),
        ({"inputs": INPUTS[1:]}, 422, "invalid_rows", (0, "tenure")),
        ({"inputs": INPUTS, "outputs": [{"name": "odds"}]}, 422, "invalid_rows", (None, "odds")),
        ({"inputs": [*INPUTS, INPUTS[0]]}, 400, "duplicate_field", None),
        ({"inputs": [{"name": "tenure", "datatype": "INT64", "shape": [2]}]}, 400, "invalid_tensor", None),
    ],
)
def test_what_does_not_fit_is_refused(
    client: FlaskClient, document: Any, status: int, error: str, fault: tuple[Any, Any] | None
) -> None:
    answer = client.post(INFER, json=document)
    body = answer.get_json()
    assert (answer.status_code, body["error"]) == (status, error)
    if fault is not None:
        assert (body["errors"][0]["row"], body["errors"][0]["field"]) == fault


def test_a_fault_within_a_list_of_a_tensor_is_named_by_its_place(client: FlaskClient) -> None:
    answer = client.post(INFER, json={"inputs": replace_tensor(1, shape=[2, {}])})
    assert answer.status_code == 422
    assert answer.get_json()["errors"] == [{"row": 1, "field": "shape[1]", "message": "Not a valid integer."}]


@pytest.mark.parametrize("length", ["-1", "many", "100000"])
def test_a_header_that_ends_outside_the_body_is_refused(client: FlaskClient, length: str) -> None:
    answer = client.post(INFER, data=b"{}", headers={"Inference-Header-Content-Length": length})
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_tensor")


def test_bytes_that_no_tensor_takes_are_refused(client: FlaskClient) -> None:
    header = orjson.dumps({"inputs": INPUTS})
    headers = {"Inference-Header-Content-Length": str(len(header))}
    answer = client.post(INFER, data=header + b"1", headers=headers)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_tensor")


def test_a_model_of_numbers_has_one_output(client: FlaskClient, services: Services) -> None:
    services.active.current = make_loaded_release(
        SteadyNumbers(), problem_type="regression", class_labels=None, eval_metric="rmse"
    )
    outputs = client.post(INFER, json={"inputs": INPUTS}).get_json()["outputs"]
    assert outputs[1:] == [{"name": "prediction", "datatype": "FP64", "shape": [2], "data": [12.5, 12.5]}]


def test_health_is_told_without_a_key(anonymous: FlaskClient, services: Services) -> None:
    assert anonymous.get("/v2/health/live").get_json() == {"live": True}
    assert anonymous.get("/v2/models/churn/ready").get_json() == {"name": "churn", "ready": True}
    services.active.current = None
    assert anonymous.get("/v2/health/live").status_code == 200
    assert anonymous.get("/v2/health/ready").status_code == 503
