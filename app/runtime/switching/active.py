"""The release that this process answers with: the one that the pointer on disk names, from the moment that it does."""

from __future__ import annotations

import logging
import os
import threading

from app.errors import ModelNotReady, ReleaseUnusable
from app.release.pointer import POINTER, ActivePointer, Stamp, read_stamp
from app.runtime.loading import LoadedRelease
from app.runtime.switching.slots import ReleaseSlots

logger = logging.getLogger(__name__)

NOTHING_ACTIVE = "No version is active. Run: gluonserve models activate VERSION"

_MOST_SECONDS_TO_LOAD_ANEW = 10.0
# Of the history, newest first. Each takes its time to be loaded.
_MOST_STAND_INS = 5


class ActiveRelease:
    """Compares the pointer at every request, which is one `stat`, and answers with the version that it names.

    The replacement of the pointer is the moment of the switch, the same for all processes: a request that begins after
    it is answered by the new version, provided that this process holds it. A version that is not held is `missing`
    until `load_missing` has loaded it; the present one answers meanwhile, and goes on when loading fails.

    Attributes:
        current: What answers; None when nothing can.
        missing: The version that the pointer names and that is not held yet.
    """

    def __init__(self, slots: ReleaseSlots) -> None:
        self.slots = slots
        self.current: LoadedRelease | None = None
        self.missing: str | None = None
        self._pointer: ActivePointer | None = None
        self._pointer_path = os.fspath(slots.store.path / POINTER)
        self._stamp: Stamp | None = None
        self._flipping = threading.Lock()
        self._under_way: dict[int, LoadedRelease] = {}
        self._is_settled = threading.Event()
        self._is_settled.set()

    @property
    def stands_in(self) -> bool:
        """Whether a version answers in place of the active one, which cannot be loaded."""
        current, pointer = self.current, self._pointer
        if current is None or pointer is None or self.missing is not None:
            return False
        return current.manifest.version != pointer.version

    @property
    def has_no_pointer(self) -> bool:
        """Whether no version was ever activated, as far as this process has looked."""
        return self._stamp is None

    def ping(self) -> bool:
        return self.current is not None

    def require(self) -> LoadedRelease:
        """The release to answer with.

        Raises:
            ModelNotReady: when there is none.
        """
        if read_stamp(self._pointer_path) != self._stamp:
            self.follow_pointer()
        release = self.current
        if release is None:
            raise ModelNotReady("No model is ready to predict.")
        return release

    def begin(self) -> LoadedRelease:
        """The release to answer with, which counts as under way in this thread until `end`.

        While one that was taken out is loaded anew this waits, and so does the whole worker soon: others answer. To
        refuse instead would be quick, and so draw more requests than the worker's share.

        Raises:
            ModelNotReady: when there is none.
        """
        if not self._is_settled.is_set():
            self._is_settled.wait(_MOST_SECONDS_TO_LOAD_ANEW)
        thread = threading.get_ident()
        while True:
            release = self.require()
            self._under_way[thread] = release
            # Who looks at what is under way after a switch must not miss a request that was about to be noted.
            if self.current is release:
                return release

    def end(self) -> None:
        self._under_way.pop(threading.get_ident(), None)

    def count_older_requests(self) -> int:
        """Requests under way that another release than the current one answers."""
        return sum(release is not self.current for release in list(self._under_way.values()))

    def follow_pointer(self) -> None:
        """Answer with what the pointer names if it is held, else note that it is missing. Never raises."""
        with self._flipping:
            # Read before the pointer: if that is replaced in between, the next look finds another stamp.
            stamp = read_stamp(self._pointer_path)
            if stamp is None or stamp == self._stamp:
                return
            self._pointer = self._read_pointer()
            self.missing = None
            if self._pointer is not None and not self._answer_with(self._pointer.version):
                self.missing = self._pointer.version
            self._stamp = stamp

    def load_missing(self) -> None:
        """Load what the pointer names, and answer with it. Never raises: a boot that raises would end the whole server.

        A version that cannot be loaded is logged in one line and is not tried again before the pointer is replaced.

        Fallback: where nothing answers, the version that did before it is loaded in its place, or the one before that.
        """
        version = self.missing
        if version is None:
            return
        if self.current is not None:
            # Else it would be let go as soon as another version is the active one.
            self.slots.assign({"previous": self.current.manifest.version})
        reason = self._try_to_hold(version)
        stand_in = self._hold_stand_in(version) if reason and self.current is None else None
        with self._flipping:
            if self.missing == version:
                self._answer_with(stand_in or version)
                self.missing = None
            self._is_settled.set()
        if reason and stand_in:
            logger.error("Version %s answers in place of version %s. %s", stand_in, version, reason)
        elif reason:
            self._log_refusal(reason)

    def take_out(self, release: LoadedRelease) -> None:
        """Answer nothing more with a release, whose version is loaded anew."""
        with self._flipping:
            if self.current is release:
                self.current = None
                self._is_settled.clear()
            self.slots.drop(release.manifest.version)
        self.ask_for(release.manifest.version)

    def ask_for(self, version: str) -> None:
        """Have a version loaded and answered with, unless something answers or another one is awaited."""
        with self._flipping:
            if self.current is None and self.missing is None:
                self.missing = version

    def settle(self) -> str | None:
        """Give the roles to the versions that the pointer names; return the previous one if it is to be loaded yet."""
        with self._flipping:
            current, pointer = self.current, self._pointer
            if current is None or pointer is None or current.manifest.version != pointer.version:
                return None
            self.slots.assign({"active": pointer.version, "previous": pointer.previous})
            is_held = pointer.previous is None or self.slots.get(pointer.previous) is not None
            return None if is_held else pointer.previous

    def _try_to_hold(self, version: str) -> str | None:
        """Load a version to answer with; return why it cannot be."""
        try:
            self.slots.hold(version, "active")
        except ReleaseUnusable as fault:
            return str(fault)
        except Exception as fault:
            return f"{type(fault).__name__}: {fault}"
        return None

    def _hold_stand_in(self, version: str) -> str | None:
        """Load the last version that was active before this one and can be loaded now."""
        pointer = self._pointer
        if pointer is None:
            return None
        before = (pointer.previous, *(entry["version"] for entry in reversed(pointer.history)))
        others = [other for other in dict.fromkeys(before) if other not in (None, version)]
        return next((other for other in others[:_MOST_STAND_INS] if other and not self._try_to_hold(other)), None)

    def _read_pointer(self) -> ActivePointer | None:
        try:
            return self.slots.store.active()
        except ReleaseUnusable as fault:
            self._log_refusal(str(fault))
            return None

    def _answer_with(self, version: str) -> bool:
        current = self.current
        if current is not None and current.manifest.version == version:
            return True
        release = self.slots.get(version)
        if release is None:
            return False
        self.current = release
        logger.info("Serving %s version %s.", release.manifest.name, version)
        return True

    def _log_refusal(self, reason: str) -> None:
        if self.current is None:
            logger.error("No model is served. %s", reason)
        else:
            logger.error("Version %s stays in service. %s", self.current.manifest.version, reason)
