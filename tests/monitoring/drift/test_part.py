from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from app.errors import ReleaseUnusable
from app.monitoring.drift.part import DriftPart
from app.monitoring.figures import Figure
from app.release.profile.opening import OpenedProfile
from tests.monitoring.drift.builders import IMPORTANCE, START, change, make_profile, make_rows, make_sketch

OPENED = make_profile()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def make_part(state: Any = None, *, profiles: Mapping[str, OpenedProfile | None] | None = None) -> DriftPart:
    known = {"3": OPENED, "4": OPENED} if profiles is None else profiles

    def open_profile(version: str) -> OpenedProfile | None:
        if version not in known:
            raise ReleaseUnusable(f"There is no version {version}.")
        return known[version]

    return DriftPart(state, open_profile=open_profile, window_rows=1000)


def sketch(rows: int = 500, *, after: timedelta = timedelta(), seed: int = 1, **others: Any) -> dict[str, Any]:
    return make_sketch(make_rows(rows, seed=seed), OPENED, at=(START + after).timestamp(), **others)


def list_windows(part: DriftPart, now: datetime) -> list[tuple[str | None, int, timedelta, timedelta]]:
    told = part.snapshots(now)
    return [(one.version, one.document["rows"], one.window_start - START, one.window_end - START) for one in told]


def choose(figures: Any, name: str) -> dict[str | None, float]:
    return {figure.labels.get("feature"): figure.value for figure in figures if figure.name == name}


def test_sketches_of_a_version_are_added_up_until_the_window_is_full() -> None:
    part = make_part()
    part.consume(sketch())
    part.consume(sketch(version="4"))
    assert list_windows(part, START) == []
    part.consume(sketch(after=HOUR, seed=2))
    assert list_windows(part, START + HOUR) == [("3", 1000, timedelta(), HOUR)]
    assert list_windows(part, START + HOUR) == []
    part.consume(sketch(after=2 * HOUR))
    assert list_windows(part, START + 2 * HOUR) == []


def test_a_day_ends_a_window_that_has_the_least_rows_and_no_smaller_one() -> None:
    part = make_part()
    part.consume(sketch(400))
    assert list_windows(part, START + DAY) == []
    part.consume(sketch(100, after=DAY + HOUR))
    assert list_windows(part, START + DAY + HOUR) == [("3", 500, timedelta(), DAY + HOUR)]
    part.consume(sketch(500, after=2 * DAY))
    assert list_windows(part, START + 3 * DAY - HOUR) == []
    assert list_windows(part, START + 3 * DAY) == [("3", 500, 2 * DAY, 2 * DAY)]


def test_a_snapshot_tells_all_of_each_feature_and_of_the_answers() -> None:
    rows = make_rows(1000, seed=1)
    part = make_part()
    part.consume(make_sketch(change(rows, "visits", [row[1] * 1000 for row in rows]), OPENED))
    (told,) = part.snapshots(START)
    document: Any = orjson.loads(orjson.dumps(told.document))
    assert (told.kind, told.version) == ("drift", "3")
    assert document["rows"] == document["least_rows"] == 1000
    assert [one["name"] for one in document["features"]] == ["visits", "city", "amount", "seen", "member", "note"]
    visits = document["features"][0]
    assert set(visits) == {
        *("name", "importance", "kind", "level", "psi", "psi_by_chance", "test", "statistic", "p_value", "effect"),
        *("shift", "null_share", "reference_null_share", "unseen_share", "out_of_range_share", "reasons", "bins"),
    }
    assert (visits["importance"], visits["level"], visits["test"]) == (IMPORTANCE["visits"], 2, "ks")
    assert visits["bins"][-1]["label"] == "above 11"
    assert visits["bins"][-1]["live"] == visits["out_of_range_share"] > 0.9
    for column in [*document["features"], document["predictions"]]:
        assert sum(one["reference"] for one in column["bins"]) == pytest.approx(1)
        assert sum(one["live"] for one in column["bins"]) == pytest.approx(1)
        assert len(column["bins"]) <= 20
    assert document["predictions"]["name"] == "probability of yes"
    assert document["predictions"]["importance"] is None
    assert document["other_predictions"] == []


