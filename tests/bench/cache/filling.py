"""A Redis that holds answers as if workers had written them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.redis_link.link import RedisLink
from app.runtime.loading import load_release
from app.serving.cache.caching import CachingExecutor
from app.serving.cache.counts import CacheCounts
from app.serving.cache.digests import RowDigests
from app.serving.cache.flights import Flights
from app.serving.cache.measuring import DEAR, FREE
from app.serving.cache.memory import RowMemory
from app.serving.cache.shared.answers import SharedAnswers
from app.serving.cache.shared.keys import name_release
from app.serving.cache.shared.redis_rows import RedisRows
from app.serving.cache.shared.seal import Seal
from app.serving.cache.worth import Worth
from app.wiring.store.opening import open_store
from config.settings import load_settings, require_secret
from tests.redis_link.server import RedisServer

UNSIGNED = {"GLUONSERVE_UNSIGNED_RELEASES": "allow"}
_TTL_SECONDS = 3600


def fill_redis(redis: RedisServer, models: Path, home: Path, rows: Sequence[Any]) -> None:
    """Have Redis hold the answers to rows, as a worker of the server with this home would have written them."""
    settings = load_settings({"GLUONSERVE_HOME": str(home), "MODEL_PATH": str(models), **UNSIGNED})
    store = open_store(settings)
    pointer = store.active()
    assert pointer is not None, f"nothing is active in {models}"
    release = load_release(store.directory(pointer.version), trust=store.trust)
    link, counts = RedisLink(redis.url, timeout_seconds=5), CacheCounts()
    shared = RedisRows(link, Seal(require_secret(settings)), ttl_seconds=_TTL_SECONDS, counts=counts)
    shared.work()
    always = Worth("", look=lambda: FREE, model=lambda: DEAR)
    CachingExecutor(
        release.executor,
        RowDigests(release),
        memory=RowMemory(most_bytes=0),
        shared=SharedAnswers(name_release(release.manifest), shared, always),
        worth=always,
        flights=Flights(),
        counts=counts,
    ).predict(release.validator.check(rows).rows)
    shared.work()
    link.close()


def read_all(redis: RedisServer) -> Mapping[bytes, bytes]:
    with redis.connect() as client:
        keys = list(client.scan_iter(count=1000))
        return dict(zip(keys, client.mget(keys), strict=True))


def write_all(redis: RedisServer, kept: Mapping[bytes, bytes]) -> None:
    with redis.connect() as client:
        pipeline = client.pipeline(transaction=False)
        for key, value in kept.items():
            pipeline.set(key, value, ex=_TTL_SECONDS)
        pipeline.execute()
