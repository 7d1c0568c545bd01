"""The line of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import orjson

from app.errors import FieldFault
from app.monitoring.observation import RequestObserved
from app.monitoring.prediction_log.inputs import InputPolicy, KeptInputs, NoInputs
from app.monitoring.prediction_log.record import LineWriter, write_loss
from app.monitoring.watcher.tally import Tally
from tests.monitoring.builders import make_answer, make_event


class KeepsAge:
    def keep(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {"age": row["age"]}


def write_record(event: RequestObserved, *, inputs: InputPolicy | None = None, with_outputs: bool = True) -> Any:
    line = LineWriter(inputs or NoInputs(), with_outputs=with_outputs).write(event)
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")
    return orjson.loads(line)


def make_predicted() -> RequestObserved:
    answer = make_answer(
        rows=2,
        cached_rows=1,
        warnings=[FieldFault(0, "plan", "not seen", kind="unseen"), FieldFault(1, "age", "large", kind="out_of_range")],
        prediction_ids=["8dc51be80f955fb428792f95-0", "8dc51be80f955fb428792f95-1"],
        inputs=[{"age": 30, "name": "Canary"}, {"age": 40, "name": "Canary"}],
        labels=["Yes", "No"],
        probabilities=[{"No": 0.25, "Yes": 0.75}, {"No": 1.0, "Yes": 0.0}],
    )
    return make_event(answer, seconds=0.0021234, waited_seconds=0.0005, key="abcdefgh", ended_at=1795407543.1239)


def test_some_rows_of_a_request_are_told_as_a_part_of_it() -> None:
    event = make_predicted()
    assert write_record(replace(event, is_part=True)) == {**write_record(event), "part": True}


def test_a_predicted_request_is_told_whole() -> None:
    assert write_record(make_predicted()) == {
        "kind": "request",
        "at": "2026-11-23T04:19:03.123Z",
        "request_id": "r1",
        "route": "/predict",
        "status": 200,
        "error": None,
        "key": "abcdefgh",
        "name": "churn",
        "version": "3",
        "role": "active",
        "execution": "plan",
        "rows": 2,
        "cached": 1,
        "prediction_id": "8dc51be80f955fb428792f95",
        "ms": {"queue": 0.5, "validate": 0.1, "predict": 0.4, "total": 2.623},
        "warnings": {"unseen": 1, "out_of_range": 1, "unknown_field": 0},
        "labels": ["Yes", "No"],
        "classes": ["No", "Yes"],
        "probabilities": [[0.25, 0.75], [1.0, 0.0]],
    }


def test_a_refused_request_has_the_same_members_without_an_answer() -> None:
    refused = write_record(make_event(status=422, error="invalid_rows"))
    assert refused.keys() == write_record(make_predicted(), with_outputs=False).keys()
    assert (refused["status"], refused["error"], refused["rows"], refused["version"]) == (422, "invalid_rows", 0, None)


def test_outputs_and_inputs_are_there_as_they_are_allowed_to() -> None:
    assert write_record(make_predicted(), with_outputs=False).keys().isdisjoint({"labels", "probabilities", "classes"})
    kept = write_record(make_predicted(), inputs=KeptInputs(lambda _version: KeepsAge()))
    assert kept["inputs"] == [{"age": 30}, {"age": 40}]
    assert "inputs" not in write_record(make_predicted(), inputs=KeptInputs(lambda _version: None))


def test_a_keeper_is_made_once_for_a_version_and_not_kept_for_ever() -> None:
    made: list[str] = []

    def make_keeper(version: str) -> KeepsAge:
        made.append(version)
        return KeepsAge()

    inputs = KeptInputs(make_keeper)
    for version in ("1", "1", *map(str, range(2, 10)), "9", "1"):
        inputs.keep_rows(version, [{"age": 1}])
    assert made == [*map(str, range(1, 10)), "1"]


def test_predictions_of_all_kinds_are_told() -> None:
    numbers = make_answer(labels=[np.float64(12.5)], probabilities=None)
    assert write_record(make_event(numbers))["labels"] == [12.5]
    quantiles = make_answer(labels=[{"0.1": 1.0, "0.9": 3.0}], probabilities=None)
    assert write_record(make_event(quantiles))["labels"] == [{"0.1": 1.0, "0.9": 3.0}]


def test_a_line_that_stands_for_lost_ones() -> None:
    line = write_loss(at=1795407543.0, lines=3, sketches=1)
    assert orjson.loads(line) == {"kind": "lost", "at": "2026-11-23T04:19:03.000Z", "lines": 3, "sketches": 1}


def test_what_is_written_is_what_the_watcher_adds_up() -> None:
    tally = Tally()
    tally.add_request(write_record(make_predicted()))
    tally.add_request(write_record(make_event(status=429, error="rate_limited")))
    document = tally.to_document()
    assert (document["requests"], document["rows"], document["by_status"]) == (2, 2, {"200": 1, "429": 1})
    assert document["warnings"] == {"unseen": 1, "out_of_range": 1}
