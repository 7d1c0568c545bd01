from __future__ import annotations

from pathlib import Path

import pytest
from flask import Blueprint

from app import create_app
from app.api.guard import UnguardedRoute
from app.wiring.services import build_services
from config.settings import SettingsError
from tests.api.builders import make_settings


def test_the_application_starts_without_a_model_and_says_that_it_is_not_ready(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    services = build_services(settings)

    client = create_app(settings, services).test_client()

    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 503
    services.close()


def test_the_application_builds_its_own_services_from_settings(tmp_path: Path) -> None:
    app = create_app(make_settings(tmp_path))

    assert app.test_client().get("/health").get_json()["status"] == "unhealthy"


def test_settings_come_from_the_environment_unless_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLUONSERVE_HOME", str(tmp_path / "state"))

    create_app()

    assert (tmp_path / "state" / "gluonserve.db").exists()


def test_production_without_a_secret_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="GLUONSERVE_SECRET"):
        create_app(make_settings(tmp_path, environment="production"))


def test_a_route_without_a_guard_stops_the_start(tmp_path: Path) -> None:
    forgotten = Blueprint("forgotten", __name__)
    forgotten.add_url_rule("/forgotten", view_func=lambda: "")

    with pytest.raises(UnguardedRoute, match="/forgotten"):
        create_app(make_settings(tmp_path), blueprints=[forgotten])


def test_the_largest_body_is_a_setting_in_megabytes(tmp_path: Path) -> None:
    app = create_app(make_settings(tmp_path, max_body_mb=3))

    assert app.config["MAX_CONTENT_LENGTH"] == 3_000_000


def test_services_stop_following_when_closed(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    services = build_services(settings)
    create_app(settings, services)

    services.close()
    services.close()

    assert services.ping() is False
