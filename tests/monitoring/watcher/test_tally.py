from __future__ import annotations

import random

import orjson
import pytest

from app.monitoring.watcher.tally import MOST_NAMES, DurationHistogram, Tally
from tests.monitoring.watcher.builders import make_record


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_quantiles_are_at_most_two_percent_from_the_true_ones(share: float) -> None:
    chance = random.Random(5)
    values = sorted(chance.lognormvariate(0, 2) for _ in range(10_001))
    histogram = DurationHistogram()
    for value in values:
        histogram.add(value)
    assert histogram.quantile_ms(share) == pytest.approx(values[int(share * 10_000)], rel=0.021)
    assert len(histogram.counts) < 530


def test_of_nothing_there_is_no_quantile_and_zero_is_a_duration() -> None:
    histogram = DurationHistogram()
    assert histogram.quantile_ms(0.5) is None
    histogram.add(0.0)
    assert histogram.quantile_ms(0.5) == pytest.approx(0.001, rel=0.1)


def test_a_tally_tells_what_requests_were_and_how_long_answers_took() -> None:
    tally = Tally()
    tally.add_request(make_record(rows=2, cached=1, warnings={"unseen": 1, "out_of_range": 0}))
    tally.add_request(make_record(rows=3, version="4", role="candidate", key=None))
    slow = {"queue": 500.0, "validate": 0.2, "predict": 0.4, "total": 500.0}
    tally.add_request(make_record(status=422, ms=slow))
    tally.lost_lines += 7
    document = tally.to_document()
    assert document.pop("parts_ms") == {
        "queue": {"p50": pytest.approx(0.1, rel=0.021), "p99": pytest.approx(0.1, rel=0.021)},
        "validate": {"p50": pytest.approx(0.2, rel=0.021), "p99": pytest.approx(0.2, rel=0.021)},
        "predict": {"p50": pytest.approx(0.4, rel=0.021), "p99": pytest.approx(0.4, rel=0.021)},
    }
    assert document == {
        "requests": 3,
        "rows": 5,
        "cached_rows": 1,
        "lost_lines": 7,
        "by_status": {"200": 2, "422": 1},
        "by_error": {"invalid_rows": 1},
        "by_version": {"3": 1, "4": 1},
        "by_role": {"active": 1, "candidate": 1},
        "by_execution": {"plan": 2},
        "by_key": {"abcdefgh": 2, "none": 1},
        "warnings": {"unseen": 1},
        **dict.fromkeys(("p50_ms", "p95_ms", "p99_ms"), pytest.approx(1.0, rel=0.021)),
    }


def test_parts_of_a_long_table_add_their_rows_and_are_no_requests() -> None:
    tally = Tally()
    for rows in (1000, 24):
        tally.add_request(make_record(rows=rows, part=True, cached=1, warnings={"unseen": 2}))
    tally.add_request(make_record(rows=0))
    told = tally.to_document()
    assert (told["requests"], told["rows"], told["cached_rows"], told["warnings"]) == (1, 1024, 2, {"unseen": 4})
    assert told["p50_ms"] == pytest.approx(1.0, rel=0.02)


def test_tallies_add_up_and_survive_being_written() -> None:
    whole, halves = Tally(), (Tally(), Tally())
    for number in range(100):
        record = make_record(rows=number, status=200 if number % 7 else 503)
        whole.add_request(record)
        halves[number % 2].add_request(record)
    added = Tally(orjson.loads(orjson.dumps(halves[0].to_state())))
    added.add(halves[1])
    assert added.to_state() == whole.to_state()


def test_however_many_callers_there_are_a_tally_stays_small() -> None:
    tally = Tally()
    for number in range(3 * MOST_NAMES):
        tally.add_request(make_record(key=f"key-{number}"))
    assert len(tally.counted["by_key"]) == MOST_NAMES + 1
    assert tally.counted["by_key"]["others"] == 2 * MOST_NAMES
