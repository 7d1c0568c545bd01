from __future__ import annotations

from itertools import pairwise
from typing import NoReturn

import orjson

from app.monitoring.alerts.delivery.attempt import Outcome
from app.monitoring.alerts.delivery.outbox import GIVE_UP_SECONDS, MOST_WAITING, Outbox
from app.monitoring.alerts.messages import Message
from tests.monitoring.alerts.builders import CHAT, MAIL, Post


def make_message(name: str = "a") -> Message:
    return Message(title=name, body="body", id=name)


def test_each_destination_is_sent_each_message_once() -> None:
    post = Post()
    outbox = Outbox([MAIL, CHAT], post.start)
    outbox.add(make_message("a"))
    outbox.add(make_message("b"))
    for _ in range(5):
        outbox.run(1)

    assert [(sent.destination, sent.message.id) for sent in post.sent] == [
        (MAIL, "a"),
        (CHAT, "a"),
        (MAIL, "b"),
        (CHAT, "b"),
    ]
    assert (outbox.count_untaken(), outbox.to_state()["messages"]) == (0, [])


def test_the_waits_between_attempts_grow_up_to_a_quarter_of_an_hour() -> None:
    post, attempts = Post(Outcome("no")), []
    outbox = Outbox([MAIL], post.start)
    outbox.add(make_message())
    for second in range(6000):
        before = len(post.sent)
        outbox.run(1)
        attempts += [second] * (len(post.sent) - before)

    assert [later - sooner for sooner, later in pairwise(attempts)][:11] == [
        6, 11, 21, 41, 81, 161, 321, 641, 901, 901, 901,
    ]  # fmt: skip


def test_a_message_that_is_not_taken_lets_others_pass() -> None:
    post = Post(Outcome("too long"))
    outbox = Outbox([MAIL], post.start)
    for name in ("a", "b"):
        outbox.add(make_message(name))
    outbox.run(1)
    post.outcome = Outcome()
    outbox.run(1)
    outbox.run(10)

    assert [sent.message.id for sent in post.sent] == ["a", "b"]


def test_what_nobody_takes_for_a_day_is_given_up_and_counted() -> None:
    post = Post(Outcome("no"))
    outbox = Outbox([MAIL], post.start)
    outbox.add(make_message())
    outbox.run(1)
    outbox.run(1)
    outbox.run(GIVE_UP_SECONDS)
    (delivery,) = outbox.run(1)

    assert (delivery.stage, delivery.error, outbox.given_up, outbox.count_untaken()) == ("given_up", "no", 1, 0)


def test_more_messages_than_may_wait_push_the_oldest_out() -> None:
    post = Post(outcome=None)
    outbox = Outbox([MAIL], post.start)
    outbox.add(make_message("first"))
    outbox.run(1)
    for number in range(MOST_WAITING + 4):
        outbox.add(make_message(str(number)))
    changed = outbox.run(1)

    assert [delivery.message for delivery in changed] == ["0", "1", "2", "3", "4"]
    assert (outbox.given_up, len(outbox.list_waiting())) == (5, MOST_WAITING)
    assert len(orjson.dumps(outbox.to_state())) < 100_000


def test_a_process_that_cannot_be_started_is_a_failed_attempt() -> None:
    def fail(*_: object) -> NoReturn:
        raise OSError("no memory")

    outbox = Outbox([MAIL], fail)
    outbox.add(make_message())
    outbox.run(1)
    (delivery,) = outbox.run(1)

    assert (delivery.stage, delivery.error) == ("waiting", "no process could be started that sends it")


def test_all_goes_on_from_its_state() -> None:
    outbox = Outbox([MAIL, CHAT], Post(Outcome("no")).start)
    outbox.add(make_message())
    outbox.run(1)
    outbox.run(1)
    state = orjson.loads(orjson.dumps(outbox.to_state()))

    assert Outbox([MAIL, CHAT], Post().start, state).to_state() == state


def test_a_destination_that_was_taken_away_is_waited_for_no_longer() -> None:
    outbox = Outbox([MAIL, CHAT], Post(Outcome("no")).start)
    outbox.add(make_message())

    assert Outbox([], Post().start, outbox.to_state()).run(1) == []


def test_to_close_ends_what_is_on_its_way() -> None:
    post = Post(outcome=None)
    outbox = Outbox([MAIL], post.start)
    outbox.add(make_message())
    outbox.run(1)
    outbox.close()

    assert (post.sent[0].is_ended, outbox.count_untaken()) == (True, 1)
