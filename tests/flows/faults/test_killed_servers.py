"""All workers killed at once, and the master itself: served again, and nothing is left of what was."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import psutil

from tests.bench.load.open_loop import Answer
from tests.flows.faults.rig.blows import (
    describe_seconds,
    kill,
    list_processes_of,
    measure_replacement,
    measure_seconds,
)
from tests.flows.faults.rig.breaking import SLOW
from tests.flows.faults.rig.installation import Installation, Served, SupervisedServer
from tests.flows.faults.rig.scale import Finding, Scale
from tests.flows.faults.rig.supervising import read_policy
from tests.flows.faults.rig.traffic import choose_rate, find_address, list_failed, load_on

PART = "killed_servers"
RATE = 60.0
SECONDS_BETWEEN_KILLS = 2.0
MOST_SECONDS = 10.0
# After which a control takes it that nothing comes.
CONTROL_SECONDS = 2.5
BESIDE = {"GLUONSERVE_MONITOR": "beside"}


@dataclass(frozen=True)
class Outage:
    """Attributes: seconds: From each blow until all workers served; None where they did not. left: What stayed."""

    answers: Sequence[Answer]
    seconds: Sequence[float | None]
    left: Sequence[psutil.Process] = ()

    @property
    def times(self) -> list[float]:
        return [seconds for seconds in self.seconds if seconds is not None]


def kill_all_workers_under_load(served: Served, scale: Scale, *, rounds: int) -> Outage:
    """Wait for others each time."""
    requests, seconds = served.installation.make_requests(SLOW), []
    with served.behind_nginx() as address:
        rate = choose_rate(scale, address, requests, short=RATE)
        with load_on(address, requests, rate=rate) as load:
            for _ in range(rounds):
                gone = [kill(pid) for pid in served.server.workers()]
                pids = [blow.pid for blow in gone]
                seconds.append(measure_replacement(served.installation, pids, gone[0].at))
                time.sleep(scale.choose(short=0.0, whole=SECONDS_BETWEEN_KILLS))
    return Outage(load.answers, seconds)


def kill_all_workers_of_a_stopped_master(served: Served) -> Outage:
    requests, master = served.installation.make_requests(SLOW), psutil.Process(served.server.process.pid)
    with served.behind_nginx() as address, load_on(address, requests, rate=RATE) as load:
        gone = served.server.workers()
        master.suspend()
        blows = [kill(pid) for pid in gone]
        seconds = measure_replacement(served.installation, gone, blows[0].at, patience=CONTROL_SECONDS)
        master.resume()
    return Outage(load.answers, [seconds])


def test_after_all_workers_are_killed_at_once_others_serve(served: Served, scale: Scale) -> None:
    found = kill_all_workers_under_load(served, scale, rounds=scale.choose(short=1, whole=20))
    holds = None not in found.seconds and scale.is_in_time(max(found.times), MOST_SECONDS)
    scale.keep(
        Finding(
            part=PART,
            fault="all workers killed at once; callers ask nginx",
            requests=len(found.answers),
            failed=len(list_failed(found.answers)),
            measured={"all ready again": describe_seconds(found.times)},
            holds=holds,
        )
    )
    assert holds


def test_without_a_master_that_replaces_them_nobody_serves(served: Served, scale: Scale) -> None:
    found = kill_all_workers_of_a_stopped_master(served)
    scale.keep(
        Finding(
            part=PART,
            fault="all workers killed at once; callers ask nginx",
            guard="a master that replaces them (it is stopped)",
            requests=len(found.answers),
            failed=len(list_failed(found.answers)),
            measured={f"served again within {CONTROL_SECONDS:.0f} s": "no" if found.seconds == [None] else "yes"},
            holds=found.seconds == [None],
        )
    )
    assert found.seconds == [None]


def kill_master_under_load(
    installation: Installation, server: SupervisedServer, scale: Scale, *, rounds: int
) -> Outage:
    """Wait each time until the next server serves, and until nothing is left of the one before."""
    address, requests = find_address(server.url), installation.make_requests(SLOW)
    seconds, left = list[float | None](), list[psutil.Process]()
    rate = choose_rate(scale, address, requests, short=RATE)
    with load_on(address, requests, rate=rate) as load:
        for _ in range(rounds):
            before = list_processes_of(installation.home)
            blow = kill(server.supervisor.process.pid)
            seconds.append(measure_replacement(installation, [process.pid for process in before], blow.at))
            left.extend(await_end(before))
    return Outage(load.answers, seconds, left)


def kill_master_beside_a_stopped_worker(installation: Installation, server: SupervisedServer) -> Outage:
    """The same once; the worker that cannot end by itself is killed at the end."""
    address, requests = find_address(server.url), installation.make_requests(SLOW)
    with load_on(address, requests, rate=RATE) as load:
        before = list_processes_of(installation.home)
        stopped = psutil.Process(installation.list_serving()[0])
        stopped.suspend()
        blow = kill(server.supervisor.process.pid)
        pids = [process.pid for process in before]
        seconds = measure_replacement(installation, pids, blow.at, patience=CONTROL_SECONDS)
        left = await_end(before, patience=0)
        with suppress(psutil.NoSuchProcess):
            stopped.kill()
    return Outage(load.answers, [seconds], left)


def await_end(processes: Sequence[psutil.Process], *, patience: float = MOST_SECONDS) -> list[psutil.Process]:
    """Wait until all have ended; those that have not."""
    measure_seconds(lambda: not list_living(processes), time.perf_counter(), patience=patience)
    return list_living(processes)


def list_living(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_after_the_master_is_killed_another_one_serves_and_nothing_is_left_of_the_first(
    installation: Installation, scale: Scale
) -> None:
    with installation.supervise(read_policy(), BESIDE) as server:
        found = kill_master_under_load(installation, server, scale, rounds=scale.choose(short=1, whole=10))
    left = [*found.left, *await_end(list_processes_of(installation.home))]
    holds = None not in found.seconds and left == [] and scale.is_in_time(max(found.times), MOST_SECONDS)
    scale.keep(
        Finding(
            part=PART,
            fault="the master killed, the unit starts another server; callers ask it directly",
            requests=len(found.answers),
            failed=len(list_failed(found.answers)),
            measured={"all ready again": describe_seconds(found.times), "processes left behind": str(len(left))},
            holds=holds,
        )
    )
    assert holds


def test_without_the_restart_of_the_unit_nobody_serves_and_a_process_that_stays_is_found(
    installation: Installation, scale: Scale
) -> None:
    policy = replace(read_policy(), restart="no")
    with installation.supervise(policy) as server:
        found = kill_master_beside_a_stopped_worker(installation, server)
    holds = found.seconds == [None] and len(found.left) > 0
    scale.keep(
        Finding(
            part=PART,
            fault="the master killed; callers ask it directly",
            guard="`Restart=always`, and with a worker that is stopped",
            requests=len(found.answers),
            failed=len(list_failed(found.answers)),
            measured={"processes left behind": str(len(found.left))},
            holds=holds,
        )
    )
    assert holds
