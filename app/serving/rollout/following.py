"""Makes this machine serve what was made active on another one that shares its model store."""

from __future__ import annotations

import hashlib
import logging
import threading
from pathlib import Path

from app.errors import Conflict, ModelStoreUnreachable, ReleaseUnusable, ServiceError
from app.release.files import replace_file
from app.release.sharing.depot import Depot, read_shared_version
from app.release.store import ReleaseStore
from app.serving.rollout.activation import Activator

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 5.0
_MOST_SECONDS_AFTER_FAILURE = 60.0
# Which shared pointer was followed last. What is active here may be newer: then others are about to be told of it.
_SEEN = ".shared-pointer"
_FOLLOWER = "model store"


class DepotFollower:
    """Follows the shared pointer whenever it has changed, never what was active before that.

    Fallback: while the depot does not answer, or names a version that is damaged or not trusted, what is active here
    stays active; the first failure of each kind is logged, and the first look that succeeds again.
    """

    def __init__(
        self,
        depot: Depot,
        store: ReleaseStore,
        activator: Activator,
        *,
        seconds_between_looks: float = SECONDS_BETWEEN_LOOKS,
    ) -> None:
        """Args: activator: One that tells no other machine: who follows must not overwrite what is newer."""
        self._depot = depot
        self._store = store
        self._activator = activator
        self._seconds_between_looks = seconds_between_looks
        self._told: str | None = None

    def run(self, stop: threading.Event) -> None:
        """Look until the event is set. Never raises."""
        wait = 0.0
        while not stop.wait(wait):
            wait = self._look_safely(max(wait, self._seconds_between_looks))

    def look(self) -> str | None:
        """Follow the shared pointer if it is another than the last time; return the version that is active since.

        Raises:
            ServiceError, ReleaseUnusable: when it cannot be followed now.
        """
        content = self._depot.read_pointer()
        version = read_shared_version(content)
        if content is None or version is None or _digest(content) == self._read_seen():
            return None
        active = self._store.active()
        if active is None or active.version != version:
            self._store.fetch(version)
            self._activator.activate(version, by=_FOLLOWER)
        self._store.path.mkdir(parents=True, exist_ok=True)
        replace_file(self._seen_path, _digest(content))
        return version

    def _look_safely(self, waited: float) -> float:
        """Return in how many seconds the next look is due."""
        try:
            version = self.look()
        except Exception as fault:
            self._tell_once(fault)
            return min(2 * waited, _MOST_SECONDS_AFTER_FAILURE)
        if version is not None:
            logger.info("Version %s is active, as on the machines that share the model store.", version)
        if self._told is not None:
            logger.warning("The shared model store can be followed again.")
            self._told = None
        return self._seconds_between_looks

    def _tell_once(self, fault: Exception) -> None:
        is_foreseen = isinstance(fault, ServiceError | ReleaseUnusable)
        reason = fault.detail if isinstance(fault, ServiceError) else str(fault)
        if reason != self._told:
            level = logging.WARNING if isinstance(fault, ModelStoreUnreachable | Conflict) else logging.ERROR
            logger.log(level, "The shared model store is not followed: %s", reason, exc_info=not is_foreseen)
            self._told = reason

    def _read_seen(self) -> bytes | None:
        try:
            return self._seen_path.read_bytes()
        except OSError:
            return None

    @property
    def _seen_path(self) -> Path:
        return self._store.path / _SEEN


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
