from __future__ import annotations

from collections.abc import Sequence

from app.monitoring.metrics.serving import ActiveVersion, ServedModel, ServingCollector, ServingWorker
from tests.monitoring.metrics.samples import read_collector

MODEL = ServedModel("churn", "3", "binary", "log_loss", "plan")
NOW = 1_790_000_000.0


def collect(
    workers: Sequence[ServingWorker], *, model: ServedModel | None = MODEL, active: ActiveVersion | None = None
) -> dict[str, float]:
    return read_collector(
        ServingCollector(
            read_model=lambda: model, read_active=lambda: active, read_workers=lambda: workers, clock=lambda: NOW
        )
    )


def test_the_model_and_its_activation_are_told() -> None:
    told = collect([ServingWorker("3")], active=ActiveVersion("3", NOW - 60))
    assert told["model_info['churn', '3', 'binary', 'log_loss', 'plan']"] == 1
    assert told["model_activated_timestamp_seconds['3']"] == NOW - 60


def test_workers_are_counted_by_what_they_answer_with() -> None:
    told = collect([ServingWorker("3"), ServingWorker("3"), ServingWorker("4"), ServingWorker(None)])
    assert told["workers_ready[]"] == 3
    assert [told[f"workers['{version}']"] for version in ("3", "4", "")] == [2, 1, 1]


def test_golden_rows_are_told_by_the_worst_worker() -> None:
    told = collect(
        [ServingWorker("3", True, NOW - 10), ServingWorker(None, False, NOW - 20), ServingWorker("3", None, None)]
    )
    assert told["golden_failed_workers[]"] == 1
    assert told["golden_age_seconds[]"] == 20


def test_how_often_answers_were_known_is_told_of_all_workers_together() -> None:
    told = collect([ServingWorker("3", looked_for=10, known=9), ServingWorker("3", looked_for=30, known=1)])
    assert told["cache_hit_ratio[]"] == 0.25


def test_where_there_is_nothing_there_are_no_samples_of_it() -> None:
    none = {"workers_ready[]": 0, "stand_in_workers[]": 0, "golden_failed_workers[]": 0}
    assert collect([], model=None) == none
