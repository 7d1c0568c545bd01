"""POST /auth/token and /auth/revoke."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request
from marshmallow import Schema

from app.api.bodies.reading import load_json
from app.api.guard import require_auth
from app.api.openapi.operation import describe
from app.api.responses import answer_json
from app.api.services import current_services
from app.api.tokens.schemas import RevocationAnswer, RevocationRequest, TokenAnswer, TokenRequest
from app.security.tokens.issuer import NewToken

blueprint = Blueprint("tokens", __name__, url_prefix="/auth")

_TOKEN_REQUEST = TokenRequest()
_REVOCATION_REQUEST = RevocationRequest()
_TOKEN = TokenAnswer()
_REVOCATION = RevocationAnswer()


@blueprint.post("/token")
@describe("Make a token", accepts=TokenRequest, body_is_optional=True, answers={200: TokenAnswer})
@require_auth(None, takes_tokens=False)
def make_token() -> Response:
    """It may do for a while what its API key may, or a part of that. Made with a key only: a chain would never end."""
    wanted = _load_optional_json(_TOKEN_REQUEST)
    new = current_services().tokens.issue(g.caller.key, **wanted)
    return answer_json(_TOKEN.dump(_describe_new(new)))


@blueprint.post("/revoke")
@describe("Revoke a token", accepts=RevocationRequest, body_is_optional=True, answers={200: RevocationAnswer})
@require_auth(None)
def revoke_token() -> Response:
    """Every worker refuses it within a second. Keys revoke their own tokens; with `admin`, those of all keys."""
    wanted = _load_optional_json(_REVOCATION_REQUEST)
    revoked = current_services().tokens.revoke_for(g.caller, wanted["token_id"])
    return answer_json(_REVOCATION.dump({"revoked": revoked}))


def _load_optional_json(schema: Schema) -> dict[str, Any]:
    """Read the body as the schema says; without a body its defaults hold."""
    if not request.content_length and "HTTP_TRANSFER_ENCODING" not in request.environ:
        defaults: dict[str, Any] = schema.load({})
        return defaults
    return load_json(schema)


def _describe_new(new: NewToken) -> dict[str, Any]:
    return {
        "token": new.text,
        "token_type": "Bearer",
        "expires_in": new.claims.expires_at - new.claims.issued_at,
        "token_id": new.claims.id,
        "permissions": new.claims.permissions,
    }
