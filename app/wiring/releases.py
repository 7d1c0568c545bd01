"""What holds, switches and tries the releases of a server."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

import config
from app.redis_link.link import NoRedis, RedisLink
from app.release.store import ReleaseStore
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.follower import Follower
from app.runtime.switching.golden_checks import GoldenChecks, NoGoldenChecks
from app.runtime.switching.slots import ReleaseSlots
from app.security.audit import AuditLog
from app.serving.cache.counts import CacheCounts
from app.serving.cache.prediction_cache import NoCache, PredictionCache
from app.serving.cache.shared.redis_rows import NoSharedRows, RedisRows, SharedRows
from app.serving.cache.shared.seal import Seal
from app.serving.prediction import PredictionService
from app.serving.rollout.activation import Activator
from app.serving.rollout.candidates import Candidates
from app.serving.rollout.follower import TrialFollower
from app.serving.rollout.following import DepotFollower
from app.serving.rollout.judging import Judge, NoJudge, RuleJudge
from app.serving.rollout.rules import RolloutRules, RulesUnusable, read_rules
from app.wiring.store.choosing import read_row_rules
from app.wiring.store.opening import open_shared_depot, open_store
from config.settings import Settings, SettingsError
from config.survival.inherited import find_inherited_loads


def read_rollout_rules(settings: Settings) -> RolloutRules:
    """The rules that withdraw or promote a candidate.

    Raises:
        SettingsError: when their file cannot be used.
    """
    try:
        return read_rules(settings.rollout_rules or Path(config.__file__).with_name("rollout.yaml"))
    except RulesUnusable as fault:
        raise SettingsError(str(fault)) from None


BYTES_PER_MB = 1_000_000


def make_cache(settings: Settings, redis: RedisLink | NoRedis, secret: str) -> PredictionCache | NoCache:
    if settings.cache == "off":
        return NoCache()
    counts = CacheCounts()
    shared: SharedRows = NoSharedRows()
    if isinstance(redis, RedisLink):
        shared = RedisRows(redis, Seal(secret), ttl_seconds=settings.cache_ttl_seconds, counts=counts)
    memory_bytes = settings.cache_memory_mb * BYTES_PER_MB
    return PredictionCache(settings.model_path, memory_bytes=memory_bytes, counts=counts, shared=shared)


def open_active_release(settings: Settings, store: ReleaseStore, cache: PredictionCache | NoCache) -> ActiveRelease:
    """Nothing is loaded yet."""
    rules = read_row_rules(settings)
    survivor = find_inherited_loads()
    return ActiveRelease(
        ReleaseSlots(store, prefer=settings.execution, rules=rules, cache=cache.stand_before, survivor=survivor)
    )


def make_follower(
    active: ActiveRelease, golden: GoldenChecks | NoGoldenChecks, cache: PredictionCache | NoCache
) -> Follower:
    slots = active.slots
    return Follower(
        active,
        golden=golden,
        duties=(slots.rejected.follow, lambda: cache.follow(slots.list_held())),
        describe_cache=cache.describe,
    )


def make_golden_checks(
    settings: Settings, active: ActiveRelease, trial_follower: TrialFollower, cache: PredictionCache | NoCache
) -> GoldenChecks | NoGoldenChecks:
    if not settings.golden_interval_seconds:
        return NoGoldenChecks()
    return GoldenChecks(
        active,
        interval_seconds=settings.golden_interval_seconds,
        withdraw=trial_follower.withdraw,
        distrust=cache.distrust,
    )


def make_activator(settings: Settings, store: ReleaseStore, database: Engine) -> Activator:
    return Activator(
        store,
        audit=AuditLog(database),
        prefer=settings.execution,
        rules=read_row_rules(settings),
        share=store.share,
    )


def make_depot_follower(settings: Settings, database: Engine) -> DepotFollower:
    """What makes this machine serve what another one made active.

    Raises:
        SettingsError: when MODEL_STORE is not set.
    """
    if settings.model_store is None:
        raise SettingsError("MODEL_STORE is not set: there is nothing to follow. Set it to what the machines share.")
    store = open_store(settings)
    activator = Activator(store, audit=AuditLog(database), prefer=settings.execution, rules=read_row_rules(settings))
    return DepotFollower(open_shared_depot(settings), store, activator)


def make_candidates(settings: Settings, store: ReleaseStore, database: Engine) -> Candidates:
    return Candidates(
        store,
        activator=make_activator(settings, store, database),
        audit=AuditLog(database),
        rules=read_rollout_rules(settings),
        prefer=settings.execution,
        row_rules=read_row_rules(settings),
    )


def make_trial_follower(
    settings: Settings, active: ActiveRelease, prediction: PredictionService, candidates: Candidates
) -> TrialFollower:
    return TrialFollower(
        active.slots,
        prediction,
        candidates,
        judge=_make_judge(settings, candidates),
        prefer=settings.execution,
        row_rules=read_row_rules(settings),
    )


def _make_judge(settings: Settings, candidates: Candidates) -> Judge:
    return RuleJudge(candidates, settings.model_path) if read_rollout_rules(settings).act else NoJudge()
