"""How a version is loaded and let go in a process that answers requests meanwhile: requests go first."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# How long the thread that loads keeps the interpreter from one that answers. The default of 5 ms would cost a request
# that long each time it has read from or written to its socket.
_SWITCH_SECONDS = 0.0002
# AutoGluon and what it needs are some thousand modules.
_MANY_MODULES = 50


@contextmanager
def loading_gently() -> Iterator[None]:
    """Give the interpreter back soon, and leave out the collections of garbage that loading would set off.

    A collection looks at every object of the process and lets nobody run meanwhile: with AutoGluon imported that took
    116 ms. One thread may load at a time.
    """
    usual, modules = sys.getswitchinterval(), len(sys.modules)
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) - modules > _MANY_MODULES:
            exempt_present_objects()
        gc.enable()
        sys.setswitchinterval(usual)


def exempt_present_objects() -> None:
    """Leave all objects of now out of later collections: what was imported stays to the end of the process anyway."""
    gc.freeze()


def _find_trim() -> Callable[[int], object]:
    """The allocator's function that gives free memory back to the system. Fallback: without glibc there is none."""
    try:
        # As CDLL it lets other threads run meanwhile.
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return lambda _: None


_trim = _find_trim()


def return_free_memory() -> None:
    """Give back what a version has left behind: the allocator kept 160 MB of a predictor that was gone."""
    _trim(0)
