"""The documents about versions that go over the wire."""

from __future__ import annotations

from marshmallow import fields

from app.api.schemas import Answer, MetricAnswer


class VersionAnswer(Answer):
    version = fields.String()
    active = fields.Boolean(attribute="is_active")
    previous = fields.Boolean(attribute="is_previous", metadata={"description": "What a rollback would bring back."})
    name = fields.String(allow_none=True, metadata={"description": "Null when the version is damaged or not trusted."})
    problem_type = fields.String(allow_none=True)
    eval_metric = fields.String(allow_none=True)
    quality = fields.Nested(MetricAnswer, allow_none=True, metadata={"description": "On held-out rows."})
    size_mb = fields.Float(allow_none=True)
    created = fields.String(allow_none=True, metadata={"description": "UTC, ISO 8601."})


class HistoryAnswer(Answer):
    version = fields.String()
    previous = fields.String(allow_none=True)
    activated = fields.String(metadata={"description": "UTC, ISO 8601."})
    by = fields.String(
        metadata={"description": "key:ID of an API key, or cli:USER of the command line.", "optional": True}
    )


class VersionsAnswer(Answer):
    active = fields.String(allow_none=True)
    previous = fields.String(allow_none=True)
    versions = fields.List(fields.Nested(VersionAnswer), metadata={"description": "Oldest first."})
    activations = fields.List(
        fields.Nested(HistoryAnswer), metadata={"description": "The last activations and rollbacks, newest first."}
    )


class ActivationAnswer(Answer):
    """Dumps an activation."""

    version = fields.String(metadata={"description": "The active version."})
    previous = fields.String(allow_none=True, metadata={"description": "What a rollback would bring back."})
    workers = fields.Integer(metadata={"description": "Workers that serve the version, on all machines."})
    unconfirmed = fields.List(
        fields.String(), metadata={"description": "Workers, as host:pid, that did not say in time that they do."}
    )
    seconds = fields.Float()
