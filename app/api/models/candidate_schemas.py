"""The documents about a candidate that go over the wire."""

from __future__ import annotations

from marshmallow import RAISE, Schema, fields, validate

from app.api.schemas import Answer
from app.serving.rollout.trials.trial import BY_KEY

_SHARE = {"description": "From 0 to 1."}


def _share() -> fields.Float:
    return fields.Float(
        required=True,
        allow_nan=False,
        validate=validate.Range(min=0, max=1, min_inclusive=False),
        metadata={"description": "Above 0 and at most 1."},
    )


class CanaryRequest(Schema):
    class Meta:
        unknown = RAISE

    share = _share()
    by = fields.String(
        load_default=BY_KEY,
        metadata={
            "description": "What keeps a caller with one version: 'key', its API key, or the name of a header that it "
            "sends. Without that header it counts by its key."
        },
    )


class ShadowRequest(Schema):
    class Meta:
        unknown = RAISE

    share = _share()


class CandidateAnswer(Answer):
    """Dumps a candidate pointer."""

    version = fields.String()
    mode = fields.String(metadata={"enum": ["canary", "shadow"]})
    share = fields.Float(metadata=_SHARE)
    by = fields.String(metadata={"description": "'key' or the name of a header; a shadow makes no use of it."})
    since = fields.String(metadata={"description": "UTC, ISO 8601."})
    who = fields.String(metadata={"description": "key:ID of an API key, or cli:USER of the command line."})


class EstimateAnswer(Answer):
    value = fields.Float()
    low = fields.Float(allow_none=True, metadata={"description": "Lower end of the 95 % interval, where there is one."})
    high = fields.Float(allow_none=True)


class GroupAnswer(Answer):
    requests = fields.Integer()
    rows = fields.Integer()
    errors = fields.Integer()
    p50_ms = fields.Float(allow_none=True, metadata={"description": "Median time of the model, without the request."})
    p99_ms = fields.Float(allow_none=True)
    labels = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        metadata={"description": "How often each class was answered, in the first 100 rows of each request."},
    )


class ComparisonAnswer(Answer):
    active = fields.Nested(GroupAnswer)
    candidate = fields.Nested(GroupAnswer)
    figures = fields.Dict(keys=fields.String(), values=fields.Nested(EstimateAnswer))
    copies_sent = fields.Integer()
    copies_dropped = fields.Integer(metadata={"description": "Copies of requests that nobody had time for."})


class VerdictAnswer(Answer):
    decision = fields.String(metadata={"enum": ["withdraw", "promote", "wait"]})
    reason = fields.String()


class TrialAnswer(Answer):
    """Dumps the record of a trial."""

    candidate = fields.Nested(CandidateAnswer)
    active = fields.String(metadata={"description": "The version that it is compared with."})
    hours = fields.Float()
    comparison = fields.Nested(ComparisonAnswer)
    verdict = fields.Nested(VerdictAnswer, metadata={"description": "What the rules ask for."})
    rules_act = fields.Boolean(metadata={"description": "Whether the rules are carried out, or only shown."})


class WithdrawalAnswer(Answer):
    withdrawn = fields.String(allow_none=True, metadata={"description": "The version that was on trial."})
