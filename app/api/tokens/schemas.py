"""The documents about tokens that go over the wire."""

from __future__ import annotations

from marshmallow import RAISE, Schema, fields, validate

from app.api.schemas import Answer
from app.security.permissions import PERMISSIONS
from app.security.tokens.claims import MAX_LIFETIME_SECONDS
from app.security.tokens.issuer import DEFAULT_LIFETIME_SECONDS


class TokenRequest(Schema):
    class Meta:
        unknown = RAISE

    permissions = fields.List(
        fields.String(validate=validate.OneOf(list(PERMISSIONS))),
        load_default=None,
        allow_none=True,
        validate=validate.Length(min=1, max=len(PERMISSIONS)),
        metadata={"description": "What the token may do, of what the key may; null means all of it."},
    )
    lifetime_seconds = fields.Integer(
        strict=True,
        load_default=DEFAULT_LIFETIME_SECONDS,
        validate=validate.Range(min=1, max=MAX_LIFETIME_SECONDS),
        metadata={"description": "Seconds; the token ends with its key at the latest."},
    )


class TokenAnswer(Answer):
    token = fields.String(metadata={"description": "To be sent as Authorization: Bearer TOKEN."})
    token_type = fields.String(metadata={"enum": ["Bearer"]})
    expires_in = fields.Integer(metadata={"description": "Seconds."})
    token_id = fields.String(metadata={"description": "The claim jti, by which the token can be revoked."})
    permissions = fields.List(fields.String())


class RevocationRequest(Schema):
    class Meta:
        unknown = RAISE

    token_id = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=100),
        metadata={"description": "What POST /auth/token answered; null means the token that the request comes with."},
    )


class RevocationAnswer(Answer):
    revoked = fields.String(metadata={"description": "The id of the token."})
