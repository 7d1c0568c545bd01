"""What is measured of this process."""

from __future__ import annotations

import socket
from pathlib import Path

from sqlalchemy import Engine

from app.monitoring.metrics.installation import InstallationCollector, read_installation
from app.monitoring.metrics.machine import MachineCollector
from app.monitoring.metrics.process import ProcessMetrics
from app.monitoring.metrics.reading import RareReading
from app.monitoring.metrics.sampling import Counts, Sampled
from app.monitoring.metrics.serving import ServedModel, ServingCollector
from app.monitoring.quality.feedback import FeedbackStore
from app.monitoring.quality.intake import FeedbackIntake
from app.monitoring.snapshots import SnapshotStore
from app.release.store import ReleaseStore
from app.runtime.batching import BatchingExecutor
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.workers import list_live_workers
from app.serving.prediction import PredictionService
from config.settings import Settings

# Attributes of a BatchingExecutor, as metrics.
BATCHER_COUNTS = {
    "batcher_passes": "Passes of AutoGluon, each over the rows of one or more requests.",
    "batcher_joined_passes": "Passes that held rows of more than one request.",
    "batcher_rows": "Rows in all passes.",
    "batcher_joined_rows": "Rows in passes that held rows of more than one request.",
    "batcher_failed_passes": "Joined passes that failed and were repeated request by request.",
    "batcher_waits": "Passes that waited for stragglers.",
}


def make_metrics(
    settings: Settings, active: ActiveRelease, prediction: PredictionService, database: Engine
) -> ProcessMetrics:
    batcher = Sampled(BATCHER_COUNTS, lambda: _count_batches(active))
    directories = {"home": settings.home, "models": settings.model_path}
    collectors = (
        ServingCollector(lambda: _describe_model(active), lambda: _list_versions_of_workers(settings.model_path)),
        InstallationCollector(RareReading(lambda: read_installation(database, SnapshotStore(database)))),
        MachineCollector(directories),
    )
    return ProcessMetrics((batcher,), read_under_way=lambda: len(prediction.under_way.started), collectors=collectors)


def make_feedback(settings: Settings, store: ReleaseStore, database: Engine) -> FeedbackIntake:
    return FeedbackIntake(store, FeedbackStore(database), most_outcomes=settings.max_rows)


def _describe_model(active: ActiveRelease) -> ServedModel | None:
    release = active.current
    if release is None:
        return None
    told = release.manifest
    return ServedModel(told.name, told.version, told.problem_type, told.eval_metric, release.execution)


def _list_versions_of_workers(store: Path) -> list[str | None]:
    here = socket.gethostname()
    return [worker.active for worker in list_live_workers(store).values() if worker.host == here]


def _count_batches(active: ActiveRelease) -> Counts | None:
    executor = active.current and active.current.executor
    if not isinstance(executor, BatchingExecutor):
        return None
    return Counts(executor, {name: getattr(executor, name.removeprefix("batcher_")) for name in BATCHER_COUNTS})
