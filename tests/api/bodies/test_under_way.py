"""Every route that predicts tells which body it is at, before it is parsed, and refuses those that workers died of."""

from __future__ import annotations

import orjson
import pytest
from flask.testing import FlaskClient

from app.wiring.services import Services
from tests.api.builders import ROW
from tests.serving.overload.test_lethal_bodies import Refusing

JSON, CSV = "application/json", "text/csv"
TABLE = ",".join(ROW).encode() + b"\n" + ",".join(map(str, ROW.values())).encode() + b"\n"
TENSORS = [
    {"name": "tenure", "shape": [1], "datatype": "INT64", "data": [1]},
    {"name": "contract", "shape": [1], "datatype": "BYTES", "data": ["One year"]},
    {"name": "senior", "shape": [1], "datatype": "INT64", "data": [0]},
    {"name": "since", "shape": [1], "datatype": "BYTES", "data": ["2023-05-01"]},
]

ROUTES = pytest.mark.parametrize(
    ("address", "media_type", "body"),
    [
        ("/predict", JSON, orjson.dumps({"data": [ROW]})),
        ("/predict", CSV, TABLE),
        ("/invocations", JSON, orjson.dumps({"dataframe_records": [ROW]})),
        ("/invocations", CSV, TABLE),
        ("/v2/models/churn/infer", JSON, orjson.dumps({"inputs": TENSORS})),
        ("/predict", JSON, b"{not json"),
    ],
)


@ROUTES
def test_a_body_is_begun_and_ended_and_refused_when_workers_died_of_it(
    client: FlaskClient, services: Services, address: str, media_type: str, body: bytes
) -> None:
    survivor = Refusing()
    services.lethal_bodies.share(survivor)
    expected = 400 if body.startswith(b"{not") else 200
    assert client.post(address, data=body, content_type=media_type).status_code == expected
    begun, ended = survivor.told
    assert begun is not None
    assert ended is None

    survivor.refused = begun
    refused = client.post(address, data=body, content_type=media_type)
    assert (refused.status_code, refused.get_json()["error"]) == (422, "lethal_request")
    assert refused.headers["Retry-After"] == "13"
    assert survivor.told[-1] is None
