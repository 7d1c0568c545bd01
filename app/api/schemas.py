"""The documents that go over the wire: requests are validated by them, answers dumped, and both published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, pre_dump

from app.release.manifest import Manifest
from app.runtime.row_fields import name_kind

SCALAR = ["string", "number", "boolean"]
_PROBLEM_TYPES = ["binary", "multiclass", "regression", "quantile"]
_FEATURE_TYPES = ["int", "float", "bool", "category", "datetime", "text"]


class Rows(fields.Field[list[Any]]):
    """A list with something in it. What a row must hold depends on the active release and is checked against that."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:  # noqa: ARG002
        if not isinstance(value, list):
            raise ValidationError(f"Expected a list of rows, got {name_kind(value)}.")
        if not value:
            raise ValidationError("Expected at least one row.")
        return value


class PredictionRequest(Schema):
    class Meta:
        unknown = RAISE

    data = Rows(
        required=True,
        error_messages={"required": "A list of rows is required.", "null": "Expected a list of rows, got null."},
    )

    def load(self, data: Any, **options: Any) -> Any:
        """Take a document that fits as it is; what marshmallow would make of it is the same."""
        if not options and type(data) is dict and len(data) == 1 and type(rows := data.get("data")) is list and rows:
            return data
        return super().load(data, **options)


