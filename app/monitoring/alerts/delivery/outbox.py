"""Messages that wait until their destinations have taken them: bounded, repeated, and nobody waits for them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from app.monitoring.alerts.delivery.attempt import Outcome
from app.monitoring.alerts.delivery.destinations import Destination
from app.monitoring.alerts.messages import Message, read_message

MOST_WAITING = 100
FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 900.0
GIVE_UP_SECONDS = 86_400.0
MOST_AT_ONCE = 4

logger = logging.getLogger(__name__)

Stage = Literal["waiting", "delivered", "given_up"]


class Sending(Protocol):
    """A message on its way."""

    def look(self) -> Outcome | None:
        """How it ended; None while it goes on."""

    def end(self) -> None: ...


StartSending = Callable[[Destination, Message], Sending]


@dataclass(kw_only=True)
class Delivery:
    """One message for one destination."""

    message: str
    destination: str
    stage: Stage = "waiting"
    attempts: int = 0
    error: str | None = None
    age_seconds: float = 0.0


class Outbox:
    """Offers each message to each destination until it is taken, for a day at most, less and less often.

    What is in its state is sent: a message twice when the process was killed after it was taken and before the state
    was kept, never not at all.

    Fallback: of more than MOST_WAITING messages for a destination the oldest is given up, counted and logged.

    Attributes:
        given_up: Deliveries that were given up.
    """

    def __init__(
        self, destinations: Sequence[Destination], start: StartSending, state: Mapping[str, Any] | None = None
    ) -> None:
        state = state or {}
        self._lanes = [_Lane(one, start, state.get("lanes", {}).get(one.name, {})) for one in destinations]
        messages = map(read_message, state.get("messages", ()))
        self._messages = {message.id: message for message in messages}
        self.given_up: int = state.get("given_up", 0)

    def add(self, message: Message) -> None:
        self._messages[message.id] = message
        for lane in self._lanes:
            lane.add(message.id)

    def run(self, seconds: float) -> list[Delivery]:
        """Look after what is on its way and send what is due; return the deliveries that have changed."""
        changed = self.look(seconds)
        under_way = sum(lane.is_sending for lane in self._lanes)
        for lane in self._lanes:
            if under_way < MOST_AT_ONCE and lane.begin(self._messages):
                under_way += 1
        return changed

    def look(self, seconds: float) -> list[Delivery]:
        """Look after what is on its way, and send nothing; return the deliveries that have changed."""
        self._forget()
        changed = [delivery for lane in self._lanes for delivery in lane.look(seconds)]
        for delivery in changed:
            self._note(delivery)
        return changed

    def list_waiting(self) -> set[str]:
        """The messages that are not everywhere yet."""
        return {one.message for lane in self._lanes for one in lane.waiting}

    @property
    def is_sending(self) -> bool:
        return any(lane.is_sending for lane in self._lanes)

    def close(self) -> None:
        """End what is on its way; it is sent again from the state."""
        for lane in self._lanes:
            lane.end()

    def list_deliveries(self, message: str) -> list[Delivery]:
        return [one for lane in self._lanes for one in (*lane.waiting, *lane.ended) if one.message == message]

    def count_untaken(self) -> int:
        """Messages that no destination has taken yet."""
        taken = {one.message for lane in self._lanes for one in lane.ended if one.stage == "delivered"}
        return len(self.list_waiting() - taken)

    def count_failing(self) -> int:
        return sum(lane.failures > 0 for lane in self._lanes)

    def to_state(self) -> dict[str, Any]:
        messages = [message.to_state() for message in self._messages.values()]
        return {
            "messages": messages,
            "lanes": {lane.destination.name: lane.to_state() for lane in self._lanes},
            "given_up": self.given_up,
        }

    def _note(self, delivery: Delivery) -> None:
        told = (delivery.message, delivery.destination)
        if delivery.stage == "delivered":
            logger.info("Message %s was taken by destination %s.", *told)
        elif delivery.stage == "given_up":
            self.given_up += 1
            logger.error("Message %s for destination %s is given up: %s.", *told, delivery.error)
        elif delivery.attempts == 1:
            logger.warning("Message %s was not taken by destination %s: %s.", *told, delivery.error)

    def _forget(self) -> None:
        needed = self.list_waiting()
        for lane in self._lanes:
            lane.ended = [one for one in lane.ended if one.message in needed]
        self._messages = {name: message for name, message in self._messages.items() if name in needed}


class _NotStarted:
    """Fallback: where no process can be started, the attempt has failed, and the next one is due later."""

    def look(self) -> Outcome:
        return Outcome("no process could be started that sends it")

    def end(self) -> None:
        return None


class _Lane:
    """What waits for one destination, one after the other; a message that is not taken goes to the end."""

    def __init__(self, destination: Destination, start: StartSending, state: Mapping[str, Any]) -> None:
        self.destination = destination
        self.waiting = [Delivery(**values) for values in state.get("waiting", ())]
        self.ended = [Delivery(**values) for values in state.get("ended", ())]
        self.failures: int = state.get("failures", 0)
        self._wait_seconds: float = state.get("wait_seconds", 0.0)
        self._start = start
        self._dropped: list[Delivery] = []
        self._sending: Sending | None = None

    @property
    def is_sending(self) -> bool:
        return self._sending is not None

    def add(self, message: str) -> None:
        self.waiting.append(Delivery(message=message, destination=self.destination.name))
        if len(self.waiting) > MOST_WAITING:
            # Not the first: it may be on its way.
            dropped = self.waiting.pop(1)
            dropped.stage, dropped.error = "given_up", dropped.error or "too many messages wait"
            self._dropped.append(dropped)

    def look(self, seconds: float) -> list[Delivery]:
        self._wait_seconds = max(0.0, self._wait_seconds - seconds)
        for delivery in self.waiting:
            delivery.age_seconds += seconds
        changed, self._dropped = self._dropped, []
        outcome = self._sending.look() if self._sending else None
        if outcome is not None:
            changed.append(self._end(outcome))
        self.ended += [one for one in changed if one.stage != "waiting"]
        return changed

    def begin(self, messages: Mapping[str, Message]) -> bool:
        """Send what is due, if anything is; tell whether it is."""
        if self.is_sending or not self.waiting or self._wait_seconds > 0:
            return False
        try:
            self._sending = self._start(self.destination, messages[self.waiting[0].message])
        except OSError:
            self._sending = _NotStarted()
        return True

    def end(self) -> None:
        if self._sending is not None:
            self._sending.end()
            self._sending = None

    def to_state(self) -> dict[str, Any]:
        return {
            "waiting": [asdict(one) for one in self.waiting],
            "ended": [asdict(one) for one in self.ended],
            "failures": self.failures,
            "wait_seconds": self._wait_seconds,
        }

    def _end(self, outcome: Outcome) -> Delivery:
        self._sending = None
        delivery = self.waiting.pop(0)
        delivery.attempts += 1
        delivery.error = outcome.error
        if outcome.error is None:
            self.failures, delivery.stage = 0, "delivered"
            return delivery
        self._wait_seconds = min(FIRST_WAIT_SECONDS * 2 ** min(self.failures, 20), LONGEST_WAIT_SECONDS)
        self.failures += 1
        if delivery.age_seconds >= GIVE_UP_SECONDS:
            delivery.stage = "given_up"
        else:
            self.waiting.append(delivery)
        return delivery
