"""GET and POST /keys, DELETE /keys/<id>, POST /keys/<id>/rotate."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response

from app.api.bodies.reading import load_json
from app.api.guard import name_caller, require_auth
from app.api.keys.schemas import KeyAnswer, KeyRequest, KeysAnswer, NewKeyAnswer, RotationAnswer, RotationRequest
from app.api.openapi.operation import describe
from app.api.responses import answer_json
from app.api.services import current_services
from app.security.keys.administration import KeyOrder
from app.security.keys.store import NewKey

blueprint = Blueprint("keys", __name__, url_prefix="/keys")

_KEY_REQUEST = KeyRequest()
_ROTATION_REQUEST = RotationRequest()
_KEY = KeyAnswer()
_KEYS = KeysAnswer()
_NEW_KEY = NewKeyAnswer()
_ROTATION = RotationAnswer()


@blueprint.get("")
@describe("List the API keys", answers={200: KeysAnswer})
@require_auth("admin")
def list_keys() -> Response:
    """Revoked and expired ones too, without their secrets."""
    keys = current_services().keys
    return answer_json(_KEYS.dump({"keys": [keys.describe(key) for key in keys.list()]}))


@blueprint.post("")
@describe("Create an API key", accepts=KeyRequest, answers={201: NewKeyAnswer})
@require_auth("admin", takes_tokens=False)
def create_key() -> Response:
    """It is shown once: only a hash of it is kept."""
    new = current_services().keys.create(_read_order(load_json(_KEY_REQUEST)), by=name_caller())
    return answer_json(_NEW_KEY.dump(_describe_new(new)), status=201)


@blueprint.delete("/<id>")
@describe("Revoke an API key", answers={200: KeyAnswer}, errors=(404,))
@require_auth("admin")
def revoke_key(id: str) -> Response:
    """For good: every worker refuses it within a second."""
    keys = current_services().keys
    return answer_json(_KEY.dump(keys.describe(keys.revoke(id, by=name_caller()))))


@blueprint.post("/<id>/rotate")
@describe("Replace an API key", accepts=RotationRequest, answers={201: RotationAnswer}, errors=(404, 409))
@require_auth("admin", takes_tokens=False)
def rotate_key(id: str) -> Response:
    """The new key has the same permissions, limits, networks and lifetime; the old one goes on for the overlap."""
    keys, overlap = current_services().keys, timedelta(hours=load_json(_ROTATION_REQUEST)["overlap_hours"])
    rotation = keys.rotate(id, overlap=overlap, by=name_caller())
    replaces = keys.describe(rotation.old)
    return answer_json(_ROTATION.dump({**_describe_new(rotation.new), "replaces": replaces}), status=201)


def _read_order(wanted: dict[str, Any]) -> KeyOrder:
    days = wanted.pop("expires_days")
    return KeyOrder(**wanted, expires_in=None if days is None else timedelta(days=days))


def _describe_new(new: NewKey) -> dict[str, Any]:
    return {**current_services().keys.describe(new.record), "key": new.text}
