"""Drift as a part of the watcher: sketches become windows, full windows become snapshots and figures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.errors import ReleaseUnusable
from app.monitoring.drift.report import DriftReport, judge_window
from app.monitoring.drift.window import Window
from app.monitoring.figures import Figure
from app.monitoring.snapshots import Snapshot
from app.monitoring.watcher.parts import Record, State
from app.release.profile.opening import OpenedProfile

WINDOW_ROWS = 2000
LEAST_ROWS = 500
LONGEST_WINDOW = timedelta(days=1)
# What a window found holds until the next one is full, or for so long.
_FIGURES_LIVE = 2 * LONGEST_WINDOW
_MOST_VERSIONS = 16

OpenProfile = Callable[[str], OpenedProfile | None]

logger = logging.getLogger(__name__)


class DriftPart:
    """Adds sketches up, version by version, until a window is full: of `window_rows` rows, or of a day.

    A day with fewer than LEAST_ROWS rows goes on until it has as many. What is kept is one window of counts for each
    version, however many rows there were.

    Fallback: sketches of a release that is gone, that cannot be trusted, or whose profile is another one by now, are
    left out, which is counted and logged once for each version.

    Attributes:
        left_out: Rows of such sketches.
    """

    name = "drift"

    def __init__(self, state: State | None, *, open_profile: OpenProfile, window_rows: int = WINDOW_ROWS) -> None:
        state = state or {}
        self.left_out: int = state.get("left_out", 0)
        self._open_profile = open_profile
        self._window_rows = window_rows
        self._least_rows = min(LEAST_ROWS, window_rows)
        self._windows = {version: Window.read(window) for version, window in state.get("windows", {}).items()}
        self._found = {version: _Found.read(found) for version, found in state.get("found", {}).items()}
        self._opened: dict[str, OpenedProfile] = {}
        self._untold: list[Snapshot] = []
        self._logged: set[str] = set()

    def consume(self, record: Record) -> None:
        if record["kind"] != "sketch":
            return
        version, sketch = record["version"], Window.read(record)
        opened = self._find_profile(version, sketch.profile)
        if opened is None or not sketch.fits(opened.profile):
            self._leave_out(version, sketch.rows)
            return
        window = self._windows.pop(version, None)
        self._windows[version] = sketch if window is None or window.profile != sketch.profile else window.add(sketch)
        while len(self._windows) > _MOST_VERSIONS:
            del self._windows[next(iter(self._windows))]
        if self._is_full(self._windows[version]):
            self._judge(version, opened)

    def figures(self, now: datetime) -> Sequence[Figure]:
        self._found = {version: found for version, found in self._found.items() if now - found.until <= _FIGURES_LIVE}
        return [figure for version, found in self._found.items() for figure in found.list_figures(version, now)]

    def snapshots(self, now: datetime) -> Sequence[Snapshot]:
        for version, window in list(self._windows.items()):
            if now - window.since >= LONGEST_WINDOW and window.rows >= self._least_rows:
                opened = self._find_profile(version, window.profile)
                if opened is not None:
                    self._judge(version, opened)
        told, self._untold = self._untold, []
        return told

    def to_state(self) -> State:
        return {
            "left_out": self.left_out,
            "windows": {version: window.to_state() for version, window in self._windows.items()},
            "found": {version: found.to_state() for version, found in self._found.items()},
        }

    def _is_full(self, window: Window) -> bool:
        is_long = window.until - window.since >= LONGEST_WINDOW
        return window.rows >= self._window_rows or (is_long and window.rows >= self._least_rows)

    def _judge(self, version: str, opened: OpenedProfile) -> None:
        window = self._windows.pop(version)
        report = judge_window(window, opened)
        self._found.pop(version, None)
        self._found[version] = _Found(window.until, list(report.list_figures()))
        while len(self._found) > _MOST_VERSIONS:
            del self._found[next(iter(self._found))]
        self._untold.append(self._make_snapshot(version, window, report))

    def _make_snapshot(self, version: str, window: Window, report: DriftReport) -> Snapshot:
        return Snapshot(
            kind="drift",
            version=version,
            window_start=window.since,
            window_end=window.until,
            document=report.to_document(least_rows=self._window_rows),
            identity=f"drift:{version}:{window.profile}:{window.since.isoformat()}",
        )

    def _find_profile(self, version: str, digest: str) -> OpenedProfile | None:
        """The profile that rows were counted in; None when it is not that of the version, or no more."""
        known = self._opened.get(version)
        if known is None or known.digest != digest:
            try:
                known = self._open_profile(version)
            except ReleaseUnusable:
                known = None
        if known is None or known.digest != digest:
            return None
        self._opened.pop(version, None)
        self._opened[version] = known
        while len(self._opened) > _MOST_VERSIONS:
            del self._opened[next(iter(self._opened))]
        return known

    def _leave_out(self, version: str, rows: int) -> None:
        self.left_out += rows
        if version not in self._logged:
            self._logged.add(version)
            logger.warning("Rows of version %s are left out of drift: its profile is gone or another one.", version)


@dataclass(frozen=True)
class _Found:
    """The figures of the last full window of a version."""

    until: datetime
    figures: Sequence[tuple[str, float, str | None]]

    @classmethod
    def read(cls, state: Mapping[str, Any]) -> _Found:
        return cls(datetime.fromisoformat(state["until"]), [tuple(figure) for figure in state["figures"]])

    def list_figures(self, version: str, now: datetime) -> Sequence[Figure]:
        of = {"version": version}
        return [
            Figure(name, value, now, of if feature is None else {**of, "feature": feature})
            for name, value, feature in self.figures
        ]

    def to_state(self) -> Mapping[str, Any]:
        return {"until": self.until.isoformat(), "figures": [list(figure) for figure in self.figures]}
