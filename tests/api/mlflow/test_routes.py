from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from flask.testing import FlaskClient

from app.wiring.services import Services
from tests.api.builders import ROW

FRAME = pd.DataFrame([ROW, {**ROW, "tenure": 5}])


@pytest.mark.parametrize(
    "document",
    [
        {"dataframe_split": FRAME.to_dict(orient="split")},
        {"dataframe_records": FRAME.to_dict(orient="records")},
        {"instances": FRAME.to_dict(orient="records")},
        {"inputs": FRAME.to_dict(orient="list")},
        {"inputs": FRAME.to_dict(orient="list"), "params": {"temperature": 0.5}},
        {"data": FRAME.to_dict(orient="records")},
    ],
    ids="+".join,
)
def test_documents_of_mlflow_are_answered(client: FlaskClient, document: dict[str, Any]) -> None:
    answer = client.post("/invocations", json=document)
    assert answer.status_code == 200
    assert answer.get_json()["predictions"] == ["Yes", "Yes"]
    assert answer.get_json()["probabilities"] == [{"No": 0.27, "Yes": 0.73}] * 2


def test_a_csv_is_answered_as_sagemaker_asks(client: FlaskClient) -> None:
    headers = {
        "Content-Type": "text/csv",
        "Accept": "text/csv",
        "X-Amzn-SageMaker-Custom-Attributes": "trace=1",
    }
    answer = client.post("/invocations", data=FRAME.to_csv(index=False), headers=headers)
    assert answer.status_code == 200
    lines = answer.text.splitlines()
    assert lines[0] == "prediction_id,prediction,probability_No,probability_Yes"
    assert [line.split(",")[1:] for line in lines[1:]] == [["Yes", "0.27", "0.73"]] * 2


def test_faults_name_rows_and_columns_in_every_document(client: FlaskClient) -> None:
    wrong = FRAME.astype(object)
    wrong.loc[1, "tenure"] = "many"
    told = [
        client.post("/invocations", json=document).get_json()["errors"]
        for document in (
            {"dataframe_split": wrong.to_dict(orient="split")},
            {"dataframe_records": wrong.to_dict(orient="records")},
            {"inputs": wrong.to_dict(orient="list")},
        )
    ]
    fault = {"row": 1, "field": "tenure", "message": "Expected a whole number, got text that is not a number."}
    assert told == [[fault]] * 3


def test_rows_without_names_are_refused(client: FlaskClient) -> None:
    answer = client.post("/invocations", json={"instances": [[1, "Month-to-month", 0, "2023-05-01"]]})
    assert answer.status_code == 422
    assert answer.get_json()["errors"] == [
        {"row": 0, "field": None, "message": "Expected an object with one member per feature."}
    ]


def test_a_column_twice_in_an_object_of_columns_is_refused(client: FlaskClient) -> None:
    body = b'{"inputs": {"tenure": [1], "contract": ["One year"], "tenure": [2]}}'
    answer = client.post("/invocations", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.get_json()["error"]) == (400, "duplicate_field")


def test_ping_tells_whether_predictions_can_be_made(anonymous: FlaskClient, services: Services) -> None:
    assert anonymous.get("/ping").status_code == 200
    services.active.current = None
    assert anonymous.get("/ping").status_code == 503
