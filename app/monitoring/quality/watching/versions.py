"""What was published with each version: its manifest, and what its probabilities are worth."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from app.errors import ReleaseUnusable
from app.release.manifest import Manifest
from app.release.profile.calibration import Calibration, read_calibration
from app.release.store import ReleaseStore

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Published:
    """Attributes: calibration: None for a version that was published without one."""

    manifest: Manifest
    calibration: Calibration | None = None


class PublishedVersions(Protocol):
    def find(self, version: str) -> Published | None:
        """What was published; None when nobody knows the version any more."""


class StoredVersions:
    """Reads each version once: it never changes.

    Fallback: of a version that is not in the store, or cannot be read, nothing is known: its quality is not measured,
    which is logged once.
    """

    def __init__(self, store: ReleaseStore) -> None:
        self._store = store
        self._known: dict[str, Published] = {}
        self._logged: set[str] = set()

    def find(self, version: str) -> Published | None:
        if version not in self._known:
            try:
                manifest = self._store.manifest(version)
                calibration = read_calibration(self._store.directory(version), manifest)
            except ReleaseUnusable as fault:
                self._note_missing(version, fault)
                return None
            self._known[version] = Published(manifest, calibration)
        return self._known[version]

    def _note_missing(self, version: str, fault: ReleaseUnusable) -> None:
        if version not in self._logged:
            self._logged.add(version)
            logger.warning("The quality of version %s is not measured: %s", version, fault)
