"""Rules and figures, time that passes when a test says so, and destinations that answer as a test says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from app.monitoring.alerts.delivery.attempt import Outcome
from app.monitoring.alerts.delivery.destinations import Destination
from app.monitoring.alerts.judge import AlertJudge
from app.monitoring.alerts.messages import Message, Writer
from app.monitoring.alerts.rules import AlertRule, AlertRules
from app.monitoring.figures import Figure

START = datetime(2026, 11, 24, 8, 0, tzinfo=timezone.utc)
MAIL, CHAT = Destination("1 E-Mail", "mailtos://secret"), Destination("2 Slack", "slack://secret")
RULE = AlertRule(
    name="error_share",
    figure="error_share",
    comparison="above",
    threshold=0.02,
    clear=0.01,
    for_minutes=3,
    resolve_minutes=5,
    severity="critical",
    advice="Look at the log.",
)
DRIFT = AlertRule(name="drift", figure="drift_psi", comparison="above", threshold=0.2, clear=0.2, resolve_minutes=0)


def make_rules(*rules: AlertRule, **values: Any) -> AlertRules:
    usual = {"spacing_minutes": 0, "cool_down_minutes": 30, "repeat_hours": 12}
    return AlertRules(rules=rules or (RULE,), **{**usual, **values})


def make_rule(**values: Any) -> AlertRule:
    return replace(RULE, **values)


def make_figure(value: float, name: str = "error_share", *, at: datetime = START, **labels: str) -> Figure:
    return Figure(name, value, at, labels)


class Sent:
    """A message on its way, which a test has arrive or fail."""

    def __init__(self, destination: Destination, message: Message) -> None:
        self.destination, self.message = destination, message
        self.outcome: Outcome | None = None
        self.is_ended = False

    def look(self) -> Outcome | None:
        return self.outcome

    def end(self) -> None:
        self.is_ended = True


class Post:
    """Takes messages, at once unless a test says otherwise."""

    def __init__(self, outcome: Outcome | None = Outcome()) -> None:  # noqa: B008 - a constant
        self.outcome = outcome
        self.sent: list[Sent] = []

    @property
    def titles(self) -> list[str]:
        return [sent.message.title for sent in self.sent]

    def start(self, destination: Destination, message: Message) -> Sent:
        sent = Sent(destination, message)
        sent.outcome = self.outcome
        self.sent.append(sent)
        return sent


class Watching:
    """A judge that is asked in rounds, by a clock of its own and by a wall clock that a test may set."""

    def __init__(self, *rules: AlertRule, post: Post | None = None, **values: Any) -> None:
        self.rules = make_rules(*rules, **{name: values.pop(name) for name in list(values) if name.endswith(_PACE)})
        self.post = post or Post()
        self.values = {"destinations": (MAIL,), **values}
        self.seconds = 0.0
        self.now = START
        self.state: dict[str, Any] | None = None
        self.begin()

    def begin(self) -> None:
        """As a process that goes on with what the last one kept."""
        self.judge = AlertJudge(
            self.rules,
            Writer("host"),
            start=self.post.start,
            state=self.state,
            monotonic=lambda: self.seconds,
            **self.values,
        )

    def round(self, *figures: Figure, seconds: float = 10.0) -> None:
        """Pass time and evaluate, and keep the state as the watcher does."""
        self.seconds += seconds
        self.now += timedelta(seconds=seconds)
        own = self.judge.figures(self.now)
        self.judge.evaluate([*figures, *own], self.now)
        self.state = self.judge.to_state()

    def rounds(self, count: int, *figures: Figure, seconds: float = 10.0) -> None:
        for _ in range(count):
            self.round(*figures, seconds=seconds)


_PACE = ("_minutes", "_hours")
