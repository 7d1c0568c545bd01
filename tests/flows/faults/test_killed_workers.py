"""Workers that are killed under load: who loses a request, who does not, and how soon the next ones are there."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.monitoring.prediction_log.reader import LogReader
from tests.bench.load.open_loop import Answer
from tests.flows.faults.rig.blows import describe_seconds, kill, measure_replacement
from tests.flows.faults.rig.breaking import ONE, SLOWER
from tests.flows.faults.rig.installation import THREADS, Installation, Served
from tests.flows.faults.rig.scale import Finding, Scale
from tests.flows.faults.rig.traffic import (
    Address,
    Blow,
    choose_rate,
    count_duplicates,
    count_most_at_once,
    describe_failures,
    list_elsewhere,
    list_failed,
    load_on,
)
from tests.monitoring.watcher.builders import append_records, make_record

PART = "killed_workers"
SECONDS_BETWEEN_KILLS = 2.0
# 2 workers with 4 threads each answer 80 requests a second when each takes 100 ms.
SLOWER_RATE = 48.0
# Beside these, so that a worker could take more than it can answer.
BURST_RATE, BURST_SECONDS = 1000.0, 0.04
LEAST_REQUESTS = 10_000
MOST_SECONDS_UNTIL_READY = 1.0
# What lies between the moment that a client notes and the one at which a worker has its connection.
SLACK_SECONDS = 0.2


@dataclass(frozen=True)
class Kills:
    """Attributes: ready_seconds: From each kill until all workers served again."""

    answers: Sequence[Answer]
    blows: Sequence[Blow]
    ready_seconds: Sequence[float]

    @property
    def failed(self) -> Sequence[Answer]:
        return list_failed(self.answers)

    def list_elsewhere(self) -> Sequence[Answer]:
        return list_elsewhere(self.failed, self.blows, slack_seconds=SLACK_SECONDS)

    def count_most_at_once(self) -> int:
        return count_most_at_once(self.failed, self.blows)


def kill_under_load(
    installation: Installation,
    address: Address,
    requests: Sequence[bytes],
    *,
    rate: float,
    rounds: int,
    pause_seconds: float,
    burst_seconds: float = 0.0,
) -> Kills:
    """Kill a worker every so often, and if asked for at the end of a burst."""
    chance, blows, ready, answers = random.Random(1), list[Blow](), list[float](), list[Answer]()
    installation.await_all()
    with load_on(address, requests, rate=rate) as load:
        for _ in range(rounds):
            begun = time.perf_counter()
            victim = chance.choice(installation.list_serving())
            if burst_seconds:
                with load_on(address, requests, rate=BURST_RATE, quiet_seconds=0) as burst:
                    time.sleep(burst_seconds)
                    blows.append(kill(victim))
                answers.extend(burst.answers)
            else:
                blows.append(kill(victim))
            seconds = measure_replacement(installation, [victim], blows[-1].at)
            assert seconds is not None, "no worker came back"
            ready.append(seconds)
            time.sleep(max(0.0, begun + pause_seconds - time.perf_counter()))
    return Kills([*load.answers, *answers], blows, ready)


def kill_directly(served: Served, scale: Scale, *, rounds: int) -> Kills:
    return kill_under_load(
        served.installation,
        served.address,
        served.installation.make_requests(SLOWER),
        rate=SLOWER_RATE,
        rounds=rounds,
        pause_seconds=scale.choose(short=0.0, whole=SECONDS_BETWEEN_KILLS),
        burst_seconds=BURST_SECONDS,
    )


def test_directly_only_requests_in_flight_on_the_killed_worker_fail(served: Served, scale: Scale) -> None:
    found = kill_directly(served, scale, rounds=scale.choose(short=1, whole=30))
    holds = (found.count_most_at_once() <= THREADS, found.list_elsewhere()) == (True, [])
    scale.keep(
        Finding(
            part=PART,
            fault="a worker killed every 2 s, in a burst of requests; callers ask it directly",
            requests=len(found.answers),
            failed=len(found.failed),
            measured={
                "kills": str(len(found.blows)),
                "failed per kill, at most": f"{found.count_most_at_once()} (a worker has {THREADS} threads)",
                "failed that were not in flight on it": str(len(found.list_elsewhere())),
            },
            holds=holds,
        )
    )
    assert holds, describe_failures(found.answers)


def test_a_worker_that_takes_more_than_it_can_answer_takes_more_along(installation: Installation, scale: Scale) -> None:
    with installation.serve({"GUNICORN_CMD_ARGS": "--worker-connections 1000"}) as server:
        found = kill_directly(Served(installation, server), scale, rounds=scale.choose(short=1, whole=5))
    scale.keep(
        Finding(
            part=PART,
            fault="a worker killed every 2 s, in a burst of requests; callers ask it directly",
            guard="as few connections as threads (`worker_connections` is 1000)",
            requests=len(found.answers),
            failed=len(found.failed),
            measured={"failed per kill, at most": str(found.count_most_at_once())},
            holds=found.count_most_at_once() > THREADS,
        )
    )
    assert found.count_most_at_once() > THREADS


def test_behind_nginx_nobody_notices_and_nothing_is_logged_twice(served: Served, scale: Scale) -> None:
    requests = served.installation.make_requests(scale.choose(short=SLOWER, whole=ONE))
    with served.behind_nginx() as address:
        rate = choose_rate(scale, address, requests, short=SLOWER_RATE)
        rounds, pause_seconds = scale.choose(short=(1, 0.0), whole=(30, SECONDS_BETWEEN_KILLS))
        found = kill_under_load(
            served.installation, address, requests, rate=rate, rounds=rounds, pause_seconds=pause_seconds
        )
    logged, duplicates = count_duplicates(served.installation.home)
    holds = (found.failed, duplicates) == ([], 0)
    in_time = scale.is_in_time(max(found.ready_seconds), MOST_SECONDS_UNTIL_READY)
    many = not scale.is_whole or len(found.answers) >= LEAST_REQUESTS
    scale.keep(
        Finding(
            part=PART,
            fault="a worker killed every 2 s for 60 s; callers ask nginx",
            requests=len(found.answers),
            failed=len(found.failed),
            measured={
                "requests a second": f"{rate:.0f}",
                "kills": str(len(found.blows)),
                "requests logged twice": f"{duplicates} of {logged}",
                "all workers ready again": describe_seconds(found.ready_seconds),
            },
            holds=holds and in_time and many,
        )
    )
    assert holds, describe_failures(found.answers)
    assert in_time
    assert many


def test_nginx_that_asks_nobody_else_passes_the_failures_on(served: Served, scale: Scale) -> None:
    requests = served.installation.make_requests(SLOWER)
    with served.behind_nginx(retries=False) as address:
        rounds, pause_seconds = scale.choose(short=(1, 0.0), whole=(5, SECONDS_BETWEEN_KILLS))
        found = kill_under_load(
            served.installation, address, requests, rate=SLOWER_RATE, rounds=rounds, pause_seconds=pause_seconds
        )
    scale.keep(
        Finding(
            part=PART,
            fault="a worker killed every 2 s; callers ask nginx",
            guard="another try (`proxy_next_upstream off`)",
            requests=len(found.answers),
            failed=len(found.failed),
            holds=found.failed != [],
        )
    )
    assert found.failed != []


def test_a_request_that_is_logged_twice_is_found(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "predictions" / "host-71-1-0001.jsonl"
    append_records(log, *(make_record(number, request_id=f"k{number}") for number in (0, 1, 1, 2)))
    assert LogReader(log.parent).read(10) != []
    assert count_duplicates(tmp_path) == (3, 1)
