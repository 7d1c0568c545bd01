"""A page is written whatever cannot be looked up, and soon."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping

import pytest
from prometheus_client import Metric
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.monitoring.metrics.page import GuardedCollector
from app.monitoring.metrics.process import ProcessMetrics
from tests.monitoring.builders import make_answer, make_event
from tests.monitoring.metrics.samples import read_collector
from tests.server import wait_until


class Changing(Collector):
    """Says how often it was asked, until it is broken or hangs."""

    def __init__(self) -> None:
        self.asked = 0
        self.fault: Exception | None = None
        self.hangs = False
        self.go_on = threading.Event()

    def collect(self) -> Iterator[Metric]:
        self.asked += 1
        if self.hangs:
            self.go_on.wait(60)
        yield GaugeMetricFamily("gluonserve_asked", "How often.", value=self.asked)
        if self.fault is not None:
            raise self.fault


def make_metrics(*collectors: Collector) -> ProcessMetrics:
    return ProcessMetrics((), read_under_way=lambda: 3, collectors=collectors)


def read_lines(metrics: ProcessMetrics, accept: str = "") -> Mapping[str, float]:
    content = metrics.write_page(accept).content.decode()
    lines = [line.rpartition(" ") for line in content.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_a_page_tells_what_is_counted_and_what_is_looked_up_now() -> None:
    changing = Changing()
    metrics = make_metrics(changing)
    metrics.consume([make_event(make_answer())], lost=0)
    lines = read_lines(metrics)
    assert lines['gluonserve_requests_total{route="/predict",status="200",version="3"}'] == 1
    assert lines["gluonserve_predictions_under_way"] == 3
    assert lines["gluonserve_asked"] == 1
    assert lines["gluonserve_collector_failures_total"] == 0
    assert read_lines(metrics)["gluonserve_asked"] == 2


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/openmetrics-text;version=1.0.0,*/*;q=0.1", "application/openmetrics-text"),
        ("text/plain", "text/plain"),
        ("", "text/plain"),
    ],
)
def test_the_form_is_the_one_that_is_asked_for(accept: str, media_type: str) -> None:
    page = make_metrics().write_page(accept)
    assert page.media_type.startswith(media_type)
    assert page.content.endswith(b"# EOF\n") == (media_type == "application/openmetrics-text")


def test_what_fails_says_what_it_said_last_and_is_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    changing, sound = Changing(), Changing()
    metrics = make_metrics(changing)
    assert read_lines(metrics)["gluonserve_asked"] == 1
    changing.fault = RuntimeError("no such process")
    for _ in range(3):
        assert read_lines(metrics)["gluonserve_asked"] == 1
    # A page counts the failures of those before it.
    assert read_lines(metrics)["gluonserve_collector_failures_total"] == 3
    changing.fault = KeyError("another one")
    read_lines(metrics)
    messages = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert messages == ["Changing has nothing new for the metrics for now"] * 2
    assert read_collector(GuardedCollector(sound)) == {"asked[]": 1}


def test_what_never_worked_is_missing_and_the_rest_is_there() -> None:
    broken = Changing()
    broken.fault = RuntimeError("never")
    lines = read_lines(make_metrics(broken))
    assert "gluonserve_asked" not in lines
    assert lines["gluonserve_predictions_under_way"] == 3


def test_what_hangs_holds_nobody_up() -> None:
    changing = Changing()
    metrics = make_metrics(changing)
    read_lines(metrics)
    changing.hangs = True
    for _ in range(2):
        assert read_lines(metrics)["gluonserve_asked"] == 1
    assert changing.asked == 2
    changing.go_on.set()
    changing.hangs = False
    wait_until(lambda: read_lines(metrics)["gluonserve_asked"] > 2, seconds=10)


def test_without_the_guard_a_fault_ends_the_page() -> None:
    changing = Changing()
    changing.fault = RuntimeError("no such process")
    collected: Iterable[Metric] = changing.collect()
    with pytest.raises(RuntimeError):
        tuple(collected)
