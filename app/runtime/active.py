"""The release that this process serves.

Follows the pointer on disk: the next version is loaded beside the present one, then takes its place.
"""

from __future__ import annotations

import logging
import threading
import time

from app.errors import ModelNotReady, ReleaseUnusable
from app.release.store import ReleaseStore
from app.runtime.loading import Execution, LoadedRelease, load_release

logger = logging.getLogger(__name__)

_DESCRIPTIONS = {"plan": "by its compiled plan", "native": "by AutoGluon itself"}
_NOTHING_ACTIVE = "No version is active. Run: gluonserve models activate VERSION"


class ActiveRelease:
    """Holds one loaded release and replaces it when another version is activated.

    A version that cannot be loaded is logged in one line and changes nothing: the present one stays, or the process
    stays up and is not ready.
    """

    def __init__(self, store: ReleaseStore, *, prefer: Execution = "plan", poll_seconds: float = 0.5) -> None:
        self._store = store
        self._prefer = prefer
        self._poll_seconds = poll_seconds
        self._stamp: tuple[int, int] | None = None
        self._stop = threading.Event()
        self._follower = threading.Thread(target=self._follow, name="follow-active-release", daemon=True)
        self.current: LoadedRelease | None = None

    def start(self) -> None:
        """Load the active release in this process and begin to follow the pointer. Never raises."""
        self.refresh()
        if self._stamp is None:
            logger.error("No model is served. %s", _NOTHING_ACTIVE)
        self._follower.start()

    def close(self) -> None:
        self._stop.set()
        if self._follower.is_alive():
            self._follower.join(timeout=5)

    def ping(self) -> bool:
        return self.current is not None

    def require(self) -> LoadedRelease:
        """The release to answer with.

        Raises:
            ModelNotReady: when there is none.
        """
        release = self.current
        if release is None:
            raise ModelNotReady("No model is ready to predict.")
        return release

    def refresh(self) -> None:
        """Serve what the pointer names, if it was replaced since the last look. Never raises."""
        stamp = self._store.pointer_stamp()
        if stamp is None or stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._switch()
        except ReleaseUnusable as fault:
            self._log_refusal(str(fault))
        except Exception as fault:
            # A boot that raises makes gunicorn stop the whole server, all other workers included.
            self._log_refusal(f"{type(fault).__name__}: {fault}")

    def _switch(self) -> None:
        pointer = self._store.active()
        if pointer is None or (self.current and self.current.manifest.version == pointer.version):
            return
        started = time.monotonic()
        release = load_release(self._store.directory(pointer.version), trust=self._store.trust, prefer=self._prefer)
        self.current = release
        logger.info(
            "Serving %s version %s %s, loaded in %.1f s.",
            release.manifest.name,
            release.manifest.version,
            _DESCRIPTIONS[release.execution],
            time.monotonic() - started,
        )

    def _log_refusal(self, reason: str) -> None:
        if self.current is None:
            logger.error("No model is served. %s", reason)
        else:
            logger.error("Version %s stays in service. %s", self.current.manifest.version, reason)

    def _follow(self) -> None:
        while not self._stop.wait(self._poll_seconds):
            self.refresh()
