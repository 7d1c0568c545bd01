"""Processor, memory and disks of the machine, and what each process of a server takes of them, when asked."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from app.monitoring.metrics.reading import RareReading

# What they call themselves.
_BESIDE = frozenset({"doorman", "monitor"})
_SECONDS_BETWEEN_SEARCHES = 60.0


class MachineCollector(Collector):
    """Args: directories: Where state is kept, by names for people."""

    def __init__(self, directories: Mapping[str, Path]) -> None:
        self._directories = directories

    def collect(self) -> Iterator[Metric]:
        yield from self._describe_host()
        yield from self._describe_disks()

    def _describe_host(self) -> Iterator[Metric]:
        times = CounterMetricFamily(
            "gluonserve_host_cpu_seconds", "Time of all processors of the machine.", labels=("mode",)
        )
        for mode, seconds in psutil.cpu_times()._asdict().items():
            if not mode.startswith("guest"):  # Is in `user`, too.
                times.add_metric((mode,), seconds)
        yield times
        memory = psutil.virtual_memory()
        described = GaugeMetricFamily("gluonserve_host_memory_bytes", "Memory of the machine.", labels=("state",))
        described.add_metric(("total",), memory.total)
        described.add_metric(("available",), memory.available)
        yield described

    def _describe_disks(self) -> Iterator[Metric]:
        free = GaugeMetricFamily(
            "gluonserve_disk_free_bytes", "What may still be written where state is kept.", labels=("directory",)
        )
        size = GaugeMetricFamily(
            "gluonserve_disk_size_bytes", "Size of the file system where state is kept.", labels=("directory",)
        )
        for name, path in self._directories.items():
            try:
                usage = psutil.disk_usage(os.fspath(path))
            except OSError:  # Not there yet; the others are told all the same.
                continue
            free.add_metric((name,), usage.free)
            size.add_metric((name,), usage.total)
        yield free
        yield size


class ProcessCollector(Collector):
    """
    Args:
        master: The process whose children all workers are.
    """

    def __init__(self, master: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._master = master
        self._beside = RareReading(
            lambda: list_processes_beside(master), fresh_seconds=_SECONDS_BETWEEN_SEARCHES, clock=clock
        )

    def collect(self) -> Iterator[Metric]:
        master = psutil.Process(self._master)
        workers = [("worker", child) for child in master.children()]
        yield from describe_processes([("master", master), *workers, *self._beside.get()])


def list_processes_beside(master: int) -> list[tuple[str, psutil.Process]]:
    """The processes of a server that are no children of its master, by their roles.

    Looks at all processes of the machine, which takes milliseconds.
    """
    group = os.getpgid(master)
    found = (one for one in psutil.process_iter(["name"]) if one.info["name"] in _BESIDE and _is_in(one, group))
    return [(one.info["name"], one) for one in found]


def _is_in(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group
    except ProcessLookupError:
        return False


def describe_processes(processes: list[tuple[str, psutil.Process]]) -> Iterator[Metric]:
    labels = ("role", "pid")
    cpu = CounterMetricFamily("gluonserve_process_cpu_seconds", "Processor time of a process.", labels=labels)
    resident = GaugeMetricFamily(
        "gluonserve_process_resident_memory_bytes", "Memory of a process, with all that it shares.", labels=labels
    )
    own = GaugeMetricFamily(
        "gluonserve_process_proportional_memory_bytes",
        "Memory of a process, with its part of what it shares.",
        labels=labels,
    )
    files = GaugeMetricFamily(
        "gluonserve_process_open_descriptors", "Open files and connections of a process.", labels=labels
    )
    threads = GaugeMetricFamily("gluonserve_process_threads", "Threads of a process.", labels=labels)
    for role, process in processes:
        of = (role, str(process.pid))
        try:
            with process.oneshot():
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                times, memory = process.cpu_times(), process.memory_full_info()
                open_files, running = process.num_fds(), process.num_threads()
        except psutil.Error:  # It has ended meanwhile.
            continue
        cpu.add_metric(of, times.user + times.system)
        resident.add_metric(of, memory.rss)
        own.add_metric(of, memory.pss)
        files.add_metric(of, open_files)
        threads.add_metric(of, running)
    yield from (cpu, resident, own, files, threads)
