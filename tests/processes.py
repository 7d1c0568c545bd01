"""Several processes that do the same thing at the same moment."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any


def run_at_once(count: int, work: Callable[..., None], *arguments: Any) -> None:
    """Run `work(wait_for_all, *arguments)` in so many new processes and expect all of them to succeed."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(count, timeout=30)  # Else the failure of one would hold the others for ever.
    processes = [context.Process(target=work, args=(barrier.wait, *arguments)) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * count
