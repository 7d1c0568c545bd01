from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import pytest

from app.monitoring.alerts.alert import Alert
from app.monitoring.alerts.book import Told
from app.monitoring.alerts.messages import Writer
from tests.monitoring.alerts.builders import RULE, START, make_rule
from tests.monitoring.alerts.test_wording import HOSTILE


def make_alert(**values: object) -> Alert:
    usual = {
        "rule": "error_share",
        "figure": "error_share",
        "labels": {"version": "3"},
        "value": 0.05,
        "since": START,
        "stage": "firing",
        "broken_seconds": 360.0,
    }
    return Alert(**{**usual, **values})  # type: ignore[arg-type]


def test_a_message_says_what_is_wrong_since_when_and_what_to_do() -> None:
    message = Writer("churn-1").write(Told(begun=[make_alert()]), lambda _: RULE)

    assert message.title == "[gluonserve churn-1] critical: error_share"
    assert message.body == (
        "WRONG: error_share (critical), version 3\n"
        "  share of requests answered with 500 or more other than 503, over the last 5 minutes: 5 %; may not be above "
        "2 %.\n"
        "  Since 2026-11-24 08:00 UTC, for 6 minutes by now.\n"
        "  What to do: Look at the log.\n"
        "  More: docs/monitoring/runbook.md#error_share\n\n"
        f"Message {message.id} of gluonserve on churn-1."
    )


def test_the_end_says_how_long_it_lasted() -> None:
    over = make_alert(stage="resolved", value=0.0, broken_seconds=7300.0)
    message = Writer("churn-1").write(Told(over=[over]), lambda _: RULE)

    assert message.title == "[gluonserve churn-1] over: error_share"
    assert message.body.startswith("OVER: error_share (critical), version 3\n")
    assert "  It lasted 2 hours, from 2026-11-24 08:00 UTC on.\n" in message.body


def test_a_figure_that_ended_is_told_as_such() -> None:
    message = Writer("h").write(Told(over=[make_alert(is_measured=False)]), lambda _: RULE)

    assert "not measured any more, 5 % at last" in message.body


def test_a_reaction_is_announced_and_so_is_its_end() -> None:
    told = Told(begun=[make_alert()])
    message = Writer("h").write(told, lambda _: make_rule(react="roll_back"), ["roll_back, by rule x: done.\nBcc: a"])

    assert "Without anybody asking: the previous version is activated. Another message says how" in message.body
    assert message.body.startswith("DONE WITHOUT ANYBODY ASKING: roll_back, by rule x: done. Bcc: a\n\nWRONG")


def test_a_title_names_the_worst_and_how_many_more() -> None:
    rules = {"a": make_rule(name="a", severity="warning"), "b": make_rule(name="b")}
    told = Told(begun=[make_alert(rule="a"), make_alert(rule="b")])

    assert Writer("h").write(told, lambda alert: rules[alert.rule]).title == "[gluonserve h] critical: b and 1 more"


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_adds_a_header_or_a_line(name: str) -> None:
    alert = make_alert(labels={"feature": name, name: "x"})
    message = Writer(name).write(Told(begun=[alert]), lambda _: RULE)
    plain = Writer("h").write(Told(begun=[make_alert(labels={"feature": "a", "b": "x"})]), lambda _: RULE)

    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = message.title
    assert mail.keys() == ["Subject"]
    assert len(message.body.splitlines()) == len(plain.body.splitlines())
    assert len(message.title.splitlines()) == 1
