"""Keeps one shadow process running on this host: of all workers, the one that holds a lock does it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import orjson

from app.serving.rollout.comparison.ledger import ROLLOUT_DIRECTORY
from app.serving.rollout.election import Election
from app.serving.rollout.shadowing.task import ShadowTask

_PROCESS = "app.serving.rollout.shadowing.process"
_SOURCE = Path(__file__).resolve().parents[4]
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_MOST_STARTS = 3
_STOP_SECONDS = 2.0


class ShadowKeeper:
    """To be called from one thread that lives as long as the worker: the process ends with it."""

    def __init__(self, store: Path) -> None:
        self._task: ShadowTask | None = None
        self._process: _ShadowProcess | None = None
        self._election = Election(store / ROLLOUT_DIRECTORY / f"{socket.gethostname()}.lock")
        self._starts = 0
        self._refusal: str | None = None

    @property
    def pid(self) -> int | None:
        """The process that this worker keeps running."""
        return None if self._process is None else self._process.pid

    def watch(self, task: ShadowTask | None) -> str | None:
        """See to it that the process for a task runs, or none; return why there can be none for it.

        Raises:
            OSError: when the store cannot be written or no process be started.
        """
        if task != self._task:
            self.close()
            self._task = task
        if task is None or not self._election.is_won():
            return None
        if self._refusal:
            return self._refusal
        if self._process is not None:
            if self._process.is_running():
                return None
            # Kept: whoever is told may not be able to withdraw the candidate, and asks again.
            self._refusal = self._process.read_reason() or self._refuse_many_starts(self._process)
            if self._refusal:
                return self._refusal
        self._starts += 1
        self._process = _ShadowProcess(task)
        return None

    def close(self) -> None:
        """End the process, and let another worker keep one."""
        if self._process is not None:
            self._process.end()
        self._process = None
        self._election.resign()
        self._starts = 0
        self._refusal = None

    def _refuse_many_starts(self, ended: _ShadowProcess) -> str | None:
        if self._starts < _MOST_STARTS:
            return None
        return f"Its shadow process ended {self._starts} times, the last time with exit code {ended.exit_code}."


class _ShadowProcess:
    """A started process, which ends when `_keeper` is closed."""

    def __init__(self, task: ShadowTask) -> None:
        path = os.pathsep.join(filter(None, [str(_SOURCE), os.environ.get("PYTHONPATH")]))
        standard_input, self._keeper = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", _PROCESS],
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": path},
            stdin=standard_input,
            stdout=subprocess.PIPE,
        )
        os.close(standard_input)
        # Smaller than the buffer of a pipe, so nothing waits here for the process to read it.
        os.write(self._keeper, task.to_bytes())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode

    def is_running(self) -> bool:
        return self._process.poll() is None

    def read_reason(self) -> str | None:
        """Why an ended process cannot do its task; None when it ended otherwise."""
        output, _ = self._process.communicate()
        os.close(self._keeper)
        return str(orjson.loads(output)["reason"]) if output else None

    def end(self) -> None:
        if self._process.returncode is not None:
            return
        os.close(self._keeper)
        try:
            self._process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # In the middle of a prediction that takes long.
            self._process.kill()
            self._process.communicate()
