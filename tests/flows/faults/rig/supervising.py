"""Starts the server again as systemd would, by the unit that the project supplies; where there is no systemd.

It does less: what the server leaves behind, which systemd would kill through the control group, has to go by itself.
"""

from __future__ import annotations

import configparser
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.rules.repository import ROOT
from tests.server import stop

UNIT = ROOT / "deploy" / "systemd" / "gluonserve.service"


@dataclass(frozen=True)
class RestartPolicy:
    """Attributes: restart: As in systemd, always or no; on-failure and others are in no unit of the project."""

    restart: str
    pause_seconds: float


def read_policy(unit: Path = UNIT) -> RestartPolicy:
    parsed = configparser.RawConfigParser(strict=True)
    parsed.read(unit, encoding="utf-8")
    service = parsed["Service"]
    assert service["Restart"] in ("always", "no")
    return RestartPolicy(service["Restart"], float(service["RestartSec"]))


class Supervisor:
    """Attributes: process: The one that runs now, or ran last. starts: How many there were."""

    def __init__(self, start: Callable[[], subprocess.Popen[bytes]], policy: RestartPolicy) -> None:
        self.process = start()
        self.starts = 1
        self._start = start
        self._policy = policy
        self._ends = threading.Event()
        self._changing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="supervisor")
        self._thread.start()

    def close(self) -> None:
        self._ends.set()
        with self._changing:
            stop(self.process)
        self._thread.join()

    def _run(self) -> None:
        while True:
            self.process.wait()
            if self._policy.restart == "no" or self._ends.wait(self._policy.pause_seconds):
                return
            with self._changing:
                if self._ends.is_set():
                    return
                self.process = self._start()
                self.starts += 1


@contextmanager
def supervised(start: Callable[[], subprocess.Popen[bytes]], policy: RestartPolicy) -> Iterator[Supervisor]:
    supervisor = Supervisor(start, policy)
    try:
        yield supervisor
    finally:
        supervisor.close()
