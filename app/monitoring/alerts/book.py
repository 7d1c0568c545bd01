"""All alerts that there are: which figures break which rules now, and what people are to be told of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.monitoring.alerts.alert import Alert, read_alert
from app.monitoring.alerts.rules import SEVERITIES, AlertRule, AlertRules, Severity
from app.monitoring.figures import Figure

MOST_ALERTS = 1000


@dataclass(frozen=True)
class Told:
    """What one message tells.

    Attributes:
        begun: Alerts that fire and of which nobody was told yet.
        lasting: Those of which people knew, and that still fire.
        over: Those that are over.
    """

    begun: Sequence[Alert] = ()
    lasting: Sequence[Alert] = ()
    over: Sequence[Alert] = ()

    def __bool__(self) -> bool:
        return bool(self.begun or self.lasting or self.over)


class AlertBook:
    """Judges figures by rules, and holds what is alarming until it is over and told.

    Fallback: of more than MOST_ALERTS at once the rest is not looked at, and counted.

    Attributes:
        passed_over: Figures that broke a rule in the last round while there was no place for them.
    """

    def __init__(self, rules: AlertRules, state: Mapping[str, Any] | None = None) -> None:
        self._rules = rules
        self._by_name = {rule.name: rule for rule in rules.rules}
        state = state or {}
        alerts = map(read_alert, state.get("alerts", ()))
        # The rules may be other ones since: what no rule asks for any more is forgotten.
        self._alerts = {alert.key: alert for alert in alerts if alert.rule in self._by_name}
        self._waits: dict[Severity, float] = {name: state.get("waits", {}).get(name, 0.0) for name in SEVERITIES}
        self.passed_over = 0

    def rule_of(self, alert: Alert) -> AlertRule:
        return self._by_name[alert.rule]

    def list_untold(self) -> set[str]:
        """Identifiers of the alerts of whose present stage people are still to be told."""
        return {alert.id for alert in self._alerts.values() if alert.is_told == (alert.stage == "resolved")}

    def judge(self, figures: Sequence[Figure], seconds: float) -> list[Alert]:
        """Follow the figures of a round, so many watched seconds after the last; return what fires now or is over."""
        self._waits = {name: max(0.0, left - seconds) for name, left in self._waits.items()}
        found = dict(self._match(figures))
        changed: list[Alert] = []
        for alert in self._alerts.values():
            alert.pass_time(seconds)
        self._open_alerts(found)
        for key, alert in self._alerts.items():
            value = found[key][1].value if key in found else None
            if alert.follow(self.rule_of(alert), value, seconds):
                changed.append(alert)
        self._forget()
        return changed

    def take_due(self) -> Told:
        """What people are to be told now. It counts as told from here on."""
        open_to = {name for name, left in self._waits.items() if left <= 0}
        alerts = [alert for alert in self._alerts.values() if self.rule_of(alert).severity in open_to]
        told = Told(
            begun=[a for a in alerts if a.stage == "firing" and not a.is_told and a.quiet_seconds <= 0],
            lasting=self._find_lasting(alerts),
            over=[a for a in alerts if a.stage == "resolved" and a.is_told],
        )
        for alert in told.begun:
            alert.tell_firing(60 * self._rules.cool_down_minutes)
        for alert in told.lasting:
            alert.told_seconds = 0.0
        for alert in told.over:
            alert.is_told = False
        for alert in (*told.begun, *told.lasting, *told.over):
            self._waits[self.rule_of(alert).severity] = 60 * self._rules.spacing_minutes
        self._forget()
        return told

    def to_state(self) -> dict[str, Any]:
        return {"alerts": [alert.to_state() for alert in self._alerts.values()], "waits": self._waits}

    def _match(self, figures: Sequence[Figure]) -> Iterator[tuple[str, tuple[AlertRule, Figure]]]:
        for rule in self._rules.rules:
            for figure in figures:
                if rule.looks_at(figure) and not math.isnan(figure.value):
                    yield _name_series(rule, figure), (rule, figure)

    def _open_alerts(self, found: Mapping[str, tuple[AlertRule, Figure]]) -> None:
        self.passed_over = 0
        for key, (rule, figure) in found.items():
            if not rule.is_broken_by(figure.value):
                continue
            present = self._alerts.get(key)
            # Nobody is told that it was over when it begins again before that could be told.
            if present is not None and present.stage == "resolved":
                present.begin_again(figure)
            elif present is None and len(self._alerts) < MOST_ALERTS:
                self._alerts[key] = Alert(
                    rule=rule.name,
                    figure=figure.name,
                    labels=dict(figure.labels),
                    value=figure.value,
                    since=figure.at,
                    key=key,
                )
            elif present is None:
                self.passed_over += 1

    def _find_lasting(self, alerts: Sequence[Alert]) -> list[Alert]:
        known = [alert for alert in alerts if alert.stage == "firing" and alert.is_told]
        # One reminder for all of them, when it is time for the first.
        is_time = any(alert.told_seconds >= 3600 * self._rules.repeat_hours for alert in known)
        return known if is_time else []

    def _forget(self) -> None:
        """Forget what is over when all was told and it may be told anew."""
        for key, alert in list(self._alerts.items()):
            if alert.stage == "resolved" and not alert.is_told and alert.quiet_seconds <= 0:
                del self._alerts[key]


def _name_series(rule: AlertRule, figure: Figure) -> str:
    return orjson.dumps([rule.name, figure.name, sorted(figure.labels.items())]).decode()
