"""Many requests for the same row at once, which nobody knows yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.bench.cache.servers import caching_server, read_count
from tests.bench.load.client import generate_load
from tests.bench.load.requests import frame_request
from tests.bench.scope import WORKERS

REQUESTS = 200


@dataclass(frozen=True)
class Crowd:
    """What a crowd got.

    Attributes:
        computed: How often the model computed the row, in all workers together.
    """

    requests: int
    answered: int
    different_answers: int
    computed: int
    workers: int = WORKERS


def measure_crowds(models: Path, rows: Sequence[Any], home: Path, *, rounds: int) -> list[Crowd]:
    with caching_server(home, models, {}, is_native=True) as server:
        before, found = read_count(models, "misses"), []
        for row in rows[:rounds]:
            request = frame_request(orjson.dumps({"data": [row]}), server.key)
            crowd = generate_load(
                server.address, [request] * REQUESTS, concurrency=REQUESTS, seconds=0, kept_answers=REQUESTS
            )
            answers = {orjson.dumps(orjson.loads(body)["probabilities"]) for body in crowd.answers.values()}
            after = read_count(models, "misses")
            found.append(Crowd(REQUESTS, len(crowd.latencies_ms), len(answers), after - before))
            before = after
        return found
