"""Starts the doorman from gunicorn's master, and again when it dies."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.beside import start_beside
from config.front.doorman.doorman import Doorman
from config.front.doorman.queues import QueueUnknown, observe_queue

_NAME = "doorman"
_SECONDS_BEFORE_ANOTHER = 0.5


def start_doorman(server: Any, *, most_wait_seconds: float, timeout_seconds: float) -> None:
    """Start a doorman for the listeners of gunicorn's master, to whom it is no child: its children are its workers.

    Fallback: where the kernel does not tell how many connections wait, there is none, and all of them wait as long as
    it takes; logged.
    """

    def work(master: int) -> None:
        doorman = Doorman(
            server.LISTENERS,
            server.desk,
            most_wait_seconds=most_wait_seconds,
            timeout_seconds=timeout_seconds,
            places=server.cfg.workers * server.cfg.threads,
            log=server.log,
        )
        doorman.run(master)

    try:
        for listener in server.LISTENERS:
            observe_queue(listener).close()
    except QueueUnknown:
        server.log.warning("This kernel does not tell how many connections wait: none is refused for waiting too long.")
        return
    start_beside(lambda master: _keep(lambda: work(master), master, server.log))


def _keep(work: Callable[[], None], master: int, log: Any) -> None:
    """Have a child do the work, and another when it dies, until it ends well or the master has gone."""
    while True:
        child = os.fork()
        if child == 0:
            _run(work, log)
        _, status = os.waitpid(child, 0)
        if status == 0 or select.select([master], [], [], 0)[0]:
            return
        log.error("The doorman died (status %s); another one begins.", os.waitstatus_to_exitcode(status))
        time.sleep(_SECONDS_BEFORE_ANOTHER)


def _run(work: Callable[[], None], log: Any) -> None:
    status = 1
    try:
        Path("/proc/self/comm").write_text(_NAME)
        work()
        status = 0
    except Exception:
        log.exception("The doorman failed")
    finally:
        sys.stderr.flush()
        os._exit(status)
