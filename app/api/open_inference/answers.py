"""From a prediction to the answer of an inference request: a tensor for each column of the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Response

from app.api.open_inference.requests import HEADER_LENGTH, Inference
from app.api.request_id import current_request_id
from app.api.responses import answer_bytes, answer_json
from app.errors import FieldFault, InvalidRows
from app.release.manifest import Manifest
from app.serving.answering import Prediction
from app.serving.formats.results import ResultLayout
from app.serving.formats.tensors import encode_tensor, name_datatype

_BINARY = "application/octet-stream"


@dataclass(frozen=True)
class _Output:
    name: str
    datatype: str
    values: Sequence[Any]


def list_outputs(manifest: Manifest) -> list[tuple[str, str]]:
    """Names and datatypes of all tensors of an answer."""
    layout = ResultLayout.of(manifest, has_ids=True)
    return [(name, name_datatype(kind)) for name, kind in zip(layout.names, layout.kinds, strict=True)]


def check_outputs(inference: Inference, manifest: Manifest) -> None:
    """Raises: InvalidRows: when a tensor is asked for that there is not."""
    known = {name for name, _ in list_outputs(manifest)}
    unknown = [name for name in inference.outputs or () if name not in known]
    if unknown:
        raise InvalidRows([FieldFault(None, name, "The model has no output of this name.") for name in unknown])


def answer_inference(inference: Inference, prediction: Prediction) -> Response:
    asked, content = inference.outputs, []
    outputs = []
    for output in _list_tensors(prediction):
        if asked is not None and output.name not in asked:
            continue
        described: dict[str, Any] = {"name": output.name, "datatype": output.datatype, "shape": [len(output.values)]}
        if inference.is_binary if asked is None else asked[output.name]:
            content.append(encode_tensor(output.values, output.datatype))
            described["parameters"] = {"binary_data_size": len(content[-1])}
        else:
            described["data"] = output.values
        outputs.append(described)
    document = {**_describe_answer(inference, prediction), "outputs": outputs}
    if not content:
        return answer_json(document)
    header = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    return answer_bytes(b"".join((header, *content)), media_type=_BINARY, headers={HEADER_LENGTH: str(len(header))})


def _list_tensors(prediction: Prediction) -> list[_Output]:
    layout = ResultLayout.of(prediction.manifest, has_ids=True)
    columns = layout.list_columns(prediction.labels, prediction.probabilities, prediction.prediction_ids)
    described = list_outputs(prediction.manifest)
    return [_Output(name, datatype, values) for (name, datatype), values in zip(described, columns, strict=True)]


def _describe_answer(inference: Inference, prediction: Prediction) -> dict[str, Any]:
    own_name = {} if inference.id is None else {"id": inference.id}
    return {
        "model_name": prediction.manifest.name,
        "model_version": prediction.manifest.version,
        **own_name,
        "parameters": {"request_id": current_request_id(), "warnings": len(prediction.warnings)},
    }
