"""The documents about keys that go over the wire."""

from __future__ import annotations

from marshmallow import RAISE, Schema, fields, validate

from app.api.schemas import Answer
from app.security.keys.networks import MAX_NETWORKS
from app.security.keys.store import MAX_OVERLAP
from app.security.keys.terms import MAX_LIFETIME, MAX_OWNER_LENGTH, MAX_PER_MINUTE
from app.security.permissions import PERMISSIONS, ROLES

_DEFAULT_OVERLAP_HOURS = 24
_TIME = {"format": "date-time", "description": "UTC."}


def _choices(known: list[str], description: str) -> fields.List[str]:
    item = fields.String(validate=validate.OneOf(known))
    return fields.List(
        item, load_default=list, validate=validate.Length(max=100), metadata={"description": description}
    )


def _limit(description: str) -> fields.Integer:
    return fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=1, max=MAX_PER_MINUTE),
        metadata={"description": f"{description} Null takes the limit of the installation."},
    )


class KeyRequest(Schema):
    class Meta:
        unknown = RAISE

    owner = fields.String(
        required=True,
        validate=validate.Length(min=1, max=MAX_OWNER_LENGTH),
        metadata={"description": "Who uses the key: a person, a team or a system."},
    )
    roles = _choices(list(ROLES), "Names for sets of permissions; the key keeps the permissions.")
    permissions = _choices(list(PERMISSIONS), "What the key may do, besides what its roles may.")
    expires_days = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=1, max=MAX_LIFETIME.days),
        metadata={"description": "Days until the key ends by itself; null means never."},
    )
    requests_per_minute = _limit("Requests in a minute.")
    rows_per_minute = _limit("Rows that the requests of a minute hold together.")
    networks = fields.List(
        fields.String(validate=validate.Length(max=100)),
        load_default=list,
        validate=validate.Length(max=MAX_NETWORKS),
        metadata={
            "description": "From where the key may be used, such as 10.0.0.0/8 or 2001:db8::1; none means anywhere."
        },
    )


class RotationRequest(Schema):
    class Meta:
        unknown = RAISE

    overlap_hours = fields.Integer(
        strict=True,
        load_default=_DEFAULT_OVERLAP_HOURS,
        validate=validate.Range(min=0, max=MAX_OVERLAP.days * 24),
        metadata={"description": "Hours for which the old key goes on."},
    )


class KeyAnswer(Answer):
    id = fields.String()
    owner = fields.String()
    permissions = fields.List(fields.String())
    state = fields.String(metadata={"enum": ["active", "expired", "revoked"]})
    created_at = fields.String(metadata=_TIME)
    expires_at = fields.String(allow_none=True, metadata=_TIME)
    revoked_at = fields.String(allow_none=True, metadata=_TIME)
    last_used_at = fields.String(
        allow_none=True, metadata={"format": "date-time", "description": "UTC, to the minute; null before any use."}
    )
    replaced_by = fields.String(
        allow_none=True, metadata={"description": "The id of the key that a rotation made in its place."}
    )
    requests_per_minute = fields.Integer(allow_none=True)
    rows_per_minute = fields.Integer(allow_none=True)
    networks = fields.List(fields.String())


class KeysAnswer(Answer):
    keys = fields.List(fields.Nested(KeyAnswer), metadata={"description": "Oldest first."})


class NewKeyAnswer(KeyAnswer):
    key = fields.String(metadata={"description": "What callers send as X-API-Key. It is shown only this once."})


class RotationAnswer(NewKeyAnswer):
    replaces = fields.Nested(KeyAnswer, metadata={"description": "The old key, which ends at its expires_at."})
