"""Predictions that never end, and a worker that is stopped, under load: replaced in time, others lose nothing."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from tests.bench.load.open_loop import Answer
from tests.flows.faults.rig.blows import describe_seconds, measure_loss
from tests.flows.faults.rig.breaking import KEEPS_INTERPRETER, SLEEPS, SLOW
from tests.flows.faults.rig.installation import PATIENCE_SECONDS, Installation, Served
from tests.flows.faults.rig.scale import Finding, Scale, read_scale
from tests.flows.faults.rig.traffic import Address, choose_rate, count_refused, describe_failures, list_failed, load_on

PART = "hung_predictions"
RATE = 60.0
HUNG_AFTER_SECONDS = read_scale().choose(short=1, whole=2)
MOST_SECONDS = HUNG_AFTER_SECONDS + 1.0
SETTINGS = {"GLUONSERVE_HUNG_AFTER": str(HUNG_AFTER_SECONDS)}
# Of the predictions that hang: the limit is at least twice that.
TIMEOUT = "X-Request-Timeout-Ms: 500\r\n"
CONTROL_SECONDS = HUNG_AFTER_SECONDS + 1.5


@dataclass(frozen=True)
class Hangs:
    """Attributes: seconds: From each hang until all workers served; None where they did not."""

    answers: Sequence[Answer]
    seconds: Sequence[float | None]


def ask(address: Address, request: bytes) -> None:
    """Send a request on a connection of its own, again when it is refused, and wait in a thread for whatever comes."""

    def work() -> None:
        with contextlib.suppress(OSError):
            while send(address, request)[9:12] == b"503":
                time.sleep(0.05)

    threading.Thread(target=work, daemon=True).start()


def send(address: Address, request: bytes) -> bytes:
    """What is answered first."""
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        return connection.recv(1 << 16)


# Each is another request: one that has ended two workers would be refused.
_numbers = itertools.count()


def make_one_sleep(installation: Installation, address: Address) -> None:
    ask(address, installation.make_requests(SLEEPS, headers=TIMEOUT)[next(_numbers)])


def make_one_keep_the_interpreter(installation: Installation, address: Address) -> None:
    ask(address, installation.make_requests(KEEPS_INTERPRETER, headers=TIMEOUT)[next(_numbers)])


def stop_a_worker(installation: Installation, address: Address) -> None:
    os.kill(installation.list_serving()[0], signal.SIGSTOP)


WAYS = {
    "a prediction that sleeps": make_one_sleep,
    "a prediction that keeps the interpreter": make_one_keep_the_interpreter,
    "a worker stopped by SIGSTOP": stop_a_worker,
}
Hang = Callable[[Installation, Address], None]


def hang_in_ways(ways: Sequence[str], installation: Installation, address: Address) -> None:
    for way in ways:
        WAYS[way](installation, address)


@pytest.fixture(scope="module")
def watched(make_installation: Callable[[], Installation]) -> Iterator[Served]:
    installation = make_installation()
    with installation.serve(SETTINGS) as server:
        yield Served(installation, server)


def hang_under_load(served: Served, hang: Hang, scale: Scale, *, share: float, rounds: int) -> Hangs:
    """Have nginx pass on a load; whoever makes a prediction hang asks the server itself."""
    requests, seconds = served.installation.make_requests(SLOW), []
    served.installation.await_all()
    with served.behind_nginx() as address:
        rate = choose_rate(scale, address, requests, short=RATE, share=share)
        with load_on(address, requests, rate=rate) as load:
            for _ in range(rounds):
                # Who had to wait at the last one has been answered.
                time.sleep(scale.choose(short=0.0, whole=2.0))
                before, begun = served.installation.list_serving(), time.perf_counter()
                hang(served.installation, served.address)
                seconds.append(measure_loss(served.installation, before, begun))
    return Hangs(load.answers, seconds)


def hang_for_ever(served: Served, hang: Hang) -> Hangs:
    """The same once, without so much patience; the server is killed at the end."""
    requests = served.installation.make_requests(SLOW)
    with served.behind_nginx() as address, load_on(address, requests, rate=RATE) as load:
        before, begun = served.installation.list_serving(), time.perf_counter()
        hang(served.installation, served.address)
        seconds = measure_loss(served.installation, before, begun, patience=CONTROL_SECONDS)
        for pid in (served.server.process.pid, *before):
            os.kill(pid, signal.SIGKILL)
    return Hangs(load.answers, [seconds])


# The second is 60 % of what one worker can do, which is what is left.
@pytest.mark.parametrize("share", read_scale().choose(short=[0.3], whole=[0.6, 0.3]))
@pytest.mark.parametrize("way", WAYS)
def test_a_worker_that_hangs_is_replaced_in_time_and_takes_nobody_elses_requests_along(
    way: str, share: float, watched: Served, scale: Scale
) -> None:
    found = hang_under_load(watched, WAYS[way], scale, share=share, rounds=scale.choose(short=1, whole=6))
    times = [seconds for seconds in found.seconds if seconds is not None]
    failed, refused = list_failed(found.answers), count_refused(found.answers)
    in_time = len(times) == len(found.seconds) and scale.is_in_time(max(times), MOST_SECONDS)
    scale.keep(
        Finding(
            part=PART,
            fault=f"{way}, hung after {HUNG_AFTER_SECONDS} s; the others ask nginx, {share:.0%} of the capacity",
            requests=len(found.answers),
            failed=len(failed),
            measured={
                "from the start of it until all workers serve": describe_seconds(times),
                "of the failed, refused because too many waited": str(refused),
            },
            holds=failed == [] and in_time,
        )
    )
    assert len(failed) == refused, describe_failures(found.answers)
    assert in_time
    assert scale.is_whole or failed == []


# In the suite all at once: none of them is enough.
@pytest.mark.parametrize("ways", read_scale().choose(short=[list(WAYS)], whole=[[way] for way in WAYS]), ids="+".join)
def test_without_a_watchdog_it_hangs_for_ever(ways: Sequence[str], installation: Installation, scale: Scale) -> None:
    with installation.serve({**SETTINGS, "GLUONSERVE_HUNG_AFTER": "0"}) as server:
        found = hang_for_ever(Served(installation, server), partial(hang_in_ways, ways))
    scale.keep(
        Finding(
            part=PART,
            fault=f"{', '.join(ways)}; the others ask nginx",
            guard="`GLUONSERVE_HUNG_AFTER`",
            requests=len(found.answers),
            failed=len(list_failed(found.answers)),
            measured={f"replaced within {CONTROL_SECONDS:.0f} s": "no" if found.seconds == [None] else "yes"},
            holds=found.seconds == [None],
        )
    )
    assert found.seconds == [None]
