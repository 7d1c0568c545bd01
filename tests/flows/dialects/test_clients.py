"""Clients that know nothing of gluonserve, over sockets: Triton's, pandas, and the bodies that MLflow documents."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
import requests
import tritonclient.http as triton  # type: ignore[import-untyped]
import zstandard
from tritonclient.utils import InferenceServerException  # type: ignore[import-untyped]

from app.release.store import ReleaseStore
from tests.bench.models.prepare import choose_rows
from tests.fixtures import FittedModel
from tests.server import RunningServer

TRITON_TYPES = {"INT64": np.int64, "FP64": np.float64, "BOOL": np.bool_, "BYTES": np.object_}


@pytest.fixture(scope="module")
def rows(published_plan: ReleaseStore, plannable: Callable[[str], FittedModel]) -> list[dict[str, Any]]:
    return choose_rows(plannable("binary").held_out.drop(columns="bought"), published_plan.path)[:40]


@pytest.fixture(scope="module")
def expected(plan_server: RunningServer, plan_key: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    answer: dict[str, Any] = plan_server.predict(rows, plan_key).json()
    return answer


def post(plan_server: RunningServer, plan_key: str, path: str, body: bytes, **headers: str) -> requests.Response:
    named = {"X-API-Key": plan_key, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return requests.post(plan_server.url + path, data=body, headers=named, timeout=60)


@pytest.fixture
def client(plan_server: RunningServer) -> Iterator[Any]:
    with triton.InferenceServerClient(plan_server.url.removeprefix("http://")) as started:
        yield started


def make_tensors(metadata: dict[str, Any], rows: list[dict[str, Any]], *, binary: bool) -> list[Any]:
    """A tensor for each input that the model names, as a client makes them that knows nothing else of it."""
    tensors = []
    for described in metadata["inputs"]:
        kind = TRITON_TYPES[described["datatype"]]
        values = [row[described["name"]] for row in rows]
        if kind is np.object_:
            values = ["" if value is None else str(value) for value in values]
        if kind is np.float64:
            values = [np.nan if value is None else value for value in values]
        tensor = triton.InferInput(described["name"], [len(rows)], described["datatype"])
        tensor.set_data_from_numpy(np.array(values, dtype=kind), binary_data=binary)
        tensors.append(tensor)
    return tensors


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_tritons_client_gets_the_same_answers(
    client: Any, plan_key: str, rows: list[dict[str, Any]], expected: dict[str, Any], compression: str | None
) -> None:
    headers = {"X-API-Key": plan_key}
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("shop")
    metadata = client.get_model_metadata("shop", headers=headers)
    outputs = [triton.InferRequestedOutput(output["name"]) for output in metadata["outputs"]]
    answer = client.infer(
        "shop",
        make_tensors(metadata, rows, binary=True),
        outputs=outputs,
        headers=headers,
        request_id="order-17",
        request_compression_algorithm=compression,
    )
    assert [label.decode() for label in answer.as_numpy("prediction")] == expected["predictions"]
    for name in ("no", "yes"):
        told = [row[name] for row in expected["probabilities"]]
        assert answer.as_numpy(f"probability_{name}").tolist() == told
    assert answer.get_response()["id"] == "order-17"


def test_tritons_client_raises_with_the_code_of_a_refusal(
    client: Any, plan_key: str, rows: list[dict[str, Any]]
) -> None:
    headers = {"X-API-Key": plan_key}
    metadata = client.get_model_metadata("shop", headers=headers)
    with pytest.raises(InferenceServerException, match="invalid_rows"):
        client.infer("shop", make_tensors(metadata, rows, binary=True)[1:], headers=headers)
    with pytest.raises(InferenceServerException, match="missing_api_key"):
        client.get_model_metadata("shop")


def test_pandas_reads_an_answer_in_csv_and_writes_what_is_read(
    plan_server: RunningServer, plan_key: str, rows: list[dict[str, Any]], expected: dict[str, Any]
) -> None:
    body = pd.DataFrame(rows).to_csv().encode()
    answer = post(plan_server, plan_key, "/predict", body, Content_Type="text/csv", Accept="text/csv")
    frame = pd.read_csv(io.BytesIO(answer.content), float_precision="round_trip")
    assert list(frame) == ["prediction_id", "prediction", "probability_no", "probability_yes"]
    assert list(frame["prediction"]) == expected["predictions"]
    assert list(frame["probability_yes"]) == [row["yes"] for row in expected["probabilities"]]


def test_a_parquet_file_of_pandas_is_answered_with_one(
    plan_server: RunningServer, plan_key: str, rows: list[dict[str, Any]], expected: dict[str, Any]
) -> None:
    media_type = "application/vnd.apache.parquet"
    body = pd.DataFrame(rows).to_parquet()
    answer = post(plan_server, plan_key, "/predict", body, Content_Type=media_type, Accept=media_type)
    frame = pd.read_parquet(io.BytesIO(answer.content))
    assert list(frame["probability_yes"]) == [row["yes"] for row in expected["probabilities"]]


@pytest.mark.parametrize("member", ["dataframe_split", "dataframe_records", "instances", "inputs"])
def test_documents_of_mlflow_are_answered_at_its_address(
    plan_server: RunningServer, plan_key: str, rows: list[dict[str, Any]], expected: dict[str, Any], member: str
) -> None:
    frame = pd.DataFrame(rows).astype(object)
    frame = frame.where(frame.notna(), None)
    orient = {"dataframe_split": "split", "inputs": "list"}.get(member, "records")
    body = orjson.dumps({member: frame.to_dict(orient=orient)})
    answer = post(plan_server, plan_key, "/invocations", body, Content_Type="application/json")
    assert requests.get(f"{plan_server.url}/ping", timeout=60).status_code == 200
    assert answer.json()["predictions"] == expected["predictions"]
    assert answer.json()["probabilities"] == expected["probabilities"]


def test_sagemaker_is_answered_in_the_format_that_it_accepts(
    plan_server: RunningServer, plan_key: str, rows: list[dict[str, Any]], expected: dict[str, Any]
) -> None:
    """What its runtime sends on for `invoke_endpoint(ContentType="text/csv", Accept="application/jsonlines")`."""
    body = pd.DataFrame(rows).to_csv(index=False).encode()
    answer = post(
        plan_server,
        plan_key,
        "/invocations",
        body,
        Content_Type="text/csv",
        Accept="application/jsonlines",
        X_Amzn_SageMaker_Custom_Attributes="trace=1",
    )
    lines = [orjson.loads(line) for line in answer.content.splitlines()]
    assert [line["prediction"] for line in lines] == expected["predictions"]


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_a_compressed_body_that_comes_in_chunks_is_read(
    plan_server: RunningServer,
    plan_key: str,
    rows: list[dict[str, Any]],
    expected: dict[str, Any],
    encoding: str,
    compress: Callable[[bytes], bytes],
) -> None:
    body = compress(orjson.dumps({"data": rows}))
    pieces = (body[start : start + 100] for start in range(0, len(body), 100))
    headers = {"X-API-Key": plan_key, "Content-Type": "application/json", "Content-Encoding": encoding}
    answer = requests.post(f"{plan_server.url}/predict", data=pieces, headers=headers, timeout=60)
    assert answer.json()["predictions"] == expected["predictions"]
