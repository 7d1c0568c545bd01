"""An installation to be attacked: its server with two workers, nginx before it, and credentials of every kind."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from app.security.keys.administration import KeyOrder
from app.wiring.services import Services, build_services
from config.settings import Settings, load_settings, require_secret
from tests.bench.hostile.fuzzing.exchange import Target
from tests.bench.servers.nginx import running_nginx
from tests.security.tokens.hostile import Forge
from tests.server import RunningServer, running_server, wait_until

WORKERS = 2
READY_SECONDS = 90
DIRECTLY, THROUGH_NGINX = "directly", "through nginx"
# Releases are made for one measurement, by nobody: no key has signed them.
_SETTINGS = {"GLUONSERVE_UNSIGNED_RELEASES": "allow"}
_REVOKED_TOKEN = "R" * 22
_BY = "cli:attacker"


@dataclass(frozen=True)
class Credentials:
    """Secrets of an installation, in plain text.

    Attributes:
        secret: What keys and tokens are derived from.
        predicting, administrating, reporting: API keys with the permissions predict and jobs, admin, and feedback.
    """

    secret: str
    predicting: str
    administrating: str
    reporting: str
    forge: Forge

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.predicting, self.administrating, self.reporting)

    @property
    def in_plain_text(self) -> tuple[bytes, ...]:
        """What must be found nowhere: the secret, the secret parts of the keys, and the signature of a token."""
        parts = [self.secret, *(key.split("_")[2] for key in self.keys), self.forge.segments[2]]
        return tuple(part.encode() for part in parts)


@dataclass(frozen=True)
class Attacked:
    home: Path
    server: RunningServer
    targets: tuple[Target, ...]
    credentials: Credentials


@contextmanager
def attacked_installation(
    models: Path, home: Path, *, settings: Mapping[str, str] = MappingProxyType({}), application: str | None = None
) -> Iterator[Attacked]:
    """Serve a copy of a model store until the end of the block.

    Args:
        home: A directory that is made.
        application: What gunicorn serves in place of gluonserve's own, as MODULE:NAME.
    """
    shutil.copytree(models, home / "models")
    credentials = make_credentials(home)
    chosen = {**_SETTINGS, **settings}
    with running_server(home, workers=WORKERS, environment=chosen, application=application) as server:
        wait_until(server.is_ready, seconds=READY_SECONDS)
        place = urlsplit(server.url)
        address = (str(place.hostname), int(place.port or 0))
        with running_nginx(home / "nginx", upstream=place.netloc) as nginx:
            targets = (Target(name=DIRECTLY, address=address), Target(name=THROUGH_NGINX, address=nginx))
            yield Attacked(home, server, targets, credentials)


def make_credentials(home: Path) -> Credentials:
    with opened_services(home) as (settings, services):
        made = [
            services.keys.create(KeyOrder(owner="attacked", permissions=permissions), by=_BY)
            for permissions in (("predict", "model_info", "jobs"), ("admin",), ("feedback",), ("predict",))
        ]
        predicting, administrating, reporting, revoked = made
        services.keys.revoke(revoked.record.id, by=_BY)
        ended = services.tokens.rotate(end_tokens=True, by=_BY)
        signing = services.tokens.rotate(end_tokens=True, by=_BY)
        services.tokens.revoke(_REVOKED_TOKEN, key_id=None, by=_BY)
        secret = require_secret(settings)
        forge = Forge(
            secret=secret,
            signing_key_id=signing.id,
            ended_signing_key_id=ended.id,
            key_id=predicting.record.id,
            revoked_key_id=revoked.record.id,
            good="..",
            revoked_token_id=_REVOKED_TOKEN,
        )
        good = Forge(**{**vars(forge), "good": forge.token()})
        return Credentials(secret, predicting.text, administrating.text, reporting.text, good)


@contextmanager
def opened_services(home: Path) -> Iterator[tuple[Settings, Services]]:
    """The services of an installation in this process, none of them started."""
    settings = load_settings({"GLUONSERVE_HOME": str(home), **_SETTINGS})
    services = build_services(settings)
    try:
        yield settings, services
    finally:
        services.close()
