"""GET /models, POST /models/<version>/activate and /models/rollback."""

from __future__ import annotations

from flask import Blueprint, Response

from app.api.guard import name_caller, require_auth
from app.api.models.schemas import ActivationAnswer, VersionsAnswer
from app.api.openapi.operation import describe
from app.api.responses import answer_json
from app.api.services import current_services
from app.serving.rollout.versions import describe_versions

blueprint = Blueprint("models", __name__, url_prefix="/models")

_VERSIONS = VersionsAnswer()
_ACTIVATION = ActivationAnswer()


@blueprint.get("")
@describe("List the published versions", answers={200: VersionsAnswer})
@require_auth("admin")
def list_models() -> Response:
    """Which one is active, which one a rollback would bring back, and the last activations."""
    return answer_json(_VERSIONS.dump(describe_versions(current_services().active.slots.store)))


@blueprint.post("/<version>/activate")
@describe("Activate a version", answers={200: ActivationAnswer}, errors=(404, 409, 422))
@require_auth("admin")
def activate(version: str) -> Response:
    """Answers when every worker serves the version. When anything fails, nothing changes.

    It is verified, tried in a process of its own and made ready in every worker first, which takes seconds to minutes.
    """
    result = current_services().activator.activate(version, by=name_caller())
    return answer_json(_ACTIVATION.dump(result))


@blueprint.post("/rollback")
@describe("Go back to the previous version", answers={200: ActivationAnswer}, errors=(409, 422))
@require_auth("admin")
def rollback() -> Response:
    """Workers hold it ready, so it takes less than a second. Repeated, it comes back to where it began."""
    return answer_json(_ACTIVATION.dump(current_services().activator.rollback(by=name_caller())))
