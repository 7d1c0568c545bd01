"""How a view reaches the services of its application."""

from __future__ import annotations

from typing import cast

from flask import Flask, current_app

from app.wiring.services import Services

_EXTENSION = "gluonserve"


def provide_services(app: Flask, services: Services) -> None:
    app.extensions[_EXTENSION] = services


def has_services(app: Flask) -> bool:
    return _EXTENSION in app.extensions


def current_services() -> Services:
    return cast(Services, current_app.extensions[_EXTENSION])
