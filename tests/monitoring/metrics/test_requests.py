from __future__ import annotations

import time

import pytest
from prometheus_client import CollectorRegistry

from app.errors import FieldFault
from app.monitoring.metrics.requests import MOST_VERSIONS, RequestMetrics
from app.monitoring.observation import RequestObserved
from tests.monitoring.builders import make_answer, make_event


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def read_samples(registry: CollectorRegistry) -> dict[str, float]:
    """Every sample above 0 as `name{labels}`, without buckets and moments of creation."""
    return {
        f"{sample.name.removeprefix('gluonserve_')}{list(sample.labels.values())}": sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.value and not sample.name.endswith(("_bucket", "_created"))
    }


def test_everything_of_a_batch_is_counted(registry: CollectorRegistry) -> None:
    warnings = [FieldFault(0, "a", "", "unseen"), FieldFault(0, "b", "", "unseen"), FieldFault(0, "c", "", "new_null")]
    events = [
        *[make_event(make_answer(rows=2), seconds=0.25, waited_seconds=0.25)] * 2,
        make_event(make_answer(version="4", role="candidate", execution="native", warnings=warnings), seconds=1.0),
        make_event(status=422, error="invalid_rows", seconds=0.5),
        make_event(status=429, error="rate_limited", limit="rows", seconds=0.5),
        make_event(route=None, status=404, error="not_found", seconds=0.5),
    ]
    RequestMetrics(registry).consume(events, lost=3)
    assert read_samples(registry) == {
        "requests_total['/predict', '200', '3']": 2,
        "requests_total['/predict', '200', '4']": 1,
        "requests_total['/predict', '422', '']": 1,
        "requests_total['/predict', '429', '']": 1,
        "requests_total['unmatched', '404', '']": 1,
        "request_duration_seconds_count['/predict']": 5,
        "request_duration_seconds_sum['/predict']": 3.0,
        "request_duration_seconds_count['unmatched']": 1,
        "request_duration_seconds_sum['unmatched']": 0.5,
        "prediction_part_duration_seconds_count['queue']": 3,
        "prediction_part_duration_seconds_sum['queue']": 0.5,
        "prediction_part_duration_seconds_count['validate']": 3,
        "prediction_part_duration_seconds_sum['validate']": pytest.approx(0.0003),
        "prediction_part_duration_seconds_count['predict']": 3,
        "prediction_part_duration_seconds_sum['predict']": pytest.approx(0.0012),
        "predicted_rows_total['3', 'active', 'plan']": 4,
        "predicted_rows_total['4', 'candidate', 'native']": 1,
        "warnings_total['unseen']": 2,
        "warnings_total['new_null']": 1,
        "errors_total['invalid_rows']": 1,
        "errors_total['rate_limited']": 1,
        "errors_total['not_found']": 1,
        "limited_requests_total['rows']": 1,
        "observations_lost_total[]": 3,
    }


def test_a_duration_on_a_bound_lies_in_its_bucket(registry: CollectorRegistry) -> None:
    RequestMetrics(registry).consume([make_event(seconds=value) for value in (0.001, 0.0011, 99.0)], lost=0)
    buckets = {
        sample.labels["le"]: sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "gluonserve_request_duration_seconds_bucket"
    }
    assert [buckets[bound] for bound in ("0.0005", "0.001", "0.0025", "30.0", "+Inf")] == [0, 1, 2, 2, 3]


def test_versions_are_named_up_to_a_bound(registry: CollectorRegistry) -> None:
    metrics = RequestMetrics(registry)
    events = [make_event(make_answer(version=str(number))) for number in range(MOST_VERSIONS + 50)]
    metrics.consume(events, lost=0)
    metrics.consume(events, lost=0)
    samples = read_samples(registry)
    assert samples["requests_total['/predict', '200', 'other']"] == 100
    assert sum(name.startswith("requests_total") for name in samples) == MOST_VERSIONS + 1


def test_a_batch_costs_less_than_its_events_one_by_one(registry: CollectorRegistry) -> None:
    metrics, events = RequestMetrics(registry), [make_event(make_answer()) for _ in range(200)]
    together = min(measure_cpu_seconds(metrics, [events]) for _ in range(5))
    alone = min(measure_cpu_seconds(metrics, [[event] for event in events]) for _ in range(5))
    assert together < alone / 3


def measure_cpu_seconds(metrics: RequestMetrics, batches: list[list[RequestObserved]]) -> float:
    begun = time.thread_time()
    for batch in batches:
        metrics.consume(batch, lost=0)
    return time.thread_time() - begun
