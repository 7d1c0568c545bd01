"""Who changes the active version of a running server, and notes when it could change."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from app.release.store import ReleaseStore
from tests.bench.switching.judging import Change

_MOST_SECONDS = 300


@dataclass(frozen=True)
class Call:
    """What the server said to a call, and how long it took to."""

    action: str
    status: int
    document: Any
    seconds: float


class Operator:
    """Calls by HTTP, with a key that has the permission admin.

    Attributes:
        first: The version that was active at the beginning.
        changes: In the order in which they ended.
        calls: Likewise.
    """

    def __init__(self, url: str, store: ReleaseStore, *, key: str) -> None:
        self.changes: list[Change] = []
        self.calls: list[Call] = []
        self._url = url
        self._store = store
        self._headers = {"X-API-Key": key, "Connection": "close"}
        self.first = self.read_active()

    def read_active(self) -> str:
        pointer = self._store.active()
        assert pointer is not None, f"nothing is active in {self._store.path}"
        return pointer.version

    def activate(self, version: str) -> Call:
        return self._post("activate", f"/models/{version}/activate")

    def rollback(self) -> Call:
        return self._post("rollback", "/models/rollback")

    def rollback_during_activation(self, version: str, *, after_seconds: float) -> tuple[Call, Call]:
        """Begin an activation and call for a rollback a little later; return both calls."""
        activations: list[Call] = []
        activating = threading.Thread(target=lambda: activations.append(self.activate(version)))
        activating.start()
        time.sleep(after_seconds)
        rollback = self.rollback()
        activating.join()
        return activations[0], rollback

    @contextmanager
    def changing(self, *possible: str) -> Iterator[None]:
        """Note that in this block one of these versions may become the active one; the store tells which did."""
        began = time.perf_counter()
        try:
            yield
        finally:
            settled = self.read_active()
            self.changes.append(Change(began, time.perf_counter(), frozenset(possible), settled))

    def _post(self, action: str, path: str) -> Call:
        began = time.perf_counter()
        answer = requests.post(self._url + path, headers=self._headers, timeout=_MOST_SECONDS)
        returned = time.perf_counter()
        document = answer.json()
        call = Call(action, answer.status_code, document, returned - began)
        if answer.status_code == requests.codes.ok:
            # From the moment of the answer on, no older version may be heard of.
            self.changes.append(Change(began, returned, frozenset({document["version"]}), self.read_active()))
        self.calls.append(call)
        return call