class Answer(Schema):
    """What the service says: every member is always there, unless its metadata calls it optional."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:  # noqa: ARG002
        field_obj.required = not field_obj.metadata.get("optional", False)


class ModelSummary(Answer):
    name = fields.String()
    version = fields.String()
    problem_type = fields.String(metadata={"enum": _PROBLEM_TYPES})
    eval_metric = fields.String()


class Fault(Answer):
    row = fields.Integer(allow_none=True, metadata={"description": "Counts from 0; null means the whole request."})
    field = fields.String(allow_none=True)
    message = fields.String()


class Problem(Answer):
    """RFC 9457; written by app.api.errors."""

    type = fields.String(metadata={"format": "uri-reference"})
    title = fields.String()
    status = fields.Integer()
    detail = fields.String()
    error = fields.String(metadata={"description": "A stable code; /docs/errors says what each means."})
    request_id = fields.String()
    errors = fields.List(fields.Nested(Fault), metadata={"optional": True})


class PredictionAnswer(Answer):
    """Written by app.api.prediction, which takes a thirtieth of the time of a dump."""

    predictions = fields.List(
        fields.Raw(metadata={"type": [*SCALAR, "object"]}),
        metadata={"description": "Classes by the model's own threshold, numbers, or for quantiles level to number."},
    )
    probabilities = fields.List(
        fields.Dict(keys=fields.String(), values=fields.Float()),
        allow_none=True,
        metadata={"description": "Class to probability; null for regression and quantile models."},
    )
    model_info = fields.Nested(ModelSummary)
    prediction_ids = fields.List(fields.String(), metadata={"description": "One per row, for feedback."})
    warnings = fields.List(
        fields.Nested(Fault),
        metadata={"description": "Values accepted although training saw none like them.", "optional": True},
    )
    request_id = fields.String()
    timestamp = fields.String(metadata={"format": "date-time"})


class GoldenAnswer(Answer):
    status = fields.String(metadata={"enum": ["pending", "passed", "failed"]})
    at = fields.String(allow_none=True, metadata={"format": "date-time", "description": "Null while it is pending."})
    ms = fields.Float(allow_none=True, metadata={"description": "Until its answer; null where none came."})


class MonitorAnswer(Answer):
    status = fields.String(
        metadata={
            "enum": ["watching", "silent", "unknown"],
            "description": "Silent without a sign of life for a minute; unknown while the database does not answer.",
        }
    )
    last_seen = fields.String(allow_none=True, metadata={"format": "date-time"})


class HealthAnswer(Answer):
    status = fields.String(metadata={"enum": ["healthy", "unhealthy"]})
    model_loaded = fields.Boolean()
    model_info = fields.Nested(ModelSummary, allow_none=True)
    golden = fields.Nested(
        GoldenAnswer,
        allow_none=True,
        metadata={"description": "How the last golden row came out in the worker that answers; null when that is off."},
    )
    monitor = fields.Nested(
        MonitorAnswer, metadata={"description": "Whether a process watches the installation; predictions need none."}
    )


class StatusAnswer(Answer):
    status = fields.String()


class MetricAnswer(Answer):
    value = fields.Float()
    low = fields.Float(metadata={"description": "Lower end of the 95 % confidence interval."})
    high = fields.Float(metadata={"description": "Upper end of the 95 % confidence interval."})
    higher_is_better = fields.Boolean()


class ImportanceAnswer(Answer):
    feature = fields.String()
    importance = fields.Float(metadata={"description": "How much worse the metric gets when the feature is shuffled."})
    stddev = fields.Float()


class RowCounts(Answer):
    train = fields.Integer(attribute="rows_train", allow_none=True)
    held_out = fields.Integer(attribute="rows_held_out")


class ModelInfoAnswer(ModelSummary):
    """Dumps a manifest."""

    created = fields.String(metadata={"description": "UTC, ISO 8601."})
    label = fields.String()
    class_labels = fields.List(fields.Raw(metadata={"type": SCALAR}), allow_none=True)
    positive_class = fields.Raw(allow_none=True, metadata={"type": SCALAR})
    decision_threshold = fields.Float(allow_none=True)
    quantile_levels = fields.List(fields.Float(), allow_none=True)
    best_model = fields.String()
    execution = fields.String(
        metadata={"enum": ["plan", "native"], "description": "By its compiled plan, or by AutoGluon itself."},
    )
    plan_refusal = fields.String(allow_none=True, metadata={"description": "Why there is no compiled plan, if so."})
    rejected_features = fields.List(
        fields.String(), metadata={"description": "Whose unseen values are refused for now, whatever the setting says."}
    )
    quality = fields.Dict(
        keys=fields.String(), values=fields.Nested(MetricAnswer), metadata={"description": "On held-out rows."}
    )
    feature_importance = fields.List(
        fields.Nested(ImportanceAnswer), metadata={"description": "The most important feature first."}
    )
    checks = fields.Dict(keys=fields.String(), values=fields.Float())
    rows = fields.Nested(RowCounts)
    size_mb = fields.Float()
    size_before_mb = fields.Float(
        allow_none=True, metadata={"description": "What AutoGluon's own clone for deployment takes."}
    )
    libraries = fields.Dict(keys=fields.String(), values=fields.String())

    @pre_dump
    def arrange(self, manifest: Manifest, **_: Any) -> dict[str, Any]:
        ranked = sorted(manifest.feature_importance.items(), key=lambda item: item[1].importance, reverse=True)
        importance = [{"feature": name, **asdict(value)} for name, value in ranked]
        return {**vars(manifest), "feature_importance": importance, "rows": manifest, "size_mb": manifest.size_mb}


class FeatureAnswer(Answer):
    name = fields.String()
    type = fields.String(metadata={"enum": _FEATURE_TYPES})
    nullable = fields.Boolean(
        allow_none=True, metadata={"description": "Null when no data told; a null is then accepted with a warning."}
    )
    two_valued = fields.Boolean(metadata={"description": "Only the listed categories are accepted."})
    categories = fields.List(fields.Raw(metadata={"type": SCALAR}), allow_none=True)
    minimum = fields.Raw(allow_none=True, metadata={"type": ["number", "string"]})
    maximum = fields.Raw(allow_none=True, metadata={"type": ["number", "string"]})
    date_formats = fields.List(fields.String())
    time_zone = fields.String(allow_none=True)
    sample = fields.Raw(allow_none=True, metadata={"type": SCALAR})


class ModelSchemaAnswer(Answer):
    name = fields.String()
    version = fields.String()
    features = fields.List(fields.Nested(FeatureAnswer))
    unused = fields.List(fields.String(), metadata={"description": "Accepted in a row and ignored."})
    sample = fields.Dict(keys=fields.String(), metadata={"description": "A row that can be sent as it is."})
