from __future__ import annotations

import errno
import os
from types import SimpleNamespace

import pytest

from config.front.worker import Worker


def test_a_signal_to_end_is_heard_in_whatever_moment_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker.__new__(Worker)
    worker.alive, worker.ppid = True, os.getppid()

    def be_told_meanwhile() -> int:
        worker.alive = False
        return int(worker.ppid)

    assert worker.is_parent_alive()
    monkeypatch.setattr(os, "getppid", be_told_meanwhile)
    assert not worker.is_parent_alive()
    assert not worker.alive


def test_a_thread_that_cannot_take_another_connection_leaves_that_to_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    worker = Worker.__new__(Worker)
    monkeypatch.setattr(worker, "_door", SimpleNamespace(poll=lambda _: [(7, 1)]), raising=False)
    monkeypatch.setattr(worker, "_openings", {7: fail}, raising=False)
    assert worker._take_next() is None
