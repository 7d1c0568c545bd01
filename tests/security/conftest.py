"""The same keys on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.database import create_tables, opened_database
from tests.postgres_server import PostgresServer


@pytest.fixture(scope="package")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, postgres: PostgresServer) -> str:
    """The URL of a database without tables."""
    return f"sqlite:///{tmp_path}/keys.db" if request.param == "sqlite" else postgres.make_database()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Either database, with its tables."""
    with opened_database(database_url) as engine:
        create_tables(engine)
        yield engine


@pytest.fixture
def sqlite_engine(tmp_path: Path) -> Iterator[Engine]:
    with opened_database(f"sqlite:///{tmp_path}/keys.db") as engine:
        create_tables(engine)
        yield engine
