"""The releases that one process holds loaded, each for what it is held for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from app.errors import ServiceError
from app.release.store import ReleaseStore
from app.runtime.loading import DEFAULT_RULES, Execution, LoadedRelease, load_release
from app.runtime.predictions import Executor
from app.runtime.rows import RowRules
from app.runtime.switching.gentle import loading_gently, return_free_memory
from app.runtime.switching.load_watch import LoadWatch, NoSurvivor, Survivor
from app.runtime.switching.rejections import RejectedFeatures

logger = logging.getLogger(__name__)

Role = Literal["active", "previous", "prepared", "candidate"]

_WARM_ROWS = (1, 1, 1, 64, 1)
_DESCRIPTIONS = {"plan": "by its compiled plan", "native": "by AutoGluon itself"}


def remember_nothing(release: LoadedRelease) -> None:
    """No cache before the executor of any release."""


class ReleaseSlots:
    """One version for each role, each version loaded once. A version that no role names is let go.

    A request that began with a release keeps it to its end: letting go drops a reference, nothing is closed.

    Attributes:
        store: Where the versions lie.
        rejected: Of which features they take no unseen values now.
    """

    def __init__(
        self,
        store: ReleaseStore,
        *,
        prefer: Execution = "plan",
        rules: RowRules = DEFAULT_RULES,
        cache: Callable[[LoadedRelease], Executor | None] = remember_nothing,
        survivor: Survivor | None = None,
    ) -> None:
        """Hold nothing yet.

        Args:
            cache: Makes what stands before the executor of a release that was loaded and remembers its answers.
            survivor: Who outlives this process, should a version end it.
        """
        self.store = store
        self.rejected = RejectedFeatures(store)
        self._prefer = prefer
        self._rules = rules
        self._cache = cache
        self._watch = LoadWatch(store.path, survivor or NoSurvivor())
        self._loading = threading.Lock()
        self._changing = threading.Lock()
        self._loaded: dict[str, LoadedRelease] = {}
        self._roles: dict[Role, str] = {}

    def hold(self, version: str, role: Role) -> LoadedRelease:
        """Have a version loaded, verified and warm, for this role in place of the one before. Takes its time.

        Raises:
            ReleaseUnusable: with one sentence for the operator; the role then keeps what it had.
        """
        with self._loading:
            release = self._loaded.get(version) or self._load(version)
            with self._changing:
                self._loaded[version] = release
                self._roles[role] = version
                gone = self._let_go()
            if gone:
                return_free_memory()
            return release

    def get(self, version: str) -> LoadedRelease | None:
        """The version if it is held, at once."""
        return self._loaded.get(version)

    def find(self, role: Role) -> LoadedRelease | None:
        """The release held for a role."""
        version = self._roles.get(role)
        return None if version is None else self._loaded.get(version)

    def assign(self, roles: Mapping[Role, str | None]) -> None:
        """Give several roles at once to versions that are held; a role that is given to no held version is free."""
        with self._changing:
            for role, version in roles.items():
                if version in self._loaded:
                    self._roles[role] = str(version)
                else:
                    self._roles.pop(role, None)
            gone = self._let_go()
        if gone:
            return_free_memory()

    def drop(self, version: str) -> None:
        """Hold a version no more, whatever it is held for: who needs it next loads it anew."""
        with self._changing:
            self._loaded.pop(version, None)
        return_free_memory()

    def list_roles(self) -> dict[Role, str]:
        return dict(self._roles)

    def list_held(self) -> list[str]:
        return sorted(self._loaded, key=int)

    def _let_go(self) -> bool:
        """Drop what no role names; tells whether there was anything."""
        named = set(self._roles.values())
        gone = [held for held in self._loaded if held not in named]
        for version in gone:
            del self._loaded[version]
        return bool(gone)

    def _load(self, version: str) -> LoadedRelease:
        started = time.monotonic()
        with self._watch.loading(version), loading_gently():
            loaded = load_release(
                self.store.directory(version), trust=self.store.trust, prefer=self._prefer, rules=self._rules
            )
            # Known before its first request.
            self.rejected.follow()
            release = replace(loaded, rejected=self.rejected.reader_of(version), cached=self._cache(loaded))
            _warm(release)
        logger.info(
            "Loaded %s version %s, executed %s, in %.1f s.",
            release.manifest.name,
            version,
            _DESCRIPTIONS[release.execution],
            time.monotonic() - started,
        )
        return release


def _warm(release: LoadedRelease) -> None:
    """Go the way of a request a few times, alone and with many rows, so that the first caller does not wait for it.

    Fallback: what cannot be warmed is served cold; logged. Its golden rows gave the right answers before.
    """
    sample = release.schema.sample_row()
    try:
        for count in _WARM_ROWS:
            release.executor.predict(release.validator.check([sample] * count).rows)
    except ServiceError as fault:
        logger.warning("Version %s could not be warmed with its sample row. %s", release.manifest.version, fault)
