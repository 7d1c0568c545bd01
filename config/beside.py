"""Processes beside the workers: begun by gunicorn's master, to whom they are no children, for these are its workers."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any


def start_beside(work: Callable[[int], None], *, without: Sequence[Any] = ()) -> None:
    """Do the work in another process.

    Args:
        work: Is given a descriptor that can be read as soon as the master has gone, and ends then.
        without: Sockets that it has no use for. While one process has it open, no other server can have its address.
    """
    master = os.pidfd_open(os.getpid())
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        os.close(master)
        return
    try:
        if os.fork() == 0:
            _ignore_signals()
            for socket in without:
                socket.close()
            work(master)
    finally:
        sys.stderr.flush()
        os._exit(0)


def _ignore_signals() -> None:
    """A supervisor or a terminal sends them to all processes; who is beside the workers stays until they have gone."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
