"""What each log line carries that is written while a request is under way."""

from __future__ import annotations

from collections.abc import Mapping

from flask import current_app, has_request_context, request

from app.api.monitoring.observing import find_key, find_route
from app.api.request_id import current_request_id
from app.api.services import current_services, has_services


def describe_request_under_way() -> Mapping[str, str]:
    """Its id, its route, the id of its key, and the version that this process answers with; what is known of them."""
    if not has_request_context():
        return {}
    active = current_services().active.current if has_services(current_app) else None
    found = {
        "request_id": current_request_id(),
        "route": find_route(request.environ),
        "key": find_key(request.environ),
        "version": None if active is None else active.manifest.version,
    }
    return {name: value for name, value in found.items() if value is not None}
