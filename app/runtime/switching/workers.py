"""Which processes serve a model store, what each serves and has ready, and what they are asked to make ready.

All of it lies in files beside the releases, so that it holds for every machine that shares the store. A worker holds a
lock on a file of its own for as long as it lives: who can take the lock knows that the worker is dead.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import orjson

from app.release.files import read_json

_DIRECTORY = ".workers"
_INSTRUCTION = "PREPARE"

Outcome = Literal["loading", "ready", "failed"]


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """A version that every worker is to make ready.

    Attributes:
        token: Names this one request, so that an old answer is not taken for one to it.
        until: Seconds since 1970 after which nobody waits for it any more: whoever asked may have been killed.
    """

    token: str
    version: str
    until: float


@dataclass(frozen=True, kw_only=True)
class WorkerState:
    """What a worker says of itself.

    Attributes:
        active: The version that answers requests which begin now.
        older_requests: Requests under way that another version answers.
        held: The versions that could answer at once.
        token: The instruction that `outcome` is the answer to.
        reason: Why it failed, in one sentence.
        golden_ok: Whether its last golden row came out right; None as long as there was none.
        golden_at: When that was, in seconds since 1970.
        stands_in: Whether it answers with another version than the active one, which it cannot load.
        cache: What it remembers, and what became of the rows that it was asked for; None where it remembers nothing.
    """

    pid: int
    host: str
    active: str | None = None
    older_requests: int = 0
    held: tuple[str, ...] = ()
    token: str | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    golden_ok: bool | None = None
    golden_at: float | None = None
    stands_in: bool = False
    cache: Mapping[str, int] | None = None

    @property
    def name(self) -> str:
        return f"{self.host}:{self.pid}"


class WorkerRecord:
    """The files of this worker, from `open` to the end of the process."""

    def __init__(self, store: Path) -> None:
        self._directory = store / _DIRECTORY
        self._id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._lock: int | None = None
        self._written: WorkerState | None = None

    def open(self, state: WorkerState) -> None:
        """Raises OSError when the store cannot be written."""
        self._directory.mkdir(parents=True, exist_ok=True)
        # Locked before it has its name: nobody must find it unlocked and take this worker for a dead one.
        nameless = self._directory / f".{self._id}"
        self._lock = os.open(nameless, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.write(state)
        nameless.rename(self._directory / f"{self._id}.lock")

    def write(self, state: WorkerState) -> None:
        """Replace what this worker says, if it says something else. Not flushed: a dead machine says nothing.

        Raises:
            OSError: when the store cannot be written any more.
        """
        if self._lock is None or state == self._written:
            return
        temporary = self._directory / f".{self._id}.json"
        temporary.write_bytes(orjson.dumps(asdict(state)))
        temporary.rename(self._directory / f"{self._id}.json")
        self._written = state

    def close(self) -> None:
        if self._lock is not None:
            _remove_files(self._directory, self._id)
            os.close(self._lock)
            self._lock = None


def list_live_workers(store: Path) -> dict[str, WorkerState]:
    """The workers that are alive, by their ids. What dead ones left is removed."""
    found = {}
    for lock in sorted((store / _DIRECTORY).glob("*.lock")):
        if _is_held(lock):
            state = _read_state(lock.with_suffix(".json"))
            if state is not None:
                found[lock.stem] = state
        else:
            _remove_files(lock.parent, lock.stem)
    return found


def write_instruction(store: Path, instruction: Instruction) -> None:
    """Ask every worker to make a version ready, in place of what was asked before."""
    directory = store / _DIRECTORY
    directory.mkdir(parents=True, exist_ok=True)
    temporary = directory / f".{_INSTRUCTION}.{os.getpid()}"
    temporary.write_bytes(orjson.dumps(asdict(instruction)))
    temporary.rename(directory / _INSTRUCTION)


def withdraw_instruction(store: Path) -> None:
    (store / _DIRECTORY / _INSTRUCTION).unlink(missing_ok=True)


def read_instruction(store: Path) -> Instruction | None:
    """What is to be made ready; None when nothing is, or when the file cannot be read."""
    try:
        values: Any = read_json(store / _DIRECTORY / _INSTRUCTION)
        return Instruction(**values)
    except (OSError, orjson.JSONDecodeError, TypeError):
        return None


def _is_held(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def _read_state(path: Path) -> WorkerState | None:
    try:
        values: Any = read_json(path)
        # A worker of another release of gluonserve may say more.
        known = {field.name: values[field.name] for field in fields(WorkerState) if field.name in values}
        return WorkerState(**{**known, "held": tuple(values["held"])})
    except (OSError, orjson.JSONDecodeError, TypeError, KeyError):
        return None


def _remove_files(directory: Path, id: str) -> None:
    for path in _list_files(directory, id):
        path.unlink(missing_ok=True)


def _list_files(directory: Path, id: str) -> Iterator[Path]:
    yield directory / f"{id}.json"
    yield directory / f"{id}.lock"
