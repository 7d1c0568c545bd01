"""One running application for all hostile tokens of a run: they leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.wiring.services import build_services
from config.settings import require_secret
from tests.api.builders import make_key, make_loaded_release, make_settings, revoke_key
from tests.security.tokens.hostile import Forge


@dataclass(frozen=True)
class Attacked:
    """A running application, and what is needed to attack it."""

    client: FlaskClient
    forge: Forge


@pytest.fixture(scope="package")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    settings = make_settings(tmp_path_factory.mktemp("attacked"))
    services = build_services(settings)
    services.active.current = make_loaded_release()
    client = create_app(settings, services).test_client()
    tokens, key = services.tokens, make_key(services, settings, "predict")
    revoked_key = make_key(services, settings, "predict")
    revoke_key(services, settings, revoked_key)
    ended = tokens.rotate(end_tokens=True, by="tests")
    signing = tokens.rotate(end_tokens=True, by="tests")
    tokens.revoke("R" * 22, key_id=None, by="tests")
    made = client.post("/auth/token", headers={"X-API-Key": key.text}).get_json()
    yield Attacked(
        client,
        Forge(
            secret=require_secret(settings),
            signing_key_id=signing.id,
            ended_signing_key_id=ended.id,
            key_id=key.record.id,
            revoked_key_id=revoked_key.record.id,
            good=made["token"],
            revoked_token_id="R" * 22,
        ),
    )
    services.close()
