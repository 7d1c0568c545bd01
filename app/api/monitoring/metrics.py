"""GET /metrics: what Prometheus reads."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request

from app.api.guard import require_auth
from app.api.openapi.operation import describe
from app.api.services import current_services
from app.security.keys.networks import lies_within

blueprint = Blueprint("metrics", __name__)


def _comes_from_open_network() -> bool:
    """Whether the caller's own address lies in a network that needs no key.

    A request that names a proxy where none is declared comes from that proxy's address: it is not the caller's.
    """
    networks = current_app.config["METRICS_NETWORKS"]
    is_forwarded = not current_app.config["PROXIES"] and _names_a_proxy()
    return bool(networks) and not is_forwarded and lies_within(request.environ.get("REMOTE_ADDR"), networks)


def _names_a_proxy() -> bool:
    return "HTTP_X_FORWARDED_FOR" in request.environ or "HTTP_FORWARDED" in request.environ


@blueprint.get("/metrics")
@describe("Read the metrics of Prometheus", answers={200: "text/plain"})
@require_auth("metrics", unless=_comes_from_open_network)
def metrics() -> Response:
    """Of all workers of this server. As OpenMetrics where `Accept` asks for it.

    GLUONSERVE_METRICS_NETWORKS can open it to networks that need no key.
    """
    page = current_services().metrics.write_page(request.headers.get("Accept", ""))
    return Response(page.content, content_type=page.media_type)
