"""The judge of figures: follows the rules, has people told, and has done what the rules declare."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.monitoring.alerts.alert import Alert
from app.monitoring.alerts.book import AlertBook, Told
from app.monitoring.alerts.delivery.destinations import Destination
from app.monitoring.alerts.delivery.outbox import Delivery, Outbox, StartSending
from app.monitoring.alerts.messages import Writer, summarise
from app.monitoring.alerts.reactions import React, Reactions
from app.monitoring.alerts.records import Records
from app.monitoring.alerts.rules import AlertRules, ReactionKind
from app.monitoring.alerts.wording import write_name
from app.monitoring.figures import Figure
from app.monitoring.snapshots import Snapshot

SECONDS_TOLD_UNWATCHED = 900.0
SECONDS_TO_SETTLE = 5.0
SECONDS_TO_SEND_ALL = 60.0
_LOOK_SECONDS = 0.05

logger = logging.getLogger(__name__)


class AlertJudge:
    """Evaluates all figures in each round of the watcher. It waits for nobody.

    Messages and reactions that come of one round begin in the next: the watcher has kept the state by then, so that
    whoever takes over after a kill goes on with them.

    Its own clock is the time that passes while it watches. The other one, which may jump, only dates what it tells.
    """

    name = "alerts"

    def __init__(
        self,
        rules: AlertRules,
        writer: Writer,
        *,
        destinations: Sequence[Destination] = (),
        start: StartSending,
        means: Mapping[ReactionKind, React] | None = None,
        state: Mapping[str, Any] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        state = state or {}
        self._writer = writer
        self._book = AlertBook(rules, state.get("book"))
        self._outbox = Outbox(destinations, start, state.get("outbox"))
        self._reactions = Reactions(means, state.get("reactions"))
        self._records = Records(state.get("records", ()))
        self._notes: list[str] = list(state.get("notes", ()))
        self._watched_at: str | None = state.get("watched_at")
        self._unwatched_seconds: float | None = None
        self._watched_seconds = 0.0
        self._monotonic = monotonic
        self._last: float | None = None

    def evaluate(self, figures: Sequence[Figure], now: datetime) -> None:
        seconds = self._pass_time(now)
        for delivery in self._outbox.run(seconds):
            self._follow(delivery)
        self._notes += self._reactions.run(seconds)
        for alert in self._book.judge(figures, seconds):
            self._note_change(alert, now)
        told, notes = self._book.take_due(), self._notes
        if told or notes:
            self._notes = []
            self._send(told, notes)
        self._records.forget(self._outbox.list_waiting(), self._book.list_untold())

    def figures(self, now: datetime) -> Sequence[Figure]:
        values = {
            "undelivered_alerts": float(self._outbox.count_untaken()),
            "failing_destinations": float(self._outbox.count_failing()),
            "unwatched_seconds": self._measure_absence(now),
        }
        return [Figure(name, value, now) for name, value in values.items()]

    def snapshots(self, now: datetime) -> Sequence[Snapshot]:  # noqa: ARG002 - each has its own moment
        return self._records.take()

    def to_state(self) -> dict[str, Any]:
        return {
            "book": self._book.to_state(),
            "outbox": self._outbox.to_state(),
            "reactions": self._reactions.to_state(),
            "records": self._records.to_state(),
            "notes": self._notes,
            "watched_at": self._watched_at,
        }

    def settle(self, *, send_all: bool = False) -> None:
        """Wait for what is on its way, or for all that is to be sent, and end what takes longer. Its state is to be
        kept after that: what has arrived is sent again otherwise.
        """
        deadline = time.monotonic() + (SECONDS_TO_SEND_ALL if send_all else SECONDS_TO_SETTLE)
        while time.monotonic() < deadline:
            for delivery in self._outbox.run(0.0) if send_all else self._outbox.look(0.0):
                self._follow(delivery)
            if not self._outbox.is_sending:
                break
            time.sleep(_LOOK_SECONDS)
        self._outbox.close()

    def _follow(self, delivery: Delivery) -> None:
        self._records.follow(delivery.message, self._outbox.list_deliveries(delivery.message))

    def _pass_time(self, now: datetime) -> float:
        self._measure_absence(now)
        self._watched_at = now.isoformat()
        last, self._last = self._last, self._monotonic()
        seconds = 0.0 if last is None else max(0.0, self._last - last)
        self._watched_seconds += seconds
        return seconds

    def _measure_absence(self, now: datetime) -> float:
        """For how long nobody had watched when this judge began; a clock that was set back makes that 0."""
        if self._unwatched_seconds is None:
            before = self._watched_at and datetime.fromisoformat(self._watched_at)
            self._unwatched_seconds = max(0.0, (now - before).total_seconds()) if before else 0.0
        return self._unwatched_seconds if self._watched_seconds < SECONDS_TOLD_UNWATCHED else 0.0

    def _note_change(self, alert: Alert, now: datetime) -> None:
        rule = self._book.rule_of(alert)
        summary = summarise(alert, rule)
        named = "".join(f", {write_name(name)} {write_name(value)}" for name, value in sorted(alert.labels.items()))
        if alert.stage == "firing":
            logger.warning("Alert %s (%s%s): %s", rule.name, rule.severity, named, summary)
            refusal = self._reactions.ask(rule, alert, summary)
            self._notes += [refusal] if refusal else []
        else:
            logger.info("Alert %s is over (%s%s): %s", rule.name, rule.severity, named, summary)
        self._records.add(alert, rule, now)

    def _send(self, told: Told, notes: Sequence[str]) -> None:
        message = self._writer.write(told, self._book.rule_of, notes)
        self._outbox.add(message)
        stages = {alert.id: alert.stage for alert in (*told.begun, *told.lasting, *told.over)}
        self._records.link(message, stages, self._outbox.list_deliveries(message.id))
