from __future__ import annotations

import threading
from collections.abc import Sequence

import orjson
import pytest

from app.errors import Conflict
from app.monitoring.alerts.reactions import Occasion, Reactions
from tests.monitoring.alerts.builders import make_rule
from tests.monitoring.alerts.test_messages import make_alert
from tests.server import wait_until

ROLL_BACK = make_rule(react="roll_back")
OCCASION = Occasion(rule="error_share", labels={"version": "3"}, reason="bad")


class Means:
    """Does what it is asked for when it is let."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.occasions: list[Occasion] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self._fault = fault

    def __call__(self, occasion: Occasion) -> str:
        self.occasions.append(occasion)
        self.go_on.wait(10)
        if self._fault:
            raise self._fault
        return "version 2 is active again."


def run_to_the_end(reactions: Reactions) -> list[str]:
    told: list[str] = []

    def has_ended() -> bool:
        told.extend(reactions.run(0))
        return not reactions.to_state()["asked"]

    wait_until(has_ended, seconds=10)
    return told


def test_it_is_done_in_the_round_after_the_one_that_asked() -> None:
    means = Means()
    reactions = Reactions({"roll_back": means})
    assert reactions.ask(ROLL_BACK, make_alert(), "bad") is None
    assert means.occasions == []

    assert run_to_the_end(reactions) == ["roll_back, by rule error_share: version 2 is active again."]
    assert means.occasions == [OCCASION]


def test_a_rule_without_reaction_does_nothing() -> None:
    reactions = Reactions({})
    reactions.ask(make_rule(), make_alert(), "bad")

    assert reactions.to_state()["asked"] == []


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (
            Conflict("There is no previous version to go back to."),
            "not done. There is no previous version to go back to.",
        ),
        (RuntimeError("/secret/path"), "failed (RuntimeError); the log says more."),
    ],
)
def test_a_failure_is_told_too(fault: Exception, sentence: str) -> None:
    reactions = Reactions({"roll_back": Means(fault)})
    reactions.ask(ROLL_BACK, make_alert(), "bad")

    assert run_to_the_end(reactions) == [f"roll_back, by rule error_share: {sentence}"]


def test_nobody_waits_for_one_that_takes_its_time() -> None:
    means = Means()
    means.go_on.clear()
    reactions = Reactions({"roll_back": means})
    reactions.ask(ROLL_BACK, make_alert(), "bad")
    told: list[Sequence[str]] = [reactions.run(10) for _ in range(100)]
    assert not any(told)

    means.go_on.set()
    assert len(run_to_the_end(reactions)) == 1


def test_there_is_one_rollback_within_an_hour() -> None:
    means = Means()
    reactions = Reactions({"roll_back": means})
    reactions.ask(ROLL_BACK, make_alert(), "bad")
    run_to_the_end(reactions)
    reactions.run(3599)
    assert reactions.ask(ROLL_BACK, make_alert(), "bad") == "roll_back, by rule error_share: not again so soon."
    reactions.run(2)
    assert reactions.ask(ROLL_BACK, make_alert(), "bad") is None


def test_several_features_are_rejected_one_after_the_other() -> None:
    means = Means()
    reactions = Reactions({"reject_feature": means})
    for feature in ("age", "pay"):
        reactions.ask(make_rule(react="reject_feature"), make_alert(labels={"feature": feature}), "drift")

    assert len(run_to_the_end(reactions)) == 2
    assert [occasion.labels["feature"] for occasion in means.occasions] == ["age", "pay"]


def test_one_that_was_interrupted_is_told_and_not_done_again() -> None:
    means = Means()
    means.go_on.clear()
    reactions = Reactions({"roll_back": means})
    reactions.ask(ROLL_BACK, make_alert(), "bad")
    reactions.run(0)
    state = orjson.loads(orjson.dumps(reactions.to_state()))
    means.go_on.set()

    other = Means()
    after = Reactions({"roll_back": other}, state)
    assert after.run(0) == ["roll_back, by rule error_share: interrupted; nobody knows how far it came."]
    assert after.run(0) == []
    assert other.occasions == []


def test_what_is_not_possible_is_told() -> None:
    reactions = Reactions({})
    reactions.ask(ROLL_BACK, make_alert(), "bad")

    assert run_to_the_end(reactions) == ["roll_back, by rule error_share: not possible from here."]
