"""Alerts as they are kept for those who read: one snapshot for each change, told again when its messages arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from app.monitoring.alerts.alert import Alert
from app.monitoring.alerts.delivery.outbox import Delivery
from app.monitoring.alerts.messages import Message, summarise
from app.monitoring.alerts.rules import AlertRule
from app.monitoring.snapshots import Snapshot

MOST_KEPT = 500


@dataclass
class Record:
    """One change, until the messages about it have arrived."""

    id: str
    stage: str
    since: str
    at: str
    document: Mapping[str, Any]
    messages: list[str] = field(default_factory=list)


class Records:
    """Makes snapshots of alerts.

    Fallback: of more than MOST_KEPT changes whose messages are on their way, the oldest are not told again when those
    arrive.
    """

    def __init__(self, state: Sequence[Mapping[str, Any]] = ()) -> None:
        self._records = [Record(**values) for values in state]
        self._changed: dict[str, Snapshot] = {}

    def add(self, alert: Alert, rule: AlertRule, now: datetime) -> None:
        record = Record(
            id=alert.id,
            stage=alert.stage,
            since=alert.since.isoformat(),
            at=now.isoformat(),
            document=_describe(alert, rule),
        )
        self._records = [*self._records, record][-MOST_KEPT:]
        self._tell(record, ())

    def link(self, message: Message, stages: Mapping[str, str], deliveries: Sequence[Delivery]) -> None:
        """Note that a message tells of changes, by the identifiers of the alerts and what they have come to."""
        for record in self._records:
            if stages.get(record.id) == record.stage:
                record.messages.append(message.id)
                self._tell(record, deliveries)

    def follow(self, message: str, deliveries: Sequence[Delivery]) -> None:
        """Tell the changes again of which a message tells that has come further."""
        for record in self._records:
            if message in record.messages:
                self._tell(record, deliveries)

    def forget(self, waiting: set[str], open_alerts: set[str]) -> None:
        """Forget the changes whose messages have all arrived, and that no message will tell of any more."""
        self._records = [one for one in self._records if one.id in open_alerts or waiting.intersection(one.messages)]

    def take(self) -> list[Snapshot]:
        """What is new since the last call."""
        changed, self._changed = self._changed, {}
        return list(changed.values())

    def to_state(self) -> list[dict[str, Any]]:
        return [asdict(record) for record in self._records]

    def _tell(self, record: Record, deliveries: Sequence[Delivery]) -> None:
        told = [
            {"destination": one.destination, "state": one.stage, "attempts": one.attempts, "error": one.error}
            for one in deliveries
        ]
        self._changed[f"{record.id}:{record.stage}"] = Snapshot(
            kind="alert",
            version=record.document["labels"].get("version"),
            window_start=min(datetime.fromisoformat(record.since), datetime.fromisoformat(record.at)),
            window_end=datetime.fromisoformat(record.at),
            document={**record.document, "deliveries": told},
            identity=f"alert:{record.id}:{record.stage}",
        )


def _describe(alert: Alert, rule: AlertRule) -> dict[str, Any]:
    return {
        "id": alert.id,
        "rule": rule.name,
        "state": alert.stage,
        "severity": rule.severity,
        "figure": alert.figure,
        "labels": dict(alert.labels),
        "value": alert.value,
        "threshold": rule.threshold,
        "comparison": rule.comparison,
        "summary": summarise(alert, rule),
        "since": alert.since.isoformat(),
        "lasted_seconds": round(alert.broken_seconds),
        "reaction": rule.react,
        "deliveries": [],
    }
