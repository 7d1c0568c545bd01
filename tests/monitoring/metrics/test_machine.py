from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.monitoring.metrics.machine import MachineCollector, ProcessCollector, describe_processes, list_processes_beside
from tests.monitoring.metrics.samples import read_collector
from tests.server import wait_until

_MASTER = """
import subprocess, sys
children = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _ in range(2)]
input()
"""
_DOORMAN = """
import ctypes, sys
ctypes.CDLL(None).prctl(15, b"doorman", 0, 0, 0)
print(flush=True)
sys.stdin.read()
"""
OF_A_PROCESS = {
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_proportional_memory_bytes",
    "process_open_descriptors",
    "process_threads",
}


@pytest.fixture
def master() -> Iterator[subprocess.Popen[bytes]]:
    """A process with two children, in a group of its own; all end with its input."""
    with subprocess.Popen(
        [sys.executable, "-c", _MASTER], stdin=subprocess.PIPE, start_new_session=True, stderr=subprocess.DEVNULL
    ) as process:
        wait_until(lambda: len(psutil.Process(process.pid).children()) == 2, seconds=10)
        yield process
        assert process.stdin is not None
        process.stdin.close()


def test_the_machine_tells_of_its_processors_its_memory_and_the_disks_of_the_state(tmp_path: Path) -> None:
    told = read_collector(MachineCollector({"home": tmp_path, "models": tmp_path / "missing"}))
    assert told["host_cpu_seconds_total['user']"] > 0
    assert "host_cpu_seconds_total['guest']" not in told
    assert told["host_memory_bytes['total']"] >= told["host_memory_bytes['available']"] > 0
    assert told["disk_size_bytes['home']"] >= told["disk_free_bytes['home']"] > 0
    assert "disk_free_bytes['models']" not in told


def test_each_process_of_a_server_is_told_by_its_role(master: subprocess.Popen[bytes]) -> None:
    children = {child.pid for child in psutil.Process(master.pid).children()}
    told = read_collector(ProcessCollector(master.pid))
    expected = {("master", master.pid), *(("worker", child) for child in children)}
    assert told.keys() == {f"{name}['{role}', '{pid}']" for name in OF_A_PROCESS for role, pid in expected}
    assert told[f"process_resident_memory_bytes['master', '{master.pid}']"] > 1_000_000


def test_a_process_that_is_gone_when_it_is_looked_at_is_left_out(master: subprocess.Popen[bytes]) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        gone = ("worker", psutil.Process(other.pid))
        other.kill()
    living = ("master", psutil.Process(master.pid))
    told = [sample for metric in describe_processes([gone, living]) for sample in metric.samples]
    assert {sample.labels["pid"] for sample in told} == {str(master.pid)}


def test_a_process_that_has_ended_and_is_still_in_the_table_is_left_out(master: subprocess.Popen[bytes]) -> None:
    child, other = psutil.Process(master.pid).children()
    child.kill()
    wait_until(lambda: child.status() == psutil.STATUS_ZOMBIE, seconds=10)
    told = read_collector(ProcessCollector(master.pid))
    assert {name.partition("[")[2] for name in told} == {f"'master', '{master.pid}']", f"'worker', '{other.pid}']"}


def test_a_process_beside_the_workers_is_found_by_its_name_and_its_group() -> None:
    ours, another = start_doorman(), start_doorman(start_new_session=True)
    # Tests that run meanwhile may have begun others in this group.
    found = {one.pid: role for role, one in list_processes_beside(os.getpid())}
    assert found.get(ours.pid) == "doorman"
    assert another.pid not in found
    for doorman in (ours, another):
        doorman.communicate()


def start_doorman(*, start_new_session: bool = False) -> subprocess.Popen[bytes]:
    """A process that calls itself as the real one does, until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", _DOORMAN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=start_new_session,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process
