"""Who is kept beside a master: begun again whenever it ends, last in turn, and gone with the master."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.server import wait_until

# A master that has somebody kept beside it, and waits for its own end. What is kept writes who it is, and how it is.
MASTER = """
import logging, sys, time
from config.beside import start_beside
from config.watching import Patience, keep_running
logging.basicConfig(stream=sys.stderr)
command = (sys.executable, "-c", sys.argv[1], *sys.argv[2:])
patience = Patience(first=0.05, most=0.1, to_end=0.5)
start_beside(lambda master: keep_running(command, master, logging.getLogger(), patience, name="The watcher"))
time.sleep(60)
"""
KEPT = """
import os, sys, time
with open(sys.argv[1], "a") as file:
    score = open("/proc/self/oom_score_adj").read().strip()
    file.write(f"{os.getpid()} {os.getppid()} {os.nice(0)} {score}\\n")
time.sleep(60)
"""


class Kept:
    """What is kept, and who keeps it."""

    def __init__(self, master: subprocess.Popen[bytes], path: Path) -> None:
        self.master = master
        self._path = path

    def list_begun(self) -> list[list[int]]:
        """Of each that was begun: its number, that of its keeper, how nice it is, and its score for being killed."""
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return [[int(word) for word in line.split()] for line in lines]

    def wait_for(self, count: int) -> psutil.Process:
        wait_until(lambda: len(self.list_begun()) >= count, seconds=20)
        return psutil.Process(self.list_begun()[count - 1][0])


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    path = tmp_path / "begun"
    master = subprocess.Popen([sys.executable, "-c", MASTER, KEPT, str(path)])
    kept = Kept(master, path)
    yield kept
    master.kill()
    master.wait()
    wait_until(lambda: not any(psutil.pid_exists(begun[0]) for begun in kept.list_begun()), seconds=20)


def test_it_takes_nothing_from_the_workers(kept: Kept) -> None:
    kept.wait_for(1)
    ((_, keeper, nice, score),) = kept.list_begun()
    assert (nice, score) == (19, 1000)
    assert keeper not in (child.pid for child in psutil.Process(kept.master.pid).children())


def test_who_was_killed_or_told_to_end_is_followed_by_another(kept: Kept) -> None:
    kept.wait_for(1).send_signal(signal.SIGKILL)
    kept.wait_for(2).send_signal(signal.SIGTERM)
    assert kept.wait_for(3).is_running()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_the_master(kept: Kept, number: signal.Signals) -> None:
    process = kept.wait_for(1)
    kept.master.send_signal(number)
    wait_until(lambda: not process.is_running(), seconds=20)
    time.sleep(0.3)
    assert len(kept.list_begun()) == 1


def test_it_ends_with_its_keeper_for_nobody_else_would_end_it(kept: Kept) -> None:
    process = kept.wait_for(1)
    psutil.Process(kept.list_begun()[0][1]).kill()
    wait_until(lambda: not process.is_running(), seconds=20)


def test_a_terminal_does_not_end_it_before_the_master(kept: Kept) -> None:
    process = kept.wait_for(1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.is_running()
