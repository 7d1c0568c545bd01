"""What the database knows, as metrics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.database import create_tables, open_database
from app.monitoring.metrics.findings import MOST_FEATURES
from app.monitoring.metrics.installation import (
    MOST_VERSIONS,
    InstallationCollector,
    InstallationState,
    JobsState,
    read_installation,
)
from app.monitoring.metrics.page import GuardedCollector
from app.monitoring.snapshots import Snapshot, SnapshotStore
from app.security.audit import AuditLog
from tests.monitoring.metrics.findings import (
    NOW,
    make_drift,
    make_estimate,
    make_feature,
    make_heartbeat,
    make_quality,
    make_snapshot,
)
from tests.monitoring.metrics.samples import read_collector
from tests.serving.jobs.builders import KEY, ROWS, install


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path}/state.db")
    create_tables(engine)
    yield engine
    engine.dispose()


def collect(database: Engine, *added: Snapshot) -> dict[str, float]:
    store = SnapshotStore(database)
    store.add(*added)
    told = read_collector(InstallationCollector(lambda: read_installation(database, store)))
    return {name: value for name, value in told.items() if not name.startswith("job")}


def test_before_anything_happened_there_are_no_samples_but_for_jobs(database: Engine) -> None:
    assert collect(database) == {}
    assert collect_jobs(database) == {
        "jobs['queued']": 0,
        "jobs['running']": 0,
        "job_longest_wait_seconds[]": 0,
        **{f"jobs_ended_total['{outcome}']": 0 for outcome in ("done", "failed", "cancelled")},
        "job_rows_total[]": 0,
    }


def collect_jobs(database: Engine) -> dict[str, float]:
    store = SnapshotStore(database)
    told = read_collector(InstallationCollector(lambda: read_installation(database, store)))
    return {name: value for name, value in told.items() if name.startswith("job")}


def test_jobs_are_told_by_what_they_wait_for_and_counted_for_good_at_their_end(tmp_path: Path) -> None:
    here = install(tmp_path)
    database = open_database(f"sqlite:///{tmp_path}/jobs.db")
    done, runs, waits, is_cancelled = (here.submit().job.id for _ in range(4))
    while here.make_worker().advance(done):
        pass
    here.make_worker().advance(runs)
    here.service.end(is_cancelled, key_id=KEY)
    here.service.end(done, key_id=KEY)
    told = collect_jobs(database)
    # Jobs of the builders are handed in now, whatever their clock says.
    assert 0 <= told.pop("job_longest_wait_seconds[]") < 60
    assert told == {
        "jobs['queued']": 1,
        "jobs['running']": 1,
        "jobs_ended_total['done']": 1,
        "jobs_ended_total['failed']": 0,
        "jobs_ended_total['cancelled']": 1,
        "job_rows_total[]": ROWS,
    }
    here.service.end(waits, key_id=KEY)
    assert collect_jobs(database)["job_longest_wait_seconds[]"] == 0
    database.dispose()


def test_drift_is_told_by_feature_and_version(database: Engine) -> None:
    snapshot = make_snapshot("drift", make_drift(make_feature("tenure"), make_feature("age", psi=None, level=0)))
    told = collect(database, snapshot)
    assert told == {
        "drift_psi['tenure', '3']": 0.31,
        "drift_level['tenure', '3']": 2,
        "drift_effect['tenure', '3']": 0.25,
        "drift_null_share['tenure', '3']": 0.5,
        "drift_out_of_range_share['tenure', '3']": 0.125,
        "drift_level['age', '3']": 0,
        "drift_effect['age', '3']": 0.25,
        "drift_null_share['age', '3']": 0.5,
        "drift_out_of_range_share['age', '3']": 0.125,
        "prediction_drift_psi['3']": 0.07,
        "prediction_drift_level['3']": 0,
        "drift_rows['3']": 1000,
        "drift_window_end_timestamp_seconds['3']": pytest.approx(snapshot.window_end.timestamp()),
    }


def test_quality_is_told_with_what_it_was_and_what_it_earns(database: Engine) -> None:
    told = collect(database, make_snapshot("quality", make_quality()), make_snapshot("estimate", make_estimate()))
    assert told == {
        "quality['accuracy', '3']": 0.75,
        "quality_low['accuracy', '3']": 0.5,
        "quality_high['accuracy', '3']": 0.875,
        "quality_published['accuracy', '3']": 0.8125,
        "quality_drop['accuracy', '3']": 0.0625,
        "quality_outcomes['3']": 400,
        "quality_money['EUR', '3']": -120.5,
        "quality_estimated['accuracy', '3']": 0.78,
    }


def test_without_values_of_outcomes_no_money_is_told(database: Engine) -> None:
    assert not any(
        "money" in name for name in collect(database, make_snapshot("quality", make_quality() | {"money": None}))
    )


def test_the_last_window_of_each_version_counts(database: Engine) -> None:
    old, new = ({**make_drift(), "rows": rows} for rows in (10, 20))
    told = collect(
        database,
        make_snapshot("drift", old, ago=300),
        make_snapshot("drift", new, ago=100),
        make_snapshot("drift", old, version="2", ago=200),
    )
    assert (told["drift_rows['3']"], told["drift_rows['2']"]) == (20, 10)


def test_the_watcher_is_told_by_its_age_and_how_far_it_is_behind(database: Engine) -> None:
    told = collect(database, make_snapshot("watcher", make_heartbeat(), version=None, ago=40))
    assert 40 <= told.pop("monitor_heartbeat_age_seconds[]") < 100
    assert told == {
        "monitor_lag_bytes[]": 4096,
        "monitor_lag_seconds[]": 1.5,
        "monitor_cycle_seconds[]": 0.25,
        "monitor_failures['drift']": 2,
    }


def test_switches_are_counted_once_each_by_how_they_ended(database: Engine) -> None:
    audit = AuditLog(database)
    for outcome in ("started", "done", "started", "failed"):
        audit.record(actor="cli:ann", action="activate", target="model", outcome=outcome)
    audit.record(actor="cli:ann", action="rollback", target="model", outcome="done")
    audit.record(actor="worker:web:7", action="withdraw", target="candidate", outcome="done")
    audit.record(actor="cli:ann", action="create", target="key:abcdefgh", outcome="done")
    assert collect(database) == {
        "activations_total['model', 'activate', 'done']": 1,
        "activations_total['model', 'activate', 'failed']": 1,
        "activations_total['model', 'rollback', 'done']": 1,
        "activations_total['candidate', 'withdraw', 'done']": 1,
    }


def test_features_and_versions_are_labels_up_to_a_bound(database: Engine) -> None:
    features = [make_feature(f"f{number}") for number in range(MOST_FEATURES + 50)]
    versions = [str(number) for number in range(MOST_VERSIONS + 3)]
    told = collect(database, *(make_snapshot("drift", make_drift(*features), version=version) for version in versions))
    assert sum(name.startswith("drift_rows") for name in told) == MOST_VERSIONS
    assert sum(name.startswith("drift_psi") for name in told) == MOST_VERSIONS * MOST_FEATURES


def test_the_database_is_read_every_five_seconds_at_most(database: Engine) -> None:
    now, read = NOW, 0
    state = InstallationState((), (), (), None, {}, JobsState())

    def count() -> InstallationState:
        nonlocal read
        read += 1
        return state

    collector = InstallationCollector(count, clock=lambda: now)
    counts = []
    for seconds in (0, 4, 1, 4, 1):
        now += timedelta(seconds=seconds)
        tuple(collector.collect())
        counts.append(read)
    assert counts == [1, 1, 2, 2, 3]
    now -= timedelta(hours=1)
    tuple(collector.collect())
    assert read == 4


def test_a_database_that_is_gone_takes_its_metrics_along_and_no_others(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/state.db")
    collector = GuardedCollector(InstallationCollector(lambda: read_installation(database, SnapshotStore(database))))
    assert tuple(collector.collect()) == ()
    assert collector.failures == 1
