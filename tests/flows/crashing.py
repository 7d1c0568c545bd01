"""Processes that publish and activate one version after the other, until somebody kills them.

They are forked from one light process, so that each is at work within a few milliseconds:
`python -m tests.flows.crashing publish|activate STORE` forks one for each line that it reads.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import Conflict
from app.release.pointer import activating
from app.release.store import ReleaseStore
from app.serving.rollout.activation import Activator, NoAuditTrail
from tests.manifests import SIGNER, TRUST, make_manifest

KEPT = 3
_FILE_BYTES = 20_000


def open_store(path: Path) -> ReleaseStore:
    return ReleaseStore(path, trust=TRUST, signer=SIGNER, keep=KEPT)


def publish_one(store: ReleaseStore) -> str:
    """Publish a small release of a few files."""
    with store.staging() as staged:
        (staged / "plan").mkdir()
        for name in ("schema.json", "golden.json", "plan/plan.json", "plan/arrays.npz"):
            (staged / name).write_bytes(os.urandom(_FILE_BYTES))
        return store.publish(staged, make_manifest()).version


def publish_and_activate(path: Path) -> None:
    store = open_store(path)
    while True:
        version = publish_one(store)
        with activating(path):
            store.activate(version)


def activate_in_turn(path: Path) -> None:
    """Activate versions 1 and 2 in turn, in front of the workers that serve the store."""
    store = open_store(path)
    activator = Activator(store, audit=NoAuditTrail())
    while True:
        pointer = store.active()
        try:
            activator.activate("2" if pointer and pointer.version == "1" else "1", by="tests")
        except Conflict:
            time.sleep(0.01)  # The worker that was killed takes a moment to come back.


class Victims:
    """Starts processes and kills them at random moments."""

    def __init__(self, server: subprocess.Popen[bytes], chooser: random.Random) -> None:
        self._server = server
        self._chooser = chooser

    def run_one(self, *, at_most_seconds: float) -> None:
        """Have one begin, and kill it after up to so many seconds; returns when it is gone."""
        pid = int(self._ask())
        time.sleep(self._chooser.uniform(0, at_most_seconds))
        os.kill(pid, signal.SIGKILL)
        assert int(self._read()) == signal.SIGKILL, "it had ended before it was killed"

    def _ask(self) -> bytes:
        assert self._server.stdin is not None
        self._server.stdin.write(b"\n")
        self._server.stdin.flush()
        return self._read()

    def _read(self) -> bytes:
        assert self._server.stdout is not None
        return self._server.stdout.readline()


@contextmanager
def victims_at_work(work: str, store: Path, *, seed: int) -> Iterator[Victims]:
    """Processes that `publish` or `activate` in a store."""
    command = [sys.executable, "-m", "tests.flows.crashing", work, str(store)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        yield Victims(server, random.Random(seed))
        assert server.stdin is not None
        server.stdin.close()


def main() -> None:
    work = {"publish": publish_and_activate, "activate": activate_in_turn}[sys.argv[1]]
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            work(Path(sys.argv[2]))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.WTERMSIG(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
