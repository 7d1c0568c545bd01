"""The documents of the Open Inference Protocol. Clients add members of their own to them; those play no part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from app.api.schemas import SCALAR, Answer
from app.serving.formats.tensors import DATATYPES

_DATATYPE = {"enum": list(DATATYPES)}
_PARAMETERS = {"description": "binary_data_size, binary_data and binary_data_output are read."}


class Values(fields.Field[list[Any]]):
    """The values of a tensor, in a list or, where it has the shape [rows, 1], in lists of one."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:  # noqa: ARG002
        if not isinstance(value, list):
            raise ValidationError("Expected a list of values.")
        return value


class Tensor(Schema):
    class Meta:
        unknown = EXCLUDE

    name = fields.String(required=True)
    datatype = fields.String(required=True, validate=validate.OneOf(DATATYPES), metadata=_DATATYPE)
    shape = fields.List(fields.Integer(strict=True), required=True, metadata={"description": "[rows] or [rows, 1]."})
    parameters = fields.Dict(keys=fields.String(), metadata=_PARAMETERS)
    data = Values(
        metadata={
            "type": "array",
            "items": {"type": [*SCALAR, "null", "array"]},
            "description": "Left out where the values follow the document as bytes.",
        }
    )


class AskedOutput(Schema):
    class Meta:
        unknown = EXCLUDE

    name = fields.String(required=True)
    parameters = fields.Dict(keys=fields.String(), metadata=_PARAMETERS)


class InferenceRequest(Schema):
    class Meta:
        unknown = EXCLUDE

    id = fields.String()
    parameters = fields.Dict(keys=fields.String(), metadata=_PARAMETERS)
    inputs = fields.List(fields.Nested(Tensor), required=True, validate=validate.Length(min=1))
    outputs = fields.List(fields.Nested(AskedOutput), metadata={"description": "All of them when it is left out."})


class TensorAnswer(Answer):
    name = fields.String()
    datatype = fields.String(metadata=_DATATYPE)
    shape = fields.List(fields.Integer())
    parameters = fields.Dict(keys=fields.String(), metadata={"optional": True})
    data = fields.List(fields.Raw(metadata={"type": SCALAR}), metadata={"optional": True})


class InferenceAnswer(Answer):
    model_name = fields.String()
    model_version = fields.String()
    id = fields.String(metadata={"optional": True, "description": "As in the request."})
    parameters = fields.Dict(keys=fields.String(), metadata={"description": "request_id, and how many warnings."})
    outputs = fields.List(fields.Nested(TensorAnswer))


class TensorMetadata(Answer):
    name = fields.String()
    datatype = fields.String(metadata=_DATATYPE)
    shape = fields.List(fields.Integer(), metadata={"description": "-1 is as many as there are rows."})


class ModelMetadata(Answer):
    name = fields.String()
    versions = fields.List(fields.String())
    platform = fields.String()
    inputs = fields.List(fields.Nested(TensorMetadata))
    outputs = fields.List(fields.Nested(TensorMetadata))


class ServerMetadata(Answer):
    name = fields.String()
    version = fields.String()
    extensions = fields.List(fields.String())


class LiveAnswer(Answer):
    live = fields.Boolean()


class ReadyAnswer(Answer):
    ready = fields.Boolean()


class ModelReadyAnswer(ReadyAnswer):
    name = fields.String()
