"""The same rows in every dialect that the service speaks, and its answers back to what they say."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow.ipc
import pyarrow.parquet
from flask.testing import FlaskClient
from tritonclient.utils import serialize_byte_tensor  # type: ignore[import-untyped]

from app.release.manifest import Manifest
from app.serving.formats.media_types import ARROW_STREAM, CSV, JSON_LINES, PARQUET
from tests.serving.formats.builders import write_table

Rows = Sequence[dict[str, Any]]
Answer = list[dict[str, Any]]
JSON = "application/json"
HEADER_LENGTH = "Inference-Header-Content-Length"


class Dialects:
    """Asks one model in every dialect. An answer is a list of the columns of a result, without identifiers."""

    def __init__(self, client: FlaskClient, manifest: Manifest) -> None:
        self._client = client
        self._model = f"/v2/models/{manifest.name}/infer"

    def list_all(self) -> Mapping[str, Callable[[Rows], Answer]]:
        return {
            "json": lambda rows: self._ask_document({"data": rows}, "/predict"),
            "records": lambda rows: self._ask_document({"dataframe_records": rows}),
            "instances": lambda rows: self._ask_document({"instances": rows}),
            "split": lambda rows: self._ask_document({"dataframe_split": _split(rows)}),
            "columns": lambda rows: self._ask_document({"inputs": _turn(rows)}),
            **{kind: partial(self._ask_table, kind=kind) for kind in _READERS},
            "tensors in json": lambda rows: self._ask_tensors(rows, as_bytes=False),
            "tensors as bytes": lambda rows: self._ask_tensors(rows, as_bytes=True),
        }

    def _ask_document(self, document: Any, address: str = "/invocations") -> Answer:
        body = self._post(address, orjson.dumps(document), JSON).json
        return _list_columns(body["predictions"], body["probabilities"])

    def _ask_table(self, rows: Rows, kind: str) -> Answer:
        body = write_table([_spell(row) for row in rows] if kind == CSV else rows, kind)
        table = _READERS[kind](self._post("/predict", body, kind, Accept=kind).data)
        return [{name: value for name, value in row.items() if name != "prediction_id"} for row in table]

    def _ask_tensors(self, rows: Rows, *, as_bytes: bool) -> Answer:
        tensors, contents = [], []
        for name, values in _turn(rows).items():
            datatype, content = _encode(values)
            tensor = {"name": name, "datatype": datatype, "shape": [len(rows)]}
            if as_bytes:
                contents.append(content)
                tensors.append({**tensor, "parameters": {"binary_data_size": len(content)}})
            else:
                tensors.append({**tensor, "data": values})
        header = orjson.dumps({"inputs": tensors})
        body = b"".join((header, *contents))
        outputs = self._post(self._model, body, JSON, **{HEADER_LENGTH: str(len(header))}).json["outputs"]
        return _turn_back({output["name"]: output["data"] for output in outputs if output["name"] != "prediction_id"})

    def _post(self, address: str, body: bytes, media_type: str, **headers: str) -> Any:
        answer = self._client.post(address, data=body, headers={"Content-Type": media_type, **headers})
        assert answer.status_code == 200, answer.text
        return answer


def _list_columns(labels: Sequence[Any], probabilities: Sequence[dict[str, float]] | None) -> Answer:
    """The document of an answer as the rows of a table of results."""
    if probabilities is not None:
        return [
            {"prediction": label, **{f"probability_{name}": value for name, value in row.items()}}
            for label, row in zip(labels, probabilities, strict=True)
        ]
    if isinstance(labels[0], dict):
        return [{f"quantile_{level}": value for level, value in label.items()} for label in labels]
    return [{"prediction": label} for label in labels]


def _read_csv(body: bytes) -> Answer:
    rows: Answer = pd.read_csv(io.BytesIO(body), float_precision="round_trip").to_dict("records")
    return rows


_READERS: Mapping[str, Callable[[bytes], Answer]] = {
    CSV: _read_csv,
    JSON_LINES: lambda body: [orjson.loads(line) for line in body.splitlines()],
    PARQUET: lambda body: pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist(),  # type: ignore[no-untyped-call]
    ARROW_STREAM: lambda body: pyarrow.ipc.open_stream(body).read_all().to_pylist(),  # type: ignore[no-untyped-call]
}


def _spell(row: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in row.items()}


def _split(rows: Rows) -> dict[str, Any]:
    return {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}


def _turn(rows: Rows) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _turn_back(columns: Mapping[str, Sequence[Any]]) -> Answer:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _encode(values: Sequence[Any]) -> tuple[str, bytes]:
    """A tensor that can hold all the values, null included."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool} and None not in values:
        return "BOOL", np.array(values, dtype=np.bool_).tobytes()
    if kinds == {int} and None not in values:
        return "INT64", np.array(values, dtype="<i8").tobytes()
    if kinds <= {int, float}:
        return "FP64", np.array([np.nan if value is None else value for value in values], dtype="<f8").tobytes()
    texts = ["" if value is None else str(value) for value in values]
    return "BYTES", serialize_byte_tensor(np.array(texts, dtype=object)).item()
