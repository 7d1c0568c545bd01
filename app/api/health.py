"""GET /health, /health/live and /health/ready: for people, for the process supervisor and for the load balancer."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from app.api.guard import public
from app.api.model_info import summarise_model
from app.api.openapi.operation import describe
from app.api.responses import answer_json
from app.api.schemas import HealthAnswer, StatusAnswer
from app.api.services import current_services
from app.runtime.loading import LoadedRelease

blueprint = Blueprint("health", __name__, url_prefix="/health")

_RETRY_AFTER_SECONDS = 5


@blueprint.get("")
@describe("Tell how the service is", answers={200: HealthAnswer, 503: HealthAnswer})
@public
def health() -> Response:
    """Answers in the same form when it is unhealthy."""
    release = current_services().active.current
    return answer_health(release)


@blueprint.get("/live")
@describe("Tell that the process is alive", answers={200: StatusAnswer})
@public
def live() -> Response:
    """Says nothing of the model: a process without one is alive and must not be restarted for it."""
    return answer_json({"status": "alive"})


@blueprint.get("/ready")
@describe("Tell whether predictions can be made now", answers={200: StatusAnswer}, errors=(503,))
@public
def ready() -> Response:
    current_services().active.require()
    return answer_json({"status": "ready"})


def answer_health(release: LoadedRelease | None) -> Response:
    if release is None:
        body: dict[str, Any] = {"status": "unhealthy", "model_loaded": False, "model_info": None}
        return answer_json(body, status=503, headers={"Retry-After": str(_RETRY_AFTER_SECONDS)})
    return answer_json({"status": "healthy", "model_loaded": True, "model_info": summarise_model(release.manifest)})
