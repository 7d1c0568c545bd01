"""The documents that /invocations takes: those of MLflow, and that of /predict."""

from __future__ import annotations

from marshmallow import RAISE, Schema, fields

from app.api.schemas import Rows


class InvocationRequest(Schema):
    """Exactly one of the members that hold rows. Their forms are judged by app.serving.formats.documents."""

    class Meta:
        unknown = RAISE

    data = Rows(metadata={"description": "As in POST /predict."})
    dataframe_records = Rows(metadata={"description": "The same in MLflow."})
    instances = Rows(metadata={"description": "The same in TensorFlow Serving; each row is an object."})
    dataframe_split = fields.Raw(
        metadata={
            "type": "object",
            "required": ["columns", "data"],
            "properties": {
                "columns": {"type": "array", "items": {"type": "string"}},
                "data": {"type": "array", "items": {"type": "array"}},
                "index": {"type": "array"},
            },
            "description": "A frame as pandas writes it with orient='split'.",
        }
    )
    inputs = fields.Raw(
        metadata={
            "type": ["object", "array"],
            "additionalProperties": {"type": "array"},
            "description": "Columns by name, each a list with a value for each row; or a list of rows.",
        }
    )
    params = fields.Dict(
        allow_none=True, metadata={"description": "MLflow's parameters of a model; there are none here."}
    )
