"""Ends a worker with its master, also when that is killed."""

from __future__ import annotations

import ctypes
import os
import signal

_SET_SIGNAL_AT_PARENTS_DEATH = 1
_libc = ctypes.CDLL(None)


def end_with_parent(parent: int) -> None:
    """Have the kernel tell this process to end when its parent has ended.

    gunicorn's workers look for that by themselves, but once a second, and not while they load.
    """
    _libc.prctl(_SET_SIGNAL_AT_PARENTS_DEATH, signal.SIGTERM)
    # It may have ended before it was asked.
    if os.getppid() != parent:
        os._exit(0)
