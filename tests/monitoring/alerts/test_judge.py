from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from app.monitoring.alerts.delivery.attempt import Outcome
from app.monitoring.alerts.judge import AlertJudge
from app.monitoring.watcher.parts import MakeJudge
from tests.monitoring.alerts.builders import CHAT, DRIFT, MAIL, Post, Watching, make_figure, make_rule

BAD, GOOD = make_figure(0.05), make_figure(0.0)
FIRING, OVER = "[gluonserve host] critical: error_share", "[gluonserve host] over: error_share"


def test_the_watcher_takes_it_as_its_judge() -> None:
    watching = Watching()
    make: MakeJudge = lambda state: watching.judge  # noqa: ARG005, E731 - for the type alone

    assert isinstance(make(None), AlertJudge)


def test_a_thousand_broken_rounds_send_one_message_and_their_end_another() -> None:
    watching = Watching()
    watching.rounds(1000, BAD)
    watching.rounds(100, GOOD)

    assert watching.post.titles == [FIRING, OVER]


def test_what_is_new_in_each_round_is_a_message_each() -> None:
    """The control of the one before: who receives them would see more, were there more."""
    watching = Watching(DRIFT)
    for number in range(1, 5):
        watching.round(*(make_figure(1, "drift_psi", feature=str(one)) for one in range(number)))
    watching.rounds(5)

    assert len(watching.post.sent) == 4


def test_several_broken_rules_of_one_round_are_one_message() -> None:
    watching = Watching(DRIFT)
    watching.rounds(3, *(make_figure(1, "drift_psi", feature=str(number)) for number in range(30)))

    (sent,) = watching.post.sent
    assert sent.message.body.count("WRONG: drift (warning), feature") == 20
    assert "WRONG: 10 more." in sent.message.body


def test_a_message_leaves_in_the_round_after_the_one_whose_state_holds_it() -> None:
    watching = Watching(make_rule(for_minutes=0))
    watching.round(BAD)
    assert watching.post.sent == []
    assert watching.state is not None
    assert len(watching.state["outbox"]["messages"]) == 1

    watching.begin()
    watching.round(BAD)
    assert watching.post.titles == [FIRING]


@pytest.mark.parametrize("killed_after", range(1, 60))
def test_a_kill_between_two_rounds_loses_and_repeats_nothing(killed_after: int) -> None:
    """Nothing is on its way between two rounds here: what is may be sent twice."""
    watching = Watching()
    for number in range(60):
        watching.round(BAD if number < 25 else GOOD)
        if number == killed_after:
            watching.state = orjson.loads(orjson.dumps(watching.state))
            watching.begin()

    assert watching.post.titles in ([FIRING, OVER], [FIRING, FIRING, OVER], [FIRING, OVER, OVER])
    assert len({sent.message.id for sent in watching.post.sent}) == 2


def test_a_message_that_was_on_its_way_at_a_kill_is_sent_again() -> None:
    watching = Watching(make_rule(for_minutes=0), post=Post(outcome=None))
    watching.rounds(2, BAD)
    watching.begin()
    watching.round(BAD)

    first, second = watching.post.sent
    assert first.message == second.message


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
def test_a_clock_that_jumps_neither_fires_nor_ends_anything(jump: timedelta) -> None:
    watching = Watching()
    watching.rounds(10, BAD)
    watching.now += jump
    watching.rounds(2, BAD)
    assert watching.post.sent == []

    watching.rounds(10, BAD)
    watching.now -= jump
    watching.rounds(10, GOOD)
    assert watching.post.titles == [FIRING]


def test_a_destination_that_hangs_keeps_neither_the_round_nor_another_destination() -> None:
    watching = Watching(make_rule(for_minutes=0), post=Post(outcome=None), destinations=(MAIL, CHAT))
    watching.rounds(2, BAD)
    hanging, other = watching.post.sent
    other.outcome = Outcome()
    watching.rounds(100, BAD)

    deliveries = {s.document["deliveries"][1]["state"] for s in watching.judge.snapshots(watching.now)}
    assert (deliveries, hanging.is_ended) == ({"delivered"}, False)
    assert read_figures(watching)["undelivered_alerts"] == 0


