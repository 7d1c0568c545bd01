"""Whether the watcher is there: what the other sections may say depends on it."""

from __future__ import annotations

from datetime import datetime

from app.api.dashboard.findings import Findings
from app.api.dashboard.view.page import Note
from app.api.dashboard.view.words import write_duration, write_moment
from app.monitoring.watcher.presence import SILENT_AFTER

START_THE_MONITOR = "Start it with: gluonserve monitor"
DATABASE_SILENT = Note(
    "The database does not answer: what the watcher found, and who did what, cannot be shown.",
    "alarm",
    "See DATABASE_URL in the settings, and the log. Predictions go on.",
)


def find_last_sign(findings: Findings) -> datetime | None:
    """When the watcher was last heard of; None when it never was."""
    return None if findings.watcher is None else findings.watcher.window_end


def is_watched(findings: Findings) -> bool:
    last = find_last_sign(findings)
    return last is not None and findings.now - last <= SILENT_AFTER


def explain_absence(findings: Findings, nothing: str, advice: str) -> Note:
    """Why there is nothing to show: for want of a database or of a watcher, or because there is nothing."""
    if findings.is_database_silent:
        return DATABASE_SILENT
    last = find_last_sign(findings)
    if last is None:
        return Note(f"{nothing} The monitor has never run here.", "notice", START_THE_MONITOR)
    if not is_watched(findings):
        return Note(
            f"{nothing} The monitor is silent since {write_moment(last, findings.now)}.", "notice", START_THE_MONITOR
        )
    return Note(nothing, None, advice)


def describe_silence(findings: Findings) -> str | None:
    """What the headline says of a watcher that is not there; None when it is."""
    last = find_last_sign(findings)
    if last is None:
        return "The monitor has never run here: nothing is watched."
    if is_watched(findings):
        return None
    ago = write_duration(findings.now - last)
    return f"The monitor is silent since {write_moment(last, findings.now)}, {ago} ago: nothing is watched."
