from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.database import create_tables, open_database
from app.release.store import ReleaseStore
from app.security.keys.store import KeyStore
from config.settings import load_settings, require_secret
from tests.bench.models.prepare import choose_rows
from tests.bench.switching.traffic import compute_expected
from tests.fixtures import FittedModel
from tests.flows.traffic import KnownAnswers
from tests.server import RunningServer, running_server


@pytest.fixture
def home(published_store: ReleaseStore, tmp_path: Path) -> Path:
    """A home whose model store holds one active release."""
    shutil.copytree(published_store.path, tmp_path / "home" / "models")
    return tmp_path / "home"


@pytest.fixture(scope="module")
def shared_home(published_store: ReleaseStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shared")
    shutil.copytree(published_store.path, path / "models")
    return path


@pytest.fixture(scope="module")
def server(shared_home: Path) -> Iterator[RunningServer]:
    """One server with two workers for the tests of a module that leave it as it was."""
    with running_server(shared_home) as started:
        yield started


@pytest.fixture
def pair_home(published_pair: ReleaseStore, tmp_path: Path) -> Path:
    """A home whose model store holds two releases with a plan; version 1 is active."""
    shutil.copytree(published_pair.path, tmp_path / "home" / "models")
    return tmp_path / "home"


@pytest.fixture(scope="module")
def plan_home(published_plan: ReleaseStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose model store holds one active release with a plan, for all tests of a module."""
    path = tmp_path_factory.mktemp("plan-home")
    shutil.copytree(published_plan.path, path / "models")
    return path


@pytest.fixture(scope="module")
def plan_server(plan_home: Path) -> Iterator[RunningServer]:
    """One server with one worker, and a plan, for the tests of a module that leave it as it was."""
    with running_server(plan_home, workers=1) as started:
        yield started


@pytest.fixture(scope="module")
def plan_key(plan_home: Path, make_key: Callable[..., str]) -> str:
    """A key of a caller who predicts."""
    return make_key(plan_home)


@pytest.fixture(scope="session")
def pair_answers(published_pair: ReleaseStore, plannable: Callable[[str], FittedModel]) -> KnownAnswers:
    """What both versions of the published pair answer to rows that they have not seen."""
    rows = choose_rows(plannable("binary").held_out.drop(columns="bought"), published_pair.path)[:200]
    return KnownAnswers(rows, compute_expected(published_pair, rows))


def open_keys(home: Path) -> KeyStore:
    settings = load_settings({"GLUONSERVE_HOME": str(home)})
    database = open_database(settings.database_url)
    create_tables(database)
    return KeyStore(database, require_secret(settings))


@pytest.fixture(scope="session")
def make_key() -> Callable[..., str]:
    """Make an API key for the server of a home, as `gluonserve keys create` does."""

    def make(home: Path, *permissions: str, **limits: Any) -> str:
        return open_keys(home).create("tests", permissions or ("predict", "model_info"), **limits).text

    return make