def test_what_is_not_taken_is_offered_again_less_and_less_often_and_shows() -> None:
    watching = Watching(make_rule(for_minutes=0), post=Post(Outcome("it refused the connection")))
    watching.rounds(2, BAD)
    watching.rounds(360, BAD)

    assert 8 <= len(watching.post.sent) <= 14
    (told,) = {one.identity: one for one in watching.judge.snapshots(watching.now)}.values()
    (delivery,) = told.document["deliveries"]
    assert (delivery["destination"], delivery["state"], delivery["error"]) == (
        "1 E-Mail",
        "waiting",
        "it refused the connection",
    )
    assert read_figures(watching) == {"undelivered_alerts": 1, "failing_destinations": 1, "unwatched_seconds": 0}

    watching.post.outcome = Outcome()
    watching.rounds(200, BAD)
    assert read_figures(watching) == {"undelivered_alerts": 0, "failing_destinations": 0, "unwatched_seconds": 0}


def test_each_change_is_a_snapshot_that_is_told_again_when_its_message_arrives() -> None:
    watching = Watching(make_rule(for_minutes=0))
    watching.round(make_figure(0.05, version="3"))
    (fired,) = watching.judge.snapshots(watching.now)
    watching.rounds(2, make_figure(0.05, version="3"))
    (arrived,) = watching.judge.snapshots(watching.now)

    assert fired.document == {
        "id": fired.document["id"],
        "rule": "error_share",
        "state": "firing",
        "severity": "critical",
        "figure": "error_share",
        "labels": {"version": "3"},
        "value": 0.05,
        "threshold": 0.02,
        "comparison": "above",
        "summary": "share of requests answered with 500 or more other than 503, over the last 5 minutes: 5 %; "
        "may not be above 2 %",
        "since": "2026-11-24T08:00:00+00:00",
        "lasted_seconds": 0,
        "reaction": None,
        "deliveries": [{"destination": "1 E-Mail", "state": "waiting", "attempts": 0, "error": None}],
    }
    assert (fired.kind, fired.version, fired.identity) == ("alert", "3", f"alert:{fired.document['id']}:firing")
    assert arrived.identity == fired.identity
    assert arrived.document["deliveries"] == [
        {"destination": "1 E-Mail", "state": "delivered", "attempts": 1, "error": None}
    ]


def test_nobody_watched_is_told_when_somebody_does_again() -> None:
    rule = make_rule(name="nobody_watched", figure="unwatched_seconds", threshold=300, clear=300, for_minutes=0)
    watching = Watching(rule)
    watching.rounds(3)
    watching.now += timedelta(hours=2)
    watching.begin()
    watching.rounds(300)

    assert [title.partition("] ")[2] for title in watching.post.titles] == [
        "critical: nobody_watched",
        "over: nobody_watched",
    ]
    assert ": 2 hours; may not be above 5 minutes" in watching.post.sent[0].message.body


def test_without_destinations_alerts_are_kept_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    watching = Watching(make_rule(for_minutes=0), destinations=())
    watching.rounds(3, make_figure(0.05, version="3\nfaked line"))

    assert [one.document["state"] for one in watching.judge.snapshots(watching.now)] == ["firing"]
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "Alert error_share (critical, version 3 faked line)"
    ]
    assert watching.state is not None
    assert watching.state["outbox"]["messages"] == []


def test_to_settle_waits_for_what_is_on_its_way_and_then_ends_it() -> None:
    watching = Watching(make_rule(for_minutes=0), post=Post(outcome=None))
    watching.rounds(2, BAD)
    (sent,) = watching.post.sent
    sent.outcome = Outcome()
    watching.judge.settle()

    assert read_figures(watching)["undelivered_alerts"] == 0


def test_to_settle_sends_all_where_that_is_asked_for() -> None:
    watching = Watching(make_rule(for_minutes=0), destinations=(MAIL, CHAT))
    watching.round(BAD)
    watching.judge.settle(send_all=True)

    assert watching.post.titles == [FIRING, FIRING]
    assert read_figures(watching)["undelivered_alerts"] == 0


def read_figures(watching: Watching) -> dict[str, float]:
    return {figure.name: figure.value for figure in watching.judge.figures(watching.now)}
