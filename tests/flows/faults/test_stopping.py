"""SIGTERM under load, again and again, as a rolling update does it: one of two servers behind nginx at a time."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from tests.bench.load.open_loop import Answer
from tests.flows.faults.rig.blows import describe_seconds, measure_seconds
from tests.flows.faults.rig.breaking import ONE, SLEEPS, SLOW
from tests.flows.faults.rig.installation import PATIENCE_SECONDS, Installation, SupervisedServer
from tests.flows.faults.rig.scale import Finding, Scale
from tests.flows.faults.rig.supervising import read_policy
from tests.flows.faults.rig.traffic import choose_rate, describe_failures, find_address, list_failed, load_on
from tests.flows.faults.test_hung_predictions import ask

PART = "stopping"
RATE = 60.0
GRACE_SECONDS = 2
SETTINGS = {"GLUONSERVE_GRACEFUL_TIMEOUT": str(GRACE_SECONDS), "GLUONSERVE_DRAIN_SECONDS": "1"}
MOST_SECONDS = GRACE_SECONDS + 1.0
# What comes back is started at once: the pause of the unit would only make this longer.
POLICY = replace(read_policy(), pause_seconds=0.05)


@dataclass(frozen=True)
class Stops:
    """Attributes: exits: From each SIGTERM to the end of the process, in seconds."""

    answers: Sequence[Answer]
    exits: Sequence[float]


@dataclass(frozen=True)
class Two:
    """Two servers as on two machines, each of which is started again when it ends."""

    installation: Installation
    servers: Sequence[SupervisedServer]


@pytest.fixture(scope="module")
def two(make_installation: Callable[[], Installation]) -> Iterator[Two]:
    installation = make_installation()
    with ExitStack() as stack:
        homes = (installation, installation.copy())
        servers = [stack.enter_context(home.supervise(POLICY, SETTINGS)) for home in homes]
        yield Two(installation, servers)


def stop_under_load(two: Two, scale: Scale, *, stops: int, retries: bool = True) -> Stops:
    """Stop one of two servers, wait until it is back, then the other one."""
    requests, exits = two.installation.make_requests(SLOW), []
    with two.installation.stand_before(*two.servers, retries=retries) as address:
        rate = choose_rate(scale, address, requests, short=RATE)
        with load_on(address, requests, rate=rate) as load:
            for number in range(stops):
                exits.append(stop_and_await(two.servers[number % 2]))
    return Stops(load.answers, exits)


def stop_and_await(server: SupervisedServer) -> float:
    """Stop a server and wait for the next one to be ready; seconds until it ended."""
    process, begun = server.supervisor.process, time.perf_counter()
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE_SECONDS)
    seconds = time.perf_counter() - begun
    assert measure_seconds(server.is_ready, begun) is not None, "it did not come back"
    return seconds


def test_stops_under_load_fail_nobody_behind_nginx_and_end_in_time(two: Two, scale: Scale) -> None:
    found = stop_under_load(two, scale, stops=scale.choose(short=2, whole=50))
    failed = list_failed(found.answers)
    holds = failed == [] and scale.is_in_time(max(found.exits), MOST_SECONDS)
    scale.keep(
        Finding(
            part=PART,
            fault="SIGTERM to one of two servers after the other; callers ask nginx",
            requests=len(found.answers),
            failed=len(failed),
            measured={"stops": str(len(found.exits)), "until the end": describe_seconds(found.exits)},
            holds=holds,
        )
    )
    assert describe_failures(found.answers) == {}
    assert holds


def test_without_another_try_a_stop_fails_requests(two: Two, scale: Scale) -> None:
    found = stop_under_load(two, scale, stops=scale.choose(short=1, whole=4), retries=False)
    failed = list_failed(found.answers)
    scale.keep(
        Finding(
            part=PART,
            fault="SIGTERM to one of two servers; callers ask nginx",
            guard="another try (`proxy_next_upstream off`)",
            requests=len(found.answers),
            failed=len(failed),
            holds=failed != [],
        )
    )
    assert failed != []


def test_a_stop_does_not_wait_for_a_prediction_that_never_ends(two: Two, scale: Scale) -> None:
    exits = []
    for number in range(scale.choose(short=1, whole=5)):
        ask(find_address(two.servers[0].url), two.installation.make_requests(SLEEPS)[number])
        time.sleep(0.5)
        exits.append(stop_and_await(two.servers[0]))
    # Without the prediction it would have ended before.
    holds = min(exits) >= GRACE_SECONDS and scale.is_in_time(max(exits), MOST_SECONDS)
    scale.keep(
        Finding(
            part=PART,
            fault=f"SIGTERM while a prediction hangs, with {GRACE_SECONDS} s of grace",
            requests=0,
            failed=0,
            measured={"until the end": describe_seconds(exits)},
            holds=holds,
        )
    )
    assert holds


def test_workers_that_answered_enough_are_replaced_and_nobody_notices(installation: Installation, scale: Scale) -> None:
    most_requests, seconds = scale.choose(short=40, whole=2000), scale.choose(short=3.0, whole=30.0)
    requests = installation.make_requests(scale.choose(short=SLOW, whole=ONE))
    with installation.serve({"GLUONSERVE_MAX_REQUESTS": str(most_requests)}) as server:
        address = find_address(server.url)
        rate = choose_rate(scale, address, requests, short=RATE)
        before = server.workers()
        with load_on(address, requests, rate=rate) as load:
            time.sleep(seconds)
            measure_seconds(lambda: bool(set(before) - set(server.workers())), time.perf_counter())
        booted = sum("Booting worker" in line for line in server.log_lines())
    failed, replaced = list_failed(load.answers), booted - len(before)
    enough = scale.choose(short=1, whole=len(load.answers) // most_requests // 2)
    scale.keep(
        Finding(
            part=PART,
            fault=f"workers replaced after {most_requests} requests (`GLUONSERVE_MAX_REQUESTS`); callers ask directly",
            requests=len(load.answers),
            failed=len(failed),
            measured={"workers replaced": str(replaced)},
            holds=failed == [] and replaced >= enough,
        )
    )
    assert describe_failures(load.answers) == {}
    assert replaced >= enough
