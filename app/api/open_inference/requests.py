"""From the body of an inference request to rows: a JSON document, behind which the bytes of tensors may follow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request

from app.api.bodies.faults import load_document
from app.api.bodies.reading import current_limits, parse_json, read_whole_body
from app.api.bodies.under_way import begin_body
from app.api.open_inference.schemas import InferenceRequest
from app.errors import BadRequest, FieldFault, InvalidRows
from app.serving.formats.documents import Row, list_rows_of_columns
from app.serving.formats.tensors import decode_tensor

HEADER_LENGTH = "Inference-Header-Content-Length"
_WHOLE_NUMBER = re.compile(r"[0-9]{1,12}", re.ASCII)
_REQUEST = InferenceRequest()


@dataclass(frozen=True, kw_only=True)
class Inference:
    """What is asked.

    Attributes:
        id: The caller's own name for its request, to be repeated in the answer.
        outputs: Names of the tensors that are asked for, and whether as bytes; None for all of them.
        is_binary: Whether the tensors of which that is not said are asked for as bytes.
    """

    id: str | None
    rows: list[Row]
    outputs: Mapping[str, bool] | None
    is_binary: bool


def read_inference() -> Inference:
    """Read the body of the present request.

    Raises:
        TooLarge, BadRequest, UnsupportedMediaType: when it cannot be read.
        InvalidRows: when it does not fit the protocol.
        LethalRequest: when workers have died of it.
    """
    limits = current_limits()
    body = read_whole_body(limits.size)
    begin_body(body)
    header, content = _split_body(memoryview(body))
    document = load_document(_REQUEST, _drop_unknown_members(parse_json(bytes(header), limits)), refusal=InvalidRows)
    is_binary = document.get("parameters", {}).get("binary_data_output") is True
    asked = document.get("outputs")
    return Inference(
        id=document.get("id"),
        rows=_list_rows(document["inputs"], content),
        outputs=None if asked is None else {output["name"]: _is_asked_as_bytes(output, is_binary) for output in asked},
        is_binary=is_binary,
    )


def _split_body(body: memoryview) -> tuple[memoryview, memoryview]:
    length = request.headers.get(HEADER_LENGTH)
    if length is None:
        return body, body[:0]
    if not _WHOLE_NUMBER.fullmatch(length) or int(length) > len(body):
        raise BadRequest(f"{HEADER_LENGTH} has to be a length within the body.", code="invalid_tensor")
    return body[: int(length)], body[int(length) :]


def _drop_unknown_members(document: Any) -> Any:
    """The protocol lets documents hold more than it names; nothing of that is of use here."""
    if not isinstance(document, dict):
        return document
    return {name: value for name, value in document.items() if name in _REQUEST.fields}


def _is_asked_as_bytes(output: Mapping[str, Any], usual: bool) -> bool:
    return bool(output.get("parameters", {}).get("binary_data", usual))


def _list_rows(tensors: list[dict[str, Any]], content: memoryview) -> list[Row]:
    columns: dict[str, list[Any]] = {}
    faults: list[FieldFault] = []
    for tensor in tensors:
        name = tensor["name"]
        if name in columns:
            raise BadRequest(f'The tensor "{name}" is there twice.', code="duplicate_field")
        columns[name], content = _take_values(tensor, content)
        rows, *rest = tensor["shape"] or [None]
        if rows != len(columns[name]) or rest not in ([], [1]):
            faults.append(FieldFault(None, name, "Expected the shape [rows] or [rows, 1], and as many values as rows."))
    if content:
        raise BadRequest("More bytes follow than the tensors have.", code="invalid_tensor")
    if faults:
        raise InvalidRows(faults)
    return list_rows_of_columns(columns, whole="inputs")


def _take_values(tensor: dict[str, Any], content: memoryview) -> tuple[list[Any], memoryview]:
    """The values of a tensor, and the bytes that are left for others."""
    name, size = tensor["name"], tensor.get("parameters", {}).get("binary_data_size")
    if "data" in tensor:
        return _flatten(tensor["data"]), content
    if type(size) is not int or not 0 <= size <= len(content):
        name = tensor["name"]
        raise BadRequest(
            f'The tensor "{name}" has neither data nor a binary_data_size within the body.', code="invalid_tensor"
        )
    return decode_tensor(content[:size], tensor["datatype"], name), content[size:]


def _flatten(values: list[Any]) -> list[Any]:
    """Lists of one value each are those of the shape [rows, 1]; what else is in a list is for its feature to refuse."""
    return [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]
