"""What is done about an alert without anybody asking: each once, one at a time, and never while the watcher waits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from app.errors import ServiceError
from app.monitoring.alerts.alert import Alert
from app.monitoring.alerts.rules import AlertRule, ReactionKind

LEAST_SECONDS_BETWEEN: Mapping[ReactionKind, float] = {
    "roll_back": 3600.0,
    "withdraw_candidate": 600.0,
    "reject_feature": 0.0,
}
_MOST_ASKED = 100

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """Why something is to be done.

    Attributes:
        labels: What the figure was of: a version, a feature.
        reason: One sentence, for the audit table.
    """

    rule: str
    labels: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


React = Callable[[Occasion], str]
"""Does it, however long that takes, and returns one sentence on what was done; a ServiceError says why it was not."""


class Reactions:
    """Carries reactions out in a thread, and says what became of each.

    What is asked for is in the state before it begins, and is not begun again from there: of a process that was killed
    nobody knows how far it came, and who rolls back twice is where it was bad. That it was interrupted is told.

    Args:
        means: How each kind is done; a kind without is refused, and that is told.
    """

    def __init__(
        self, means: Mapping[ReactionKind, React] | None = None, state: Mapping[str, Any] | None = None
    ) -> None:
        state = state or {}
        self._means = means or {}
        self._asked: list[tuple[ReactionKind, Occasion]] = []
        self._interrupted = [(kind, Occasion(**values)) for kind, values in state.get("asked", ())]
        self._rests: dict[str, float] = dict(state.get("rests", {}))
        self._thread: threading.Thread | None = None
        self._sentence = ""

    def ask(self, rule: AlertRule, alert: Alert, reason: str) -> str | None:
        """Have done what a rule declares when it fires. It begins at the next `run`.

        Returns:
            Why it is not done, where it is not.
        """
        if rule.react is None:
            return None
        occasion = Occasion(rule=rule.name, labels=alert.labels, reason=reason)
        left = self._rests.get(_name_rest(rule.react, occasion), 0.0)
        if left > 0:
            return f"{describe(rule.react, occasion)}: not again so soon."
        if len(self._asked) >= _MOST_ASKED:
            return f"{describe(rule.react, occasion)}: not done, too much is asked for at once."
        self._rests[_name_rest(rule.react, occasion)] = LEAST_SECONDS_BETWEEN[rule.react]
        self._asked.append((rule.react, occasion))
        return None

    def run(self, seconds: float) -> Sequence[str]:
        """Begin what was asked for before; return sentences about what has ended since the last call."""
        self._rests = {name: left - seconds for name, left in self._rests.items() if left > seconds}
        told = [f"{describe(*one)}: interrupted; nobody knows how far it came." for one in self._interrupted]
        self._interrupted = []
        if self._thread is not None and not self._thread.is_alive():
            self._thread = None
            told.append(f"{describe(*self._asked.pop(0))}: {self._sentence}")
        if self._thread is None and self._asked:
            self._thread = threading.Thread(target=self._carry_out, args=self._asked[0], name="reaction", daemon=True)
            self._thread.start()
        return told

    def to_state(self) -> dict[str, Any]:
        asked = [(kind, asdict(occasion)) for kind, occasion in (*self._interrupted, *self._asked)]
        return {"asked": asked, "rests": self._rests}

    def _carry_out(self, kind: ReactionKind, occasion: Occasion) -> None:
        try:
            react = self._means.get(kind)
            self._sentence = "not possible from here." if react is None else react(occasion)
        except ServiceError as fault:
            self._sentence = f"not done. {fault.detail}"
        except Exception as fault:
            logger.exception("What rule %s asks for failed.", occasion.rule)
            self._sentence = f"failed ({type(fault).__name__}); the log says more."


def describe(kind: ReactionKind, occasion: Occasion) -> str:
    return f"{kind}, by rule {occasion.rule}"


def _name_rest(kind: ReactionKind, occasion: Occasion) -> str:
    """What may be done at most so often: for a feature each, else whatever the occasion."""
    if kind != "reject_feature":
        return kind
    return f"{kind} {occasion.labels.get('version', '')} {occasion.labels.get('feature', '')}"
