from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.errors import DeadlineExceeded, FieldFault, InvalidRows, TooLarge, Unavailable
from app.release.store import ReleaseStore
from app.runtime.deadline import Deadline
from app.runtime.loading import LoadedRelease
from app.runtime.rows import RowRules
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.slots import ReleaseSlots
from app.serving.answering import Prediction, answer_rows
from app.serving.prediction import PredictionService
from tests.serving.test_prediction import CITY as CITY_WITHOUT_SAMPLE
from tests.serving.test_prediction import VISITS as VISITS_WITHOUT_SAMPLE
from tests.serving.test_prediction import make_release

CITY = replace(CITY_WITHOUT_SAMPLE, sample="Oslo")
VISITS = replace(VISITS_WITHOUT_SAMPLE, sample=1)
MANY = 2_000
MOST = 3_000


def make_service(tmp_path: Any, release: LoadedRelease) -> PredictionService:
    active = ActiveRelease(ReleaseSlots(ReleaseStore(tmp_path)))
    active.current = release
    return PredictionService(active, max_rows=MOST)


@pytest.fixture
def service(tmp_path: Any) -> PredictionService:
    return make_service(tmp_path, make_release(CITY, VISITS))


def make_rows(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [{"city": "Oslo", "visits": position % 10, **changes} for position in range(count)]


class Source:
    """Rows that remember in what chunks they were read."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows
        self.readings: list[int] = []

    def read(self, chunk_rows: int) -> Iterator[Sequence[Any]]:
        self.readings.append(chunk_rows)
        for start in range(0, len(self._rows), chunk_rows):
            yield self._rows[start : start + chunk_rows]


def ignore(rows: int) -> None: ...


def predict(service: PredictionService, rows: Sequence[Any], **options: Any) -> list[Prediction]:
    options.setdefault("admit", ignore)
    return [prediction for _, prediction in service.predict_chunks(Source(rows).read, **options)]


@pytest.mark.parametrize("count", [1, 255, 256, 257, MANY])
def test_chunks_are_answered_as_the_whole_would_be(service: PredictionService, count: int) -> None:
    rows = make_rows(count)
    predictions = predict(service, rows)
    assert [label for prediction in predictions for label in prediction.labels] == service.predict(rows).labels
    assert len({id for prediction in predictions for id in prediction.prediction_ids}) == count


def test_a_few_rows_are_read_once(service: PredictionService) -> None:
    source = Source(make_rows(255))
    assert len(list(service.predict_chunks(source.read, admit=ignore))) == 1
    assert source.readings == [256]


def test_faults_of_all_chunks_are_listed_and_nothing_is_predicted(service: PredictionService) -> None:
    rows = make_rows(MANY)
    rows[3]["visits"] = rows[1_999]["visits"] = "many"
    with pytest.raises(InvalidRows) as refused:
        predict(service, rows)
    assert [(fault.row, fault.field) for fault in refused.value.faults] == [(3, "visits"), (1_999, "visits")]


def test_no_more_faults_are_listed_than_may_be(tmp_path: Any) -> None:
    release = make_release(CITY, VISITS)
    few = LoadedRelease(release.manifest, release.schema, release.executor, "plan", RowRules(most_faults=5))
    with pytest.raises(InvalidRows) as refused:
        predict(make_service(tmp_path, few), make_rows(MANY, visits="many"))
    assert [fault.row for fault in refused.value.faults] == [0, 1, 2, 3, 4]
    assert not refused.value.is_complete


def test_warnings_count_on_and_unknown_fields_are_told_once(service: PredictionService) -> None:
    rows = make_rows(MANY, colour="red")
    rows[1_500]["city"] = "Bonn"
    warnings = [warning for prediction in predict(service, rows) for warning in prediction.warnings]
    assert warnings == list(service.predict(rows).warnings)
    assert [(warning.row, warning.field) for warning in warnings] == [(0, "colour"), (1_500, "city")]


@pytest.mark.parametrize("count", [2, MANY])
def test_rows_are_admitted_before_any_is_predicted(service: PredictionService, count: int) -> None:
    asked: list[int] = []

    def refuse(rows: int) -> None:
        asked.append(rows)
        raise TooLarge("not today")

    with pytest.raises(TooLarge, match="not today"):
        predict(service, make_rows(count), admit=refuse)
    assert asked == [count]


def test_more_rows_than_allowed_are_refused(service: PredictionService) -> None:
    with pytest.raises(TooLarge, match="may hold 3000 rows"):
        predict(service, make_rows(MOST + 1))


def test_no_rows_are_refused(service: PredictionService) -> None:
    with pytest.raises(InvalidRows) as refused:
        predict(service, [])
    assert refused.value.faults == (FieldFault(None, "data", "Expected at least one row."),)


def test_a_deadline_ends_it_between_chunks(service: PredictionService) -> None:
    with pytest.raises(DeadlineExceeded):
        predict(service, make_rows(MANY), deadline=Deadline.after(-1))


class ChangingTrial:
    """Answers with one version, then with another."""

    routed_by: str | None = None

    def __init__(self, *releases: LoadedRelease) -> None:
        self._releases = iter(releases)

    def answer(self, active: LoadedRelease, rows: Sequence[Any], route_value: str | None) -> Prediction:  # noqa: ARG002
        return answer_rows(next(self._releases, active), rows)


def test_one_release_answers_all_chunks_or_none_does(tmp_path: Any) -> None:
    service = make_service(tmp_path, make_release(CITY, VISITS, version="1"))
    service.trial = ChangingTrial(make_release(CITY, VISITS, version="2"))
    with pytest.raises(Unavailable, match="nothing is answered"):
        # The release answers in no time, so that a chunk is as small as it may be.
        predict(service, make_rows(MOST))


@pytest.mark.parametrize("end", [list, lambda chunks: next(chunks) and chunks.close()])
def test_the_release_is_let_go_at_the_end(service: PredictionService, end: Callable[[Any], Any]) -> None:
    end(service.predict_chunks(Source(make_rows(MANY)).read, admit=ignore))
    assert not service.under_way.started