def test_no_value_that_training_did_not_have_is_told() -> None:
    rows = make_rows(1000)
    part = make_part()
    part.consume(make_sketch(change(rows, "city", ["4111-1111"] * 1000), OPENED))
    told = orjson.dumps([one.document for one in part.snapshots(START)])
    assert b"4111" not in told
    assert b"not in training" in told


def test_figures_are_those_of_the_last_full_window_for_two_days() -> None:
    rows = make_rows(1000, seed=1)
    part = make_part()
    assert part.figures(START) == []
    part.consume(make_sketch(change(rows, "city", [None] * 300 + ["Kyiv"] * 700), OPENED))
    figures = part.figures(START + HOUR)
    assert {frozenset(figure.labels) for figure in figures} == {
        frozenset({"version"}),
        frozenset({"version", "feature"}),
    }
    assert choose(figures, "drift_level") == {name: 2 if name == "city" else 0 for name in IMPORTANCE}
    assert choose(figures, "drift_psi")["city"] > 1
    assert choose(figures, "null_share")["city"] == 0.3
    assert choose(figures, "unseen_share") == {"city": 0.7, "member": 0}
    assert set(choose(figures, "out_of_range_share")) == {"amount", "visits", "seen"}
    assert choose(figures, "prediction_drift_psi")[None] < 0.05
    assert len(part.figures(START + 2 * DAY)) == len(figures)
    assert part.figures(START + 2 * DAY + HOUR) == []


def test_it_goes_on_from_its_state_as_if_nothing_had_happened() -> None:
    through, begun = make_part(), make_part()
    for part in (through, begun):
        part.consume(sketch(1000, version="4"))
        part.snapshots(START)
        part.consume(sketch())
    resumed = make_part(orjson.loads(orjson.dumps(begun.to_state())))
    last = sketch(after=HOUR, seed=2)
    for part in (through, resumed):
        part.consume(last)
    assert resumed.figures(START + HOUR) == through.figures(START + HOUR)
    assert resumed.snapshots(START) == through.snapshots(START)
    assert resumed.to_state() == through.to_state()


def test_its_state_does_not_grow_with_rows() -> None:
    part, sizes = make_part(), []
    for seed in range(9):
        part.consume(sketch(90, seed=seed))
        sizes.append(len(orjson.dumps(part.to_state())))
    assert max(sizes) < 1.2 * sizes[0] < 5000


@pytest.mark.parametrize("profiles", [{}, {"3": None}, {"3": make_profile(digest="another")}])
def test_rows_whose_profile_is_gone_are_left_out_and_logged_once(
    profiles: dict[str, OpenedProfile | None], caplog: pytest.LogCaptureFixture
) -> None:
    part = make_part(profiles=profiles)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            part.consume(sketch())
    assert part.left_out == 1500
    assert list_windows(part, START) == []
    assert len(caplog.records) == 1


def test_a_version_that_was_published_anew_under_its_number_begins_anew() -> None:
    anew = make_profile(make_rows(3000, seed=5), digest="p2")
    profiles: dict[str, OpenedProfile | None] = {"3": OPENED}
    part = make_part(profiles=profiles)
    part.consume(sketch())
    profiles["3"] = anew
    part.consume(make_sketch(make_rows(600), anew))
    assert list_windows(part, START) == []
    part.consume(make_sketch(make_rows(600), anew))
    assert [rows for _, rows, *_ in list_windows(part, START)] == [1200]
    assert part.left_out == 0


def test_other_records_are_not_its_business() -> None:
    part = make_part()
    part.consume({"kind": "request", "at": "2026-11-24T08:00:00.000Z"})
    assert part.to_state() == {"left_out": 0, "windows": {}, "found": {}}


def test_figures_have_names_that_alert_rules_know() -> None:
    part = make_part()
    part.consume(sketch(1000))
    assert all(isinstance(figure, Figure) for figure in part.figures(START))
