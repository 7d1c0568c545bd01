"""Keeps commands such as `gluonserve monitor` beside the web role: begun by its master, and anew at their end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.beside import start_beside

_ROOT = Path(__file__).resolve().parents[1]
# The working directory, where another project may have an `app` of its own, gives way to where this program is.
_PROGRAM = "import sys; sys.path[0] = sys.argv.pop(1); from app.cli.main import main; main(prog_name='gluonserve')"
_GLUONSERVE = (sys.executable, "-c", _PROGRAM, str(_ROOT))

_LEAST_NICE = 19
_FIRST_TO_BE_KILLED = "1000"
_SET_SIGNAL_AT_PARENTS_DEATH = 1
_libc = ctypes.CDLL(None)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long is waited before another one begins, in seconds: twice as long each time, up to a most.

    Attributes:
        steady: Whoever lived for so long is followed as soon as the first one was.
        to_end: What one that is told to end gets before it is killed.
    """

    first: float = 2.0
    most: float = 60.0
    steady: float = 60.0
    to_end: float = 10.0


def start_watcher(server: Any) -> None:
    _start("The watcher", "monitor", server=server)


def start_depot_follower(server: Any) -> None:
    _start("What follows MODEL_STORE", "models", "follow", server=server)


def _start(name: str, *arguments: str, server: Any) -> None:
    command = (*_GLUONSERVE, *arguments)
    start_beside(
        lambda master: keep_running(command, master, server.log, Patience(), name=name), without=server.LISTENERS
    )


def keep_running(command: Sequence[str], master: int, log: Any, patience: Patience, *, name: str) -> None:
    """Have a child do it, and another when it ends, until the master has gone."""
    pause = patience.first
    while True:
        begun = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_step_back)  # noqa: PLW1509 - no threads here
        if _has_gone(master, before=child):
            _end(child, patience.to_end)
            return
        pause = patience.first if time.monotonic() - begun >= patience.steady else pause
        log.error("%s ended (status %s); another one begins in %g s.", name, child.wait(), pause)
        if select.select([master], [], [], pause)[0]:
            return
        pause = min(2 * pause, patience.most)


def _step_back() -> None:
    """Take nothing from the workers: processor time only where they leave it, and memory at the risk of being killed.

    Fallback: where the kernel allows neither, it runs as they do; it is small.
    """
    os.nice(_LEAST_NICE)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_BE_KILLED)
    # Nobody would end it after its keeper has been killed.
    _libc.prctl(_SET_SIGNAL_AT_PARENTS_DEATH, signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _has_gone(master: int, *, before: subprocess.Popen[bytes]) -> bool:
    """Wait for the master or the child to end; tell whether the master did."""
    child = os.pidfd_open(before.pid)
    try:
        ended, _, _ = select.select([master, child], [], [])
    finally:
        os.close(child)
    return master in ended


def _end(child: subprocess.Popen[bytes], seconds: float) -> None:
    child.terminate()
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
