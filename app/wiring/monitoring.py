"""What is measured of this process."""

from __future__ import annotations

import socket
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from app.errors import ReleaseUnusable
from app.monitoring.metrics.installation import InstallationCollector, read_installation
from app.monitoring.metrics.machine import MachineCollector
from app.monitoring.metrics.process import ProcessMetrics
from app.monitoring.metrics.sampling import Counts, Sampled
from app.monitoring.metrics.serving import ActiveVersion, ServedModel, ServingCollector, ServingWorker
from app.monitoring.prediction_log.writer import PredictionLog
from app.monitoring.snapshots import SnapshotStore
from app.redis_link.link import NoRedis, RedisLink
from app.release.pointer import read_pointer
from app.runtime.batching import BatchingExecutor
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.golden_checks import GoldenChecks, NoGoldenChecks
from app.runtime.switching.workers import WorkerState, list_live_workers
from app.security.keys.last_use import LastUses
from app.security.limits.shared_windows import SharedWindows
from app.security.limits.windows import Windows
from app.serving.cache.counts import CacheCounts, add_up_use
from app.serving.cache.prediction_cache import NoCache, PredictionCache
from app.serving.jobs.queue import JobQueue
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
GOLDEN_COUNTS = {
    "golden_checks": "Golden rows that workers have predicted while they served.",
    "golden_failures": "Golden rows that came out wrong, or not at all.",
}
# Attributes of a PredictionLog, as metrics.
LOG_COUNTS = {
    "prediction_log_lines": "Lines of requests that were written to the prediction log.",
    "prediction_log_lost_lines": "Lines of requests that were not: the disk was full, or too many came at once.",
}

# Attributes of CacheCounts, as metrics.
CACHE_COUNTS = {
    "cache_hits": "Rows whose answers the worker remembered.",
    "cache_shared_hits": "Rows whose answers were found in Redis.",
    "cache_joined": "Rows that were computed once together with the same row of the same moment.",
    "cache_misses": "Rows that were looked for in vain, and computed.",
    "cache_bypassed": "Rows that were computed because the caller sent Cache-Control: no-cache.",
    "cache_unasked": "Rows that were computed without a look, because it would not have paid.",
    "cache_damaged": "Answers in Redis that this installation has not written.",
    "cache_unwritten": "Answers that Redis did not take.",
}

FALLBACK_COUNTS = {
    "job_messages_lost": "Times that no worker could be told of a job; it is begun within a minute all the same.",
    "redis_outages": "Times that Redis stopped to answer.",
    "redis_failed_calls": "Calls of Redis that it did not answer, or that were not made because it had not lately.",
    "limits_decided_alone": "Requests whose limits a worker decided by itself, because Redis did not answer.",
    "key_uses_lost": "Last uses of API keys that the database did not take in time.",
}


def make_metrics(
    settings: Settings,
    active: ActiveRelease,
    prediction: PredictionService,
    golden: GoldenChecks | NoGoldenChecks,
    log: PredictionLog,
    cache: PredictionCache | NoCache,
    fallbacks: Sampled,
    database: Engine,
) -> ProcessMetrics:
    sampled = (
        Sampled(BATCHER_COUNTS, lambda: _count_batches(active)),
        Sampled(GOLDEN_COUNTS, lambda: _count_golden_rows(golden)),
        Sampled(LOG_COUNTS, lambda: _count_lines(log)),
        Sampled(CACHE_COUNTS, lambda: _count_cached_rows(cache)),
        fallbacks,
    )
    collectors = (
        ServingCollector(
            read_model=lambda: _describe_model(active),
            read_active=lambda: _read_active(settings.model_path),
            read_workers=lambda: _list_workers(settings.model_path),
        ),
        InstallationCollector(lambda: read_installation(database, SnapshotStore(database))),
        MachineCollector({"home": settings.home, "models": settings.model_path, "logs": settings.log_path}),
    )
    return ProcessMetrics(sampled, read_under_way=lambda: len(prediction.under_way.started), collectors=collectors)


def count_fallbacks(redis: RedisLink | NoRedis, windows: Windows, last_uses: LastUses, queue: JobQueue) -> Sampled:
    """How often what others depend on was not there, and they went on without it."""

    def count() -> Counts:
        counts = {
            "job_messages_lost": queue.lost,
            "redis_outages": redis.outages,
            "redis_failed_calls": redis.failed_calls,
            "limits_decided_alone": windows.local_decisions if isinstance(windows, SharedWindows) else 0,
            "key_uses_lost": last_uses.lost,
        }
        return Counts(redis, counts)

    return Sampled(FALLBACK_COUNTS, count)


def _describe_model(active: ActiveRelease) -> ServedModel | None:
    release = active.current
    if release is None:
        return None
    told = release.manifest
    return ServedModel(told.name, told.version, told.problem_type, told.eval_metric, release.execution)


def _read_active(store: Path) -> ActiveVersion | None:
    """Fallback: of a pointer that cannot be read nothing is told; the workers log it, and the rest is still shown."""
    try:
        pointer = read_pointer(store)
    except ReleaseUnusable:
        return None
    activated = pointer.history[-1]["activated"] if pointer and pointer.history else None
    if pointer is None or activated is None:
        return None
    return ActiveVersion(pointer.version, datetime.fromisoformat(activated.replace("Z", "+00:00")).timestamp())


def _list_workers(store: Path) -> list[ServingWorker]:
    here = socket.gethostname()
    living = [worker for worker in list_live_workers(store).values() if worker.host == here]
    return [_describe_worker(worker) for worker in living]


def _describe_worker(worker: WorkerState) -> ServingWorker:
    use = add_up_use([worker.cache or {}])
    return ServingWorker(
        worker.active,
        worker.golden_ok,
        worker.golden_at,
        stands_in=worker.stands_in,
        looked_for=use.looked_for,
        known=use.known,
    )


def _count_batches(active: ActiveRelease) -> Counts | None:
    executor = active.current and active.current.executor
    if not isinstance(executor, BatchingExecutor):
        return None
    return Counts(executor, {name: getattr(executor, name.removeprefix("batcher_")) for name in BATCHER_COUNTS})


def _count_golden_rows(golden: GoldenChecks | NoGoldenChecks) -> Counts:
    return Counts(golden, {"golden_checks": golden.checks, "golden_failures": golden.failures})


def _count_cached_rows(cache: PredictionCache | NoCache) -> Counts:
    rows = {f"cache_{name}": getattr(cache.counts, name) for name in CacheCounts.NAMES}
    return Counts(cache, {**rows, "cache_unwritten": cache.shared.lost})


def _count_lines(log: PredictionLog) -> Counts:
    return Counts(log, {name: getattr(log, name.removeprefix("prediction_log_")) for name in LOG_COUNTS})
