"""Jobs of an installation on several machines: PostgreSQL and Redis in place of files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from app.database import create_tables, open_database
from app.release.store import ReleaseStore
from app.security.keys.store import KeyStore, NewKey
from app.serving.formats.media_types import CSV
from config.settings import load_settings, require_secret
from tests.flows.jobs.workers import running_worker
from tests.flows.traffic import KnownAnswers
from tests.postgres_server import PostgresServer
from tests.redis_link.server import RedisServer
from tests.server import RunningServer, running_server, wait_until
from tests.serving.scoring.builders import write_table

SECONDS = 60


@dataclass(frozen=True)
class SharedInstallation:
    """A running server, and what its workers have to share with it."""

    home: Path
    environment: Mapping[str, str]
    server: RunningServer
    keys: KeyStore

    def submit(self, table: bytes, key: NewKey) -> str:
        headers = {"X-API-Key": key.text, "Content-Type": CSV}
        answer = requests.post(f"{self.server.url}/jobs", data=table, headers=headers, timeout=60)
        return str(answer.json()["id"])

    def look(self, id: str, key: NewKey) -> dict[str, Any]:
        told: dict[str, Any] = self.server.get(f"/jobs/{id}", key.text).json()
        return told


@pytest.fixture
def here(published_plan: ReleaseStore, tmp_path: Path) -> Iterator[SharedInstallation]:
    home = tmp_path / "home"
    shutil.copytree(published_plan.path, home / "models")
    with PostgresServer() as postgres, RedisServer() as redis:
        environment = {"DATABASE_URL": postgres.make_database(), "REDIS_URL": redis.url}
        settings = load_settings({"GLUONSERVE_HOME": str(home), **environment})
        database = open_database(settings.database_url)
        create_tables(database)
        with running_server(home, workers=1, environment=environment) as server:
            wait_until(server.is_ready, seconds=SECONDS)
            yield SharedInstallation(home, environment, server, KeyStore(database, require_secret(settings)))
        database.dispose()


def test_workers_that_share_redis_and_postgresql_do_the_jobs_of_keys_that_hold(
    here: SharedInstallation, pair_answers: KnownAnswers
) -> None:
    key, revoked, operator = (
        here.keys.create("tests", permissions) for permissions in (["jobs"], ["jobs"], ["jobs", "admin"])
    )
    table = write_table(list(pair_answers.rows), CSV)
    wanted, unwanted = here.submit(table, key), here.submit(table, revoked)
    here.keys.revoke(revoked.record.id)
    with running_worker(here.home, here.environment):
        wait_until(lambda: here.look(wanted, key)["state"] == "done", seconds=SECONDS)
        wait_until(lambda: here.look(unwanted, operator)["state"] == "failed", seconds=SECONDS)
    result = here.server.get(f"/jobs/{wanted}/result", key.text).text
    labels = [line.split(",")[1] for line in result.splitlines()[1:]]
    assert labels == [str(answer.label) for answer in pair_answers.expected["1"]]
    assert here.look(unwanted, operator)["failure"]["error"] == "key_revoked"
    # They were told by Redis: there is no queue in a file.
    assert not (here.home / "jobs.db").exists()
