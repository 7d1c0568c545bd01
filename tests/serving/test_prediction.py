from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from app.errors import DeadlineExceeded, FieldFault, InvalidRows, ModelNotReady, TooLarge
from app.release.schema import Feature, FeatureSchema
from app.release.store import ReleaseStore
from app.runtime.deadline import Deadline
from app.runtime.loading import LoadedRelease
from app.runtime.predictions import Predictions
from app.runtime.rows import TypedRow
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.slots import ReleaseSlots
from app.serving.prediction import PredictionService
from tests.manifests import make_manifest

CITY = Feature(name="city", type="category", dtype="object", nullable=False, categories=("Oslo", "Rome"))
VISITS = Feature(name="visits", type="int", dtype="int64", nullable=False, minimum=0, maximum=9)


class EchoExecutor:
    """Answers each row with itself, so that mixed-up answers show."""

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        return Predictions([list(row) for row in rows], None)


def make_release(*features: Feature, version: str = "1") -> LoadedRelease:
    return LoadedRelease(make_manifest(version=version), FeatureSchema(features), EchoExecutor(), "plan")


@pytest.fixture
def active(tmp_path: Any) -> ActiveRelease:
    active = ActiveRelease(ReleaseSlots(ReleaseStore(tmp_path)))
    active.current = make_release(CITY, VISITS)
    return active


@pytest.fixture
def service(active: ActiveRelease) -> PredictionService:
    return PredictionService(active, max_rows=3)


def test_rows_are_answered_in_their_order_whatever_the_order_of_their_fields(service: PredictionService) -> None:
    prediction = service.predict([{"city": "Oslo", "visits": 1}, {"visits": "2", "city": " Rome "}])
    assert prediction.labels == [["Oslo", 1], ["Rome", 2]]
    assert prediction.probabilities is None
    assert prediction.manifest.version == "1"


def test_every_row_of_every_request_has_its_own_id(service: PredictionService) -> None:
    rows = [{"city": "Oslo", "visits": 1}] * 3
    identifiers = [*service.predict(rows).prediction_ids, *service.predict(rows).prediction_ids]
    assert len(set(identifiers)) == 6


def test_faults_of_all_rows_are_raised_and_nothing_is_predicted(service: PredictionService) -> None:
    with pytest.raises(InvalidRows) as refused:
        service.predict([{"city": "Oslo", "visits": 1}, {"city": None, "visits": "x"}])
    assert [(fault.row, fault.field) for fault in refused.value.faults] == [(1, "city"), (1, "visits")]


def test_no_rows_are_refused(service: PredictionService) -> None:
    with pytest.raises(InvalidRows) as refused:
        service.predict([])
    assert list(refused.value.faults) == [FieldFault(None, "data", "Expected at least one row.")]


def test_more_rows_than_the_setting_allows_are_refused(service: PredictionService) -> None:
    with pytest.raises(TooLarge, match="may hold 3 rows, this one holds 4"):
        service.predict([{}] * 4)


def test_without_a_model_it_is_not_ready(active: ActiveRelease, service: PredictionService) -> None:
    active.current = None
    with pytest.raises(ModelNotReady):
        service.predict([{}])


def test_after_a_switch_rows_are_checked_and_answered_by_the_new_version(
    active: ActiveRelease, service: PredictionService
) -> None:
    service.predict([{"city": "Oslo", "visits": 1}])
    active.current = make_release(VISITS, version="2")
    prediction = service.predict([{"visits": 3}])
    assert (prediction.manifest.version, prediction.labels) == ("2", [[3]])


def test_warnings_beyond_a_thousand_are_not_listed(active: ActiveRelease) -> None:
    service = PredictionService(active, max_rows=5000)
    warnings = service.predict([{"city": "Paris", "visits": 1}] * 1500).warnings
    assert len(warnings) == 1001
    assert warnings[-1] == FieldFault(None, None, "There are more warnings than these 1000.")


def test_what_is_due_already_is_not_predicted_and_no_longer_under_way(service: PredictionService) -> None:
    with pytest.raises(DeadlineExceeded):
        service.predict([{"city": "Oslo", "visits": 1}], deadline=Deadline.after(-1))
    assert service.under_way.started == {}
