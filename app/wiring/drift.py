"""What sums live rows up where they are answered, and what judges the sums in the watcher."""

from __future__ import annotations

import logging

from app.errors import ReleaseUnusable
from app.monitoring.drift.part import DriftPart
from app.monitoring.drift.sketcher import ProfileSketcher
from app.monitoring.prediction_log.sketches import MakeSketcher, NoSketcher, Sketcher
from app.monitoring.watcher.parts import MakePart
from app.release.profile.opening import OpenedProfile, open_profile
from app.release.store import ReleaseStore
from app.runtime.dates.reading import read_seconds
from config.settings import Settings

logger = logging.getLogger(__name__)


def make_sketcher_maker(store: ReleaseStore) -> MakeSketcher:
    """What gives each version that answers its sketcher.

    Fallback: a version without a profile, published before there were any, and one whose profile cannot be read, has
    none; its rows are answered and logged all the same.
    """

    def make_sketcher(version: str) -> Sketcher:
        try:
            opened = _open(store, version)
        except ReleaseUnusable as fault:
            logger.warning("Drift of version %s is not watched: %s", version, fault)
            return NoSketcher()
        if opened is None:
            logger.info("Drift of version %s is not watched: it was published without a reference profile.", version)
            return NoSketcher()
        return ProfileSketcher(version, opened, read_date=read_seconds)

    return make_sketcher


def make_drift_part(settings: Settings, store: ReleaseStore) -> MakePart:
    return lambda state: DriftPart(
        state, open_profile=lambda version: _open(store, version), window_rows=settings.drift_window_rows
    )


def _open(store: ReleaseStore, version: str) -> OpenedProfile | None:
    return open_profile(store.directory(version), store.trust)
