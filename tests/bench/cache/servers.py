"""A server with a cache, and what its workers say of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.runtime.switching.workers import list_live_workers
from tests.bench.scope import NATIVE, PLAN
from tests.bench.servers.running import BenchServer, bench_server

_WARM_SECONDS = 1.0
# Workers say what they have counted every two seconds.
_SECONDS_UNTIL_TOLD = 3.0


@contextmanager
def caching_server(
    home: Path, models: Path, settings: Mapping[str, str], *, is_native: bool = False
) -> Iterator[BenchServer]:
    """Serve a model store with these settings until the end of the block. Nobody is refused for coming in a crowd."""
    all_settings = {"GLUONSERVE_CACHE": "on", "GLUONSERVE_MOST_WAIT_MS": "0", "GLUONSERVE_MONITOR": "off", **settings}
    name = NATIVE if is_native else PLAN
    with bench_server(name, home, models=models, predictor=Path(), settings=all_settings) as server:
        time.sleep(_WARM_SECONDS)
        yield server


def read_count(models: Path, name: str) -> int:
    """What all workers of a store have counted together."""
    time.sleep(_SECONDS_UNTIL_TOLD)
    return sum((state.cache or {}).get(name, 0) for state in list_live_workers(models).values())
