"""Hundreds of clients that send and read slowly, and what the others notice of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tests.bench.load.open_loop import Answer
from tests.flows.faults.rig.installation import Served
from tests.flows.faults.rig.scale import Finding, Scale
from tests.flows.faults.rig.slow_clients import slow_clients_ready
from tests.flows.faults.rig.traffic import OK, Address, choose_rate, load_on

PART = "slow_clients"
RATE = 60.0
MOST_MS_MORE = 10.0
# In a control a request is lost that takes longer.
PATIENCE_MS = 2000.0
LARGE = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass(frozen=True)
class SlowCompany:
    """Attributes: alone, beside: What was asked without the slow clients, and at the same rate beside them."""

    clients: int
    alone: Sequence[Answer]
    beside: Sequence[Answer]

    @property
    def lost(self) -> int:
        """Requests beside the slow clients that were not answered well and within the patience of their callers."""
        return sum(answer.status != OK or answer.latency_ms > PATIENCE_MS for answer in self.beside)

    def find_p99s(self) -> tuple[float, float]:
        """In milliseconds: alone, and beside the slow clients."""
        alone, beside = (
            float(np.percentile([answer.latency_ms for answer in answers], 99)) for answers in (self.alone, self.beside)
        )
        return alone, beside


def measure_company(
    requests: Sequence[bytes], address: Address, *, clients: int, rate: float, rounds: int, seconds: float
) -> SlowCompany:
    """Send a load without slow clients and with them, from the moment that they come, in turn."""
    alone, beside = list[Answer](), list[Answer]()
    for _ in range(rounds):
        alone.extend(apply_load(requests, address, lambda: None, rate=rate, seconds=seconds))
        with slow_clients_ready(address, clients, request=requests[0], large=LARGE) as come:
            beside.extend(apply_load(requests, address, come, rate=rate, seconds=seconds))
    return SlowCompany(clients, alone, beside)


def apply_load(
    requests: Sequence[bytes], address: Address, come: Callable[[], None], *, rate: float, seconds: float
) -> Sequence[Answer]:
    """What is asked from when company comes until so many seconds after it is there."""
    with load_on(address, requests, rate=rate) as load:
        begun = time.perf_counter()
        come()
        time.sleep(seconds)
        ended = time.perf_counter()
    return [answer for answer in load.answers if begun <= answer.intended <= ended]


def test_behind_nginx_slow_clients_hold_up_nobody(served: Served, scale: Scale) -> None:
    requests = served.installation.make_requests()
    with served.behind_nginx() as address:
        rate = choose_rate(scale, address, requests, short=RATE)
        found = measure_company(
            requests,
            address,
            clients=scale.choose(short=60, whole=500),
            rate=rate,
            rounds=scale.choose(short=1, whole=4),
            seconds=scale.choose(short=1.0, whole=8.0),
        )
    alone, beside = found.find_p99s()
    holds = found.lost == 0 and (not scale.is_whole or beside <= alone + MOST_MS_MORE)
    scale.keep(
        Finding(
            part=PART,
            fault=f"{found.clients} slow clients (heads, bodies, readers of nothing); all ask nginx",
            requests=len(found.beside),
            failed=found.lost,
            measured={
                "p99 of the others": f"{beside:.1f} ms, without them {alone:.1f} ms (n = {len(found.alone)})",
                "requests a second": f"{rate:.0f}",
            },
            holds=holds,
        )
    )
    assert holds


def test_without_nginx_slow_clients_hold_up_everybody(served: Served, scale: Scale) -> None:
    seconds = PATIENCE_MS / 1000 + 0.5
    requests = served.installation.make_requests()
    found = measure_company(requests, served.address, clients=60, rate=RATE, rounds=1, seconds=seconds)
    scale.keep(
        Finding(
            part=PART,
            fault=f"{found.clients} slow clients (heads, bodies, readers of nothing)",
            guard="nginx",
            requests=len(found.beside),
            failed=found.lost,
            holds=found.lost > 0,
        )
    )
    assert found.lost > 0
