"""What people are sent: what is wrong, since when, what to do; and that it is over."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from app.monitoring.alerts.alert import Alert
from app.monitoring.alerts.book import Told
from app.monitoring.alerts.rules import AlertRule, ReactionKind
from app.monitoring.alerts.wording import describe_figure, write_duration, write_name, write_value

MOST_ALERTS_LISTED = 20
MOST_SENTENCE = 600
PAGE = "docs/monitoring/runbook.md"

_REACTIONS: Mapping[ReactionKind, str] = {
    "withdraw_candidate": "the candidate is withdrawn",
    "roll_back": "the previous version is activated",
    "reject_feature": "values of this feature that training never saw are refused from now on",
}

FindRule = Callable[[Alert], AlertRule]


@dataclass(frozen=True, kw_only=True)
class Message:
    """Plain text.

    Attributes:
        id: In the text too: who is sent a message twice sees that it is the same.
        alerts: Identifiers of the alerts that it tells of.
    """

    title: str
    body: str
    alerts: Sequence[str] = ()
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    def to_state(self) -> dict[str, Any]:
        return asdict(self)


def read_message(state: Mapping[str, Any]) -> Message:
    return Message(**state)


class Writer:
    """Writes the messages of one installation.

    Args:
        place: What tells this installation from others.
    """

    def __init__(self, place: str) -> None:
        self._place = write_name(place)

    def write(self, told: Told, find_rule: FindRule, done: Sequence[str] = ()) -> Message:
        """One message for all that there is to tell.

        Args:
            done: Sentences about what was done without anybody asking.
        """
        paragraphs = [
            *(f"DONE WITHOUT ANYBODY ASKING: {write_name(sentence, most=MOST_SENTENCE)}" for sentence in done)
        ]
        for alerts, heading in ((told.begun, "WRONG"), (told.lasting, "STILL WRONG"), (told.over, "OVER")):
            ordered = sorted(alerts, key=lambda alert: find_rule(alert).severity)
            paragraphs += [describe_alert(alert, find_rule(alert), heading) for alert in ordered[:MOST_ALERTS_LISTED]]
            if len(ordered) > MOST_ALERTS_LISTED:
                paragraphs.append(f"{heading}: {len(ordered) - MOST_ALERTS_LISTED} more. See: gluonserve alerts list")
        listed = [alert.id for alert in (*told.begun, *told.lasting, *told.over)]
        return self._finish(self._write_title(told, find_rule), paragraphs, listed)

    def write_test(self) -> Message:
        sentence = "This is a test that somebody asked for: alerts of gluonserve arrive here. Nothing is wrong."
        return self._finish("test", [sentence], [])

    def _write_title(self, told: Told, find_rule: FindRule) -> str:
        firing = sorted((*told.begun, *told.lasting), key=lambda alert: find_rule(alert).severity)
        if firing:
            return f"{find_rule(firing[0]).severity}: {_name_rules(firing)}"
        return f"over: {_name_rules(told.over)}" if told.over else "something was done without anybody asking"

    def _finish(self, title: str, paragraphs: Sequence[str], alerts: Sequence[str]) -> Message:
        message = Message(title=f"[gluonserve {self._place}] {title}", body="", alerts=alerts)
        end = f"Message {message.id} of gluonserve on {self._place}."
        return Message(title=message.title, body="\n\n".join([*paragraphs, end]), alerts=alerts, id=message.id)


def describe_alert(alert: Alert, rule: AlertRule, heading: str) -> str:
    """One paragraph: what, of what, since when, what to do."""
    lines = [f"{heading}: {rule.name} ({rule.severity}){_write_labels(alert.labels)}"]
    lines.append(f"  {summarise(alert, rule)}.")
    if heading == "OVER":
        return "\n".join(
            [*lines, f"  It lasted {write_duration(alert.broken_seconds)}, from {_write_moment(alert)} on."]
        )
    if rule.react:
        lines.append(f"  Without anybody asking: {_REACTIONS[rule.react]}. Another message says how that ended.")
    lines.append(f"  Since {_write_moment(alert)}, for {write_duration(alert.broken_seconds)} by now.")
    if alert.times > 1:
        lines.append(f"  It has begun {alert.times} times of late.")
    if rule.advice:
        lines.append(f"  What to do: {' '.join(rule.advice.split())}")
    return "\n".join([*lines, f"  More: {PAGE}#{rule.name}"])


def summarise(alert: Alert, rule: AlertRule) -> str:
    """What is measured, its value and its limit."""
    meaning, value = describe_figure(alert.figure), write_value(alert.figure, alert.value)
    if not alert.is_measured:
        return f"{meaning}: not measured any more, {value} at last"
    return f"{meaning}: {value}; may not be {rule.comparison} {write_value(alert.figure, rule.threshold)}"


def _name_rules(alerts: Sequence[Alert]) -> str:
    names = list(dict.fromkeys(alert.rule for alert in alerts))
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]


def _write_labels(labels: Mapping[str, str]) -> str:
    return "".join(f", {write_name(name)} {write_name(value)}" for name, value in sorted(labels.items()))


def _write_moment(alert: Alert) -> str:
    return f"{alert.since:%Y-%m-%d %H:%M} UTC"
