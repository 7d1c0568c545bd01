"""Run in a process of its own, on idle CPU only: load a candidate, receive copies of requests, compare.

Ends when its standard input does, which the worker that started it holds open, and with that worker in any case.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sys

import orjson

from app.errors import ReleaseUnusable
from app.runtime.loading import LoadedRelease, load_release
from app.serving.rollout.comparison.ledger import Ledger
from app.serving.rollout.shadowing.comparer import ShadowComparer
from app.serving.rollout.shadowing.task import ShadowTask
from app.serving.rollout.trials.shadow import CopyAddress
from config.logging import configure_logging
from config.settings import list_secrets, load_settings

UNUSABLE = 3
_STANDARD_INPUT = 0
_LOWEST_PRIORITY = 19
_DIE_WITH_PARENT = 1


def main() -> int:
    answer_to = take_standard_output()
    settings = load_settings()
    configure_logging("WARNING", format=settings.log_format, secrets=list_secrets(settings))
    task = ShadowTask.from_bytes(sys.stdin.buffer.readline())
    end_with(task.keeper)
    use_idle_time_only()
    try:
        release = load_candidate(task)
    except ReleaseUnusable as fault:
        os.write(answer_to, orjson.dumps({"reason": str(fault)}))
        return UNUSABLE
    with open_socket(task) as copies:
        ShadowComparer(release, Ledger(task.store, task.trial), copies).run(_STANDARD_INPUT)
    return 0


def take_standard_output() -> int:
    """A descriptor for the answer to the keeper; what libraries print goes where the log does."""
    answer_to = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answer_to


def end_with(keeper: int) -> None:
    """Have the kernel end this process with the thread that started it, also during a call that takes long."""
    ctypes.CDLL(None, use_errno=True).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != keeper:
        raise SystemExit(0)


def use_idle_time_only() -> None:
    """Fallback: where the scheduler has no idle class, the lowest priority of the normal one."""
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except OSError:
        os.nice(_LOWEST_PRIORITY)


def load_candidate(task: ShadowTask) -> LoadedRelease:
    """Raises ReleaseUnusable for whatever is wrong with it."""
    try:
        return load_release(task.store / task.version, trust=task.trust, prefer=task.prefer, rules=task.rules)
    except ReleaseUnusable:
        raise
    except Exception as fault:
        raise ReleaseUnusable(f"Version {task.version} could not be loaded ({type(fault).__name__}).") from fault


def open_socket(task: ShadowTask) -> socket.socket:
    address = CopyAddress(task.store)
    with contextlib.suppress(FileNotFoundError):
        address.path.unlink()
    copies = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    copies.bind(address.short)
    copies.setblocking(False)
    address.close()
    return copies


if __name__ == "__main__":
    sys.exit(main())
