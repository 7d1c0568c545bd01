"""What is concluded from the documents: verdicts, what fires, and where nobody looked."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from app.api.dashboard.findings import Findings
from app.api.dashboard.ranges import RANGES
from app.api.dashboard.view.sections.alerts import list_firing
from app.api.dashboard.view.sections.quality import judge_metric
from app.api.dashboard.view.series import list_steps
from app.api.dashboard.view.words import count, join, write_briefly, write_duration, write_moment
from app.serving.rollout.versions import VersionList
from tests.api.dashboard.builders import MINUTE, make_alert, make_metric, make_traffic, make_watcher

NOW = datetime(2026, 11, 24, 8, 30, 20, tzinfo=timezone.utc)
MINUTE_OF_NOW = NOW.replace(second=0)


def make_findings(**changes: Any) -> Findings:
    usual: dict[str, Any] = {
        "now": NOW,
        "range": RANGES["hour"],
        "model": None,
        "execution": None,
        "versions": VersionList(active=None, previous=None, versions=[], activations=[]),
        "candidate": None,
        "workers": (),
        "watcher": make_watcher(NOW),
    }
    return Findings(**{**usual, **changes})


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"low": 0.77, "high": 0.85}, "as published"),
        ({"low": 0.70, "high": 0.81}, "worse than published"),
        ({"low": 0.87, "high": 0.90}, "better than published"),
        ({"low": 0.87, "high": 0.90, "higher_is_better": False}, "worse than published"),
        ({"low": 0.70, "high": 0.81, "higher_is_better": False}, "better than published"),
        ({"published_low": None}, "not comparable"),
        ({"high": None}, "not comparable"),
    ],
)
def test_only_intervals_that_lie_apart_tell_of_a_difference(changes: dict[str, Any], verdict: str) -> None:
    assert judge_metric(make_metric(**changes))[1] == verdict


def test_what_fires_is_what_nothing_took_back() -> None:
    changes = [
        make_alert(NOW, rule="latency", state="resolved"),
        make_alert(NOW - MINUTE, rule="drift", labels={"feature": "a"}),
        make_alert(NOW - 2 * MINUTE, rule="latency"),
        make_alert(NOW - 3 * MINUTE, rule="errors", severity="critical"),
        make_alert(NOW - 4 * MINUTE, rule="drift", labels={"feature": "b"}),
        make_alert(NOW - 5 * MINUTE, rule="drift", labels={"feature": "a"}, state="resolved"),
    ]

    firing = [(alert.document["rule"], alert.document["labels"]) for alert in list_firing(changes)]

    assert firing == [("errors", {}), ("drift", {"feature": "a"}), ("drift", {"feature": "b"})]


def test_a_minute_without_traffic_is_none_where_somebody_watched() -> None:
    traffic = (make_traffic(MINUTE_OF_NOW - 10 * MINUTE, requests=5),)

    steps = list_steps(make_findings(traffic=traffic))

    assert {step.start: step.requests for step in steps if step.requests} == {MINUTE_OF_NOW - 10 * MINUTE: 5}
    assert all(step.is_known for step in steps)
    assert steps[-1].start + MINUTE <= NOW


def test_after_the_watcher_fell_silent_nothing_is_known() -> None:
    last = MINUTE_OF_NOW - 20 * MINUTE

    steps = list_steps(make_findings(watcher=make_watcher(last), traffic=(make_traffic(last - 10 * MINUTE),)))

    assert steps[-1].start + MINUTE <= last
    assert len(steps) < len(RANGES["hour"].list_steps(NOW)) - 15


def test_requests_are_parted_by_whose_fault_it_was() -> None:
    traffic = (make_traffic(MINUTE_OF_NOW - 5 * MINUTE, requests=20, failed=3, refused=4),)

    (step,) = (step for step in list_steps(make_findings(traffic=traffic)) if step.requests)

    assert (step.answered, step.refused, step.failed) == (13, 4, 3)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0 seconds"), (1, "1 second"), (119, "119 seconds"), (600, "10 minutes"), (200_000, "2 days")],
)
def test_a_duration_is_in_the_largest_unit_that_it_has_two_of(seconds: int, written: str) -> None:
    assert write_duration(timedelta(seconds=seconds)) == written


def test_moments_and_counts_are_written_as_people_say_them() -> None:
    assert write_moment(NOW, NOW) == "08:30 UTC"
    assert write_moment(NOW - timedelta(days=1), NOW) == "23 Nov 08:30 UTC"
    assert (count(1, "row"), count(2000, "row")) == ("1 row", "2,000 rows")
    assert (join(["a"]), join(["a", "b", "c"])) == ("a", "a, b and c")
    assert [write_briefly(value) for value in (None, 0.42973, 4.1841, 1234.5)] == ["–", "0.43", "4.18", "1,234"]
