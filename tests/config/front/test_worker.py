from __future__ import annotations

import os

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
