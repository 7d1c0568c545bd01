"""The dashboard of one application, somebody who may see it, and a fixed moment to build findings around."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.monitoring.snapshots import SnapshotStore
from app.security.audit import AuditLog
from app.wiring.services import Services
from config.settings import Settings
from tests.api.builders import make_key
from tests.charts.page_reader import PageReader


@pytest.fixture
def now() -> datetime:
    return datetime.now(timezone.utc).replace(second=0, microsecond=0)


@pytest.fixture
def snapshots(services: Services) -> SnapshotStore:
    return SnapshotStore(services.database)


@pytest.fixture
def audit(services: Services) -> AuditLog:
    return AuditLog(services.database)


@pytest.fixture
def admin(app: Flask, settings: Settings, services: Services) -> FlaskClient:
    """A script of somebody who may see the dashboard."""
    client = app.test_client()
    client.environ_base["HTTP_X_API_KEY"] = make_key(services, settings, "admin").text
    return client


@pytest.fixture
def read_page(admin: FlaskClient) -> Callable[..., PageReader]:
    def read(address: str = "/dashboard") -> PageReader:
        answer = admin.get(address)
        assert answer.status_code == 200
        return PageReader(answer.text)

    return read
