"""Requests that kill the worker that answers them, sent again and again under load: two workers each, and no more."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from tests.bench.load.open_loop import Answer
from tests.flows.faults.rig.breaking import KILLS, KILLS_UNNOTICED, ONE, SLOW
from tests.flows.faults.rig.installation import PATIENCE_SECONDS, Served
from tests.flows.faults.rig.scale import Finding, Scale
from tests.flows.faults.rig.traffic import Address, choose_rate, describe_failures, list_failed, load_on

PART = "lethal_requests"
RATE = 60.0
TRIES, CONTROL_TRIES = 5, 2
MOST_DEATHS = 2
MOST_REFUSAL_MS = 10.0
SECONDS_BETWEEN_REFUSALS = 0.05
REFUSED = b"422"


@dataclass(frozen=True)
class Poisoning:
    """Attributes: deaths: Of workers, for each body."""

    answers: Sequence[Answer]
    deaths: Sequence[int]


def poison_under_load(served: Served, scale: Scale, *, bodies: Sequence[bytes], tries: int) -> Poisoning:
    """Ask nginx several times for the same, one body after the other."""
    requests, deaths = served.installation.make_requests(SLOW), list[int]()
    served.installation.await_all()
    with served.behind_nginx() as address:
        rate = choose_rate(scale, address, requests, short=RATE)
        with load_on(address, requests, rate=rate) as load:
            for body in bodies:
                before = count_deaths(served)
                for _ in range(tries):
                    # What had to wait for new workers is answered first.
                    time.sleep(scale.choose(short=0.0, whole=0.5))
                    ask(address, body)
                    served.installation.await_all()
                deaths.append(count_deaths(served) - before)
    return Poisoning(load.answers, deaths)


def measure_refusals_ms(served: Served, scale: Scale, *, bodies: Sequence[bytes], tries: int) -> list[float]:
    """How long it takes to refuse bodies that are known, under a load that holds no thread for long.

    Another process asks: beside the generator of the load the clock would wait for Python's lock, for up to 5 ms.
    """
    requests = served.installation.make_requests(ONE)
    with served.behind_nginx() as address, ProcessPoolExecutor(1, get_context("spawn")) as another:
        another.submit(time_refusals, address, bodies[:1]).result()
        rate = choose_rate(scale, address, requests, short=RATE)
        with load_on(address, requests, rate=rate):
            return another.submit(time_refusals, address, [*bodies] * tries).result()


def time_refusals(address: Address, bodies: Sequence[bytes]) -> list[float]:
    refusals_ms = []
    for body in bodies:
        time.sleep(SECONDS_BETWEEN_REFUSALS)
        begun = time.perf_counter()
        assert ask(address, body) == REFUSED
        refusals_ms.append((time.perf_counter() - begun) * 1000)
    return refusals_ms


def ask(address: Address, request: bytes) -> bytes:
    """The status that is answered."""
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        return connection.recv(1 << 16)[9:12]


def count_deaths(served: Served) -> int:
    return sum("was sent SIGKILL" in line for line in served.server.log_lines())


def test_a_lethal_request_takes_two_workers_and_nobody_elses_requests(served: Served, scale: Scale) -> None:
    bodies = served.installation.make_requests(KILLS)[: scale.choose(short=1, whole=20)]
    found = poison_under_load(served, scale, bodies=bodies, tries=TRIES)
    refusals_ms = measure_refusals_ms(served, scale, bodies=bodies, tries=TRIES)
    failed, (p50, p99) = list_failed(found.answers), np.percentile(refusals_ms, [50, 99])
    spared = max(found.deaths) <= MOST_DEATHS
    in_time = bool(not scale.is_whole or p99 <= MOST_REFUSAL_MS)
    scale.keep(
        Finding(
            part=PART,
            fault=f"{len(bodies)} requests that kill their worker, each sent {TRIES} times; all ask nginx",
            requests=len(found.answers),
            failed=len(failed),
            measured={
                "workers lost per request body": f"{max(found.deaths)} at most",
                "refused after": f"p50 {p50:.1f} ms, p99 {p99:.1f} ms (n = {len(refusals_ms)})",
            },
            holds=spared and in_time and failed == [],
        )
    )
    assert failed == [], describe_failures(found.answers)
    assert spared
    assert in_time


def test_without_the_list_it_takes_one_worker_after_the_other(served: Served, scale: Scale) -> None:
    bodies = served.installation.make_requests(KILLS_UNNOTICED)[:1]
    found = poison_under_load(served, scale, bodies=bodies, tries=CONTROL_TRIES)
    scale.keep(
        Finding(
            part=PART,
            fault=f"a request that kills its worker, sent {CONTROL_TRIES} times; all ask nginx",
            guard="the note of what each worker is at",
            requests=len(found.answers),
            failed=len(list_failed(found.answers)),
            measured={"workers lost": str(found.deaths[0])},
            holds=found.deaths[0] > MOST_DEATHS,
        )
    )
    assert found.deaths[0] > MOST_DEATHS
