"""A server with two workers and some keys, for measurements of limits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.database import create_tables, open_database
from app.security.keys.store import KeyStore
from config.settings import load_settings, require_secret
from tests.bench.scope import PLAN
from tests.bench.servers.running import BenchServer, bench_server

_WARM_SECONDS = 1.0


@contextmanager
def limited_server(home: Path, models: Path, settings: Mapping[str, str]) -> Iterator[BenchServer]:
    """Serve a model store with these settings until the end of the block."""
    with bench_server(PLAN, home, models=models, predictor=Path(), settings=settings) as server:
        time.sleep(_WARM_SECONDS)
        yield server


def make_key(home: Path, **limits: Any) -> str:
    """Make one more key for the server of a home."""
    settings = load_settings({"GLUONSERVE_HOME": str(home)})
    database = open_database(settings.database_url)
    create_tables(database)
    try:
        return KeyStore(database, require_secret(settings)).create("bench", ("predict",), **limits).text
    finally:
        database.dispose()
