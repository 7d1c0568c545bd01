"""One running application per test: real keys in a real database, a real release in memory, no network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.wiring.services import Services, build_services
from config.settings import Settings
from tests.api.builders import make_key, make_loaded_release, make_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path, max_body_mb=1)


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    services = build_services(settings)
    services.active.current = make_loaded_release()
    yield services
    services.close()


@pytest.fixture
def app(settings: Settings, services: Services) -> Flask:
    return create_app(settings, services)


@pytest.fixture
def anonymous(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def client(app: Flask, settings: Settings, services: Services) -> FlaskClient:
    """A client whose key may predict and read the model's description."""
    client = app.test_client()
    client.environ_base["HTTP_X_API_KEY"] = make_key(services, settings, "predict", "model_info").text
    return client
