"""What the snapshots say of alerts: which fire now, and which are over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.monitoring.snapshots import SnapshotStore

_MOST_READ = 5000


class AlertHistory:
    """Reads what the watcher kept."""

    def __init__(self, store: SnapshotStore) -> None:
        self._store = store

    def list(self, *, most_over: int) -> Sequence[Mapping[str, Any]]:
        """What fires, and so many of those that are over; each as its last change tells it, newest first.

        Raises:
            Unavailable: when the database does not answer.
        """
        last: dict[str, Mapping[str, Any]] = {}
        for snapshot in self._store.list("alert", most=_MOST_READ):
            document = snapshot.document
            # Of two changes of one alert at the same moment, its end is the later one.
            if document["id"] not in last or document["state"] == "resolved":
                last[document["id"]] = document
        firing = [one for one in last.values() if one["state"] == "firing"]
        return [*firing, *[one for one in last.values() if one["state"] == "resolved"][:most_over]]
