"""The documents about outcomes that go over the wire."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from app.api.schemas import SCALAR, Answer, Fault
from app.monitoring.quality.labels import Outcome
from app.runtime.row_fields import name_kind

LONGEST_CLASS = 1000
_LARGEST_NUMBER = 1e300
_PREDICTION_ID = re.compile(r"[0-9a-f]{24}-(0|[1-9][0-9]{0,6})\Z")
_LIST = "Expected a list of outcomes: objects with prediction_id and outcome."


class OutcomeField(fields.Field[Outcome]):
    """A class or a number. Which ones there are depends on the model, and is checked against that."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Outcome:  # noqa: ARG002
        return read_outcome(value)


def read_outcome(value: Any) -> Outcome:
    """Raises ValidationError for what can be neither a class nor a number."""
    if isinstance(value, str):
        trimmed = value.strip()
        if not 1 <= len(trimmed) <= LONGEST_CLASS:
            raise ValidationError(f"Expected a class of 1 to {LONGEST_CLASS} characters.")
        return trimmed
    if not isinstance(value, bool | int | float):
        raise ValidationError(f"Expected a class or a number, got {name_kind(value)}.")
    if not math.isfinite(value) or abs(value) > _LARGEST_NUMBER:
        raise ValidationError("Expected a number of ordinary size.")
    return value


class OutcomeItem(Schema):
    class Meta:
        unknown = RAISE

    error_messages = {  # noqa: RUF012 - as marshmallow declares it
        "type": "Expected an object with prediction_id and outcome.",
        "unknown": "Not known here.",
    }

    prediction_id = fields.String(
        required=True,
        validate=validate.Regexp(_PREDICTION_ID, error="Expected one of the prediction_ids of an answer."),
        metadata={"description": "One of the `prediction_ids` of an answer of /predict."},
    )
    outcome = OutcomeField(
        required=True,
        error_messages={"null": "Expected a class or a number, got null."},
        metadata={"type": SCALAR, "description": "The class that turned out to be true, or the number."},
    )


class FeedbackRequest(Schema):
    class Meta:
        unknown = RAISE

    outcomes = fields.List(
        fields.Nested(OutcomeItem),
        required=True,
        validate=validate.Length(min=1, error="Expected at least one outcome."),
        error_messages={"required": _LIST, "null": _LIST, "invalid": _LIST},
    )

    def load(self, data: Any, **options: Any) -> Any:
        """Take a document without faults at once; marshmallow, which makes the same of it, takes 40 us an outcome."""
        if not options and type(data) is dict and len(data) == 1 and type(items := data.get("outcomes")) is list:
            read = _read_faultless(items)
            if read:
                return {"outcomes": read}
        return super().load(data, **options)


class FeedbackAnswer(Answer):
    accepted = fields.Integer(metadata={"description": "Outcomes of predictions that had none before."})
    repeated = fields.Integer(metadata={"description": "The same was told before: nothing has changed."})
    changed = fields.Integer(metadata={"description": "Another one was told before: this one counts from now on."})
    errors = fields.List(
        fields.Nested(Fault),
        metadata={"description": "Of those that were repeated: whose prediction was looked for and not found."},
    )
    request_id = fields.String()


def _read_faultless(items: list[Any]) -> list[dict[str, Any]] | None:
    """The outcomes; None when one has a fault."""
    try:
        read = [{"prediction_id": item["prediction_id"], "outcome": read_outcome(item["outcome"])} for item in items]
        fit = all(len(item) == 2 and _PREDICTION_ID.match(item["prediction_id"]) for item in items)
    except (KeyError, TypeError, ValidationError):
        return None
    return read if fit else None
