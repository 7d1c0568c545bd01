"""The application factory: settings, services, blueprints, handlers."""

from __future__ import annotations

import atexit
from collections.abc import Sequence

from flask import Blueprint, Flask

from app.api import BLUEPRINTS, register_blueprints
from app.api.access.proxies import believe_proxies
from app.api.bodies.reading import limit_bodies
from app.api.errors import register_error_handlers
from app.api.guard import check_every_route_is_guarded
from app.api.monitoring.log_context import describe_request_under_way
from app.api.openapi.document import attach_openapi_document
from app.api.responses import AnswerHeaders
from app.api.services import provide_services
from app.wiring.services import Services, build_services
from config.logging import configure_logging
from config.settings import Settings, list_secrets, load_settings

BYTES_PER_MB = 1_000_000


def create_app(
    settings: Settings | None = None,
    services: Services | None = None,
    *,
    blueprints: Sequence[Blueprint] = BLUEPRINTS,
) -> Flask:
    """Build the web application, with settings from the environment and services from the settings unless given.

    Raises:
        SettingsError: when a setting is missing, unknown or out of range.
        UnguardedRoute: when a route names neither a permission nor that it is public.
    """
    settings = settings or load_settings()
    _configure_logging(settings)
    services = services or _build_services_closed_at_exit(settings)

    app = Flask("app", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_mb * BYTES_PER_MB
    app.config["BODY_LIMITS"] = limit_bodies(
        megabytes=settings.max_body_mb, depth=settings.max_depth, rows=settings.max_rows
    )
    app.config["JOB_BYTES"] = settings.job_max_mb * BYTES_PER_MB
    app.config["REQUEST_TIMEOUT_MS"] = settings.request_timeout_ms
    app.config["METRICS_NETWORKS"] = settings.metrics_networks or ()
    app.config["PROXIES"] = settings.proxies
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    # A doubled slash is another address, not a redirect to a host that the caller named.
    app.url_map.merge_slashes = False

    provide_services(app, services)
    register_error_handlers(app)
    register_blueprints(app, blueprints)
    attach_openapi_document(app)
    app.wsgi_app = AnswerHeaders(  # type: ignore[method-assign]
        believe_proxies(app.wsgi_app, count=settings.proxies), services.observations
    )
    check_every_route_is_guarded(app)
    services.start()
    return app


def _configure_logging(settings: Settings) -> None:
    configure_logging(
        settings.log_level,
        format=settings.log_format,
        secrets=list_secrets(settings),
        describe_context=describe_request_under_way,
    )


def _build_services_closed_at_exit(settings: Settings) -> Services:
    services = build_services(settings)
    atexit.register(services.close)
    return services
