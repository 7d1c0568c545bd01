"""Whether a process is at its end, as the kernel knows before anybody else does."""

from __future__ import annotations

import os

# linux/sched.h: set before the files and connections of a process are closed.
_PF_EXITING = 0x4
_STATES_OF_THE_DEAD = {b"Z", b"X", b"x"}
# Of what follows the name in /proc/PID/stat, see proc(5).
_STATE, _FLAGS = 0, 6
_MOST_BYTES = 1024


def is_ending(process: int) -> bool:
    """Whether it has ended or is about to. Fallback: where there is no /proc, whether it has ended."""
    try:
        descriptor = os.open(f"/proc/{process}/stat", os.O_RDONLY)
    except OSError:
        return not _exists(process)
    try:
        told = os.read(descriptor, _MOST_BYTES)
    except ProcessLookupError:
        return True
    finally:
        os.close(descriptor)
    # The name stands in brackets, and may have any in it.
    fields = told[told.rindex(b")") + 1 :].split()
    return fields[_STATE] in _STATES_OF_THE_DEAD or bool(int(fields[_FLAGS]) & _PF_EXITING)


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError as fault:
        return not isinstance(fault, ProcessLookupError)
    return True
