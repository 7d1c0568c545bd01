"""The documents about jobs that go over the wire."""

from __future__ import annotations

from collections.abc import Mapping

from marshmallow import RAISE, Schema, fields, validate

from app.api.schemas import Answer, Fault
from app.serving.formats.media_types import CSV, JSON_LINES, PARQUET

RESULT_PARAMETER = "result"
RESULT_TYPES: Mapping[str, str] = {"csv": CSV, "jsonl": JSON_LINES, "parquet": PARQUET}
USUAL_RESULT = "csv"
RESULT_SCHEMA = {
    "type": "string",
    "enum": list(RESULT_TYPES),
    "default": USUAL_RESULT,
    "description": "The format of the result.",
}
_LONGEST_ADDRESS = 2000
_TIME = {"format": "date-time", "description": "UTC."}


class JobRequest(Schema):
    class Meta:
        unknown = RAISE

    uri = fields.String(
        required=True,
        validate=validate.Length(min=1, max=_LONGEST_ADDRESS),
        metadata={
            "description": "Where the table lies: an address in one of the allowed places. Its name tells the format, "
            "and may end in .gz or .zst besides."
        },
    )


class JobError(Answer):
    error = fields.String(metadata={"description": "A code that does not change."})
    detail = fields.String()
    errors = fields.List(
        fields.Nested(Fault), metadata={"description": "The first faults; rows are counted in the whole table, from 0."}
    )


class JobAnswer(Answer):
    id = fields.String()
    key_id = fields.String(metadata={"description": "The API key that has handed it in."})
    state = fields.String(metadata={"enum": ["queued", "running", "done", "failed", "cancelled"]})
    version = fields.String(metadata={"description": "The version that answers all rows: the active one at the start."})
    created_at = fields.String(metadata=_TIME)
    ended_at = fields.String(allow_none=True, metadata=_TIME)
    rows = fields.Integer(allow_none=True, metadata={"description": "Null until the table has been read once."})
    rows_done = fields.Integer()
    progress = fields.Float(allow_none=True, metadata={"description": "The share of the rows, from 0 to 1."})
    rows_per_second = fields.Float(allow_none=True)
    warnings = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        allow_none=True,
        metadata={
            "description": "How many values of each kind were accepted although training has not seen their like."
        },
    )
    failure = fields.Nested(JobError, allow_none=True, metadata={"description": "Why the job failed."})


class JobsAnswer(Answer):
    jobs = fields.List(fields.Nested(JobAnswer), metadata={"description": "Newest first."})
    next = fields.String(
        allow_none=True, metadata={"description": "What to send as `before` for those that follow; null at the end."}
    )
