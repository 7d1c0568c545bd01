"""GET /health, /health/live and /health/ready: for people, for the process supervisor and for the load balancer."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from app.api.formats.documents import write_timestamp
from app.api.guard import public
from app.api.model_info import summarise_model
from app.api.openapi.operation import describe
from app.api.responses import answer_json
from app.api.schemas import HealthAnswer, StatusAnswer
from app.api.services import current_services
from app.monitoring.watcher.presence import Presence
from app.runtime.loading import LoadedRelease
from app.runtime.switching.golden_checks import GoldenResult

blueprint = Blueprint("health", __name__, url_prefix="/health")

_RETRY_AFTER_SECONDS = 5


@blueprint.get("")
@describe("Tell how the service is", answers={200: HealthAnswer, 503: HealthAnswer})
@public
def health() -> Response:
    """Answers in the same form when it is unhealthy: no model, or one whose last golden row came out wrong."""
    services = current_services()
    return answer_health(services.active.current, services.golden.result, services.watcher_presence.look())


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
    current_services().require_ready()
    return answer_json({"status": "ready"})


def answer_health(release: LoadedRelease | None, golden: GoldenResult | None, monitor: Presence) -> Response:
    is_healthy = release is not None and (golden is None or golden.status != "failed")
    body: dict[str, Any] = {
        "status": "healthy" if is_healthy else "unhealthy",
        "model_loaded": release is not None,
        "model_info": None if release is None else summarise_model(release.manifest),
        "golden": None if golden is None else _describe_golden(golden),
        "monitor": _describe_monitor(monitor),
    }
    if is_healthy:
        return answer_json(body)
    return answer_json(body, status=503, headers={"Retry-After": str(_RETRY_AFTER_SECONDS)})


def _describe_golden(golden: GoldenResult) -> dict[str, Any]:
    return {
        "status": golden.status,
        "at": None if golden.at is None else write_timestamp(int(golden.at * 1000)),
        "ms": None if golden.milliseconds is None else round(golden.milliseconds, 3),
    }


def _describe_monitor(monitor: Presence) -> dict[str, Any]:
    """Predictions need no watcher: without one the service is as healthy as before, and those who look are told."""
    seen = monitor.last_seen
    return {
        "status": monitor.status,
        "last_seen": None if seen is None else write_timestamp(int(seen.timestamp() * 1000)),
    }
