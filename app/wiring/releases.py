"""Which releases are opened, how their rows are checked, and what switches and tries them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

import config
from app.errors import ReleaseUnusable
from app.redis_link.link import NoRedis, RedisLink
from app.release.keyring import require_signer
from app.release.sharing.depot import NO_DEPOT, Depot
from app.release.signing import SigningKeyUnusable, Trust, read_trusted_keys
from app.release.store import ReleaseStore
from app.runtime.rows import RowRules
from app.runtime.switching.active import NOTHING_ACTIVE, ActiveRelease
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
from app.serving.scoring.order import ReleaseChoice
from config.settings import Settings, SettingsError


def open_store(settings: Settings, *, to_publish: bool = False) -> ReleaseStore:
    """The model store of an installation; the one place that decides whose releases are trusted.

    Args:
        to_publish: Sign what is published; in development, make a key pair in home when there is none yet.

    Raises:
        SettingsError: when keys are no keys, or there is none to sign with.
    """
    trust = read_trust(settings)
    signer = None
    if to_publish:
        is_development = settings.environment == "development"
        try:
            signer = require_signer(settings.signing_key, trust, make_missing=is_development)
        except SigningKeyUnusable as fault:
            raise SettingsError(str(fault)) from None
    depot = open_shared_depot(settings)
    return ReleaseStore(settings.model_path, trust=trust, signer=signer, keep=settings.keep_releases, depot=depot)


def open_shared_depot(settings: Settings) -> Depot:
    """What the installation shares its releases by; nothing when it is one machine.

    Raises:
        SettingsError: when nothing that is installed opens MODEL_STORE.
    """
    if settings.model_store is None:
        return NO_DEPOT
    # Only where it is used: file systems take time and memory.
    from app.release.sharing.file_system import UnknownAddress, open_depot

    try:
        return open_depot(settings.model_store)
    except UnknownAddress as fault:
        raise SettingsError(
            f"MODEL_STORE: {fault}. What opens it comes with: pip install 'gluonserve[s3]', [gcs] or [azure]."
        ) from None


def require_trust(settings: Settings) -> Trust:
    """Whose releases are opened, after a look into the file of keys: at a start, a fault in it is told at once.

    Raises:
        SettingsError: when one of the keys is not a key, or the file is there and cannot be read.
    """
    trust = read_trust(settings)
    try:
        trust.list_keys()
    except SigningKeyUnusable as fault:
        raise SettingsError(str(fault)) from None
    return trust


def read_trust(settings: Settings) -> Trust:
    """Whose releases are opened. A file of keys is read when a release is checked, not now.

    Raises:
        SettingsError: when the setting holds what is not a key.
    """
    if isinstance(settings.trusted_keys, Path):
        return Trust(key_file=settings.trusted_keys, unsigned=settings.unsigned_releases)
    try:
        keys = read_trusted_keys(settings.trusted_keys, place="GLUONSERVE_TRUSTED_KEYS, key")
    except SigningKeyUnusable as fault:
        raise SettingsError(str(fault)) from None
    return Trust(keys=keys, unsigned=settings.unsigned_releases)


def choose_release(settings: Settings, version: str | None = None) -> ReleaseChoice:
    """A version to score tables with, in whatever process; None for the active one.

    Raises:
        ReleaseUnusable: when there is no such version.
    """
    store = open_store(settings)
    pointer = store.active() if version is None else None
    if version is None and pointer is None:
        raise ReleaseUnusable(NOTHING_ACTIVE)
    chosen = pointer.version if pointer else str(version)
    store.fetch(chosen)
    return ReleaseChoice(
        directory=store.directory(chosen),
        trust=store.trust,
        prefer=settings.execution,
        rules=read_row_rules(settings),
    )


def read_rollout_rules(settings: Settings) -> RolloutRules:
    """The rules that withdraw or promote a candidate.

    Raises:
        SettingsError: when their file cannot be used.
    """
    try:
        return read_rules(settings.rollout_rules or Path(config.__file__).with_name("rollout.yaml"))
    except RulesUnusable as fault:
        raise SettingsError(str(fault)) from None


def read_row_rules(settings: Settings) -> RowRules:
    return RowRules(
        on_unseen_value=settings.unseen_values,
        on_unknown_field=settings.unknown_fields,
        longest_text=settings.max_text,
        most_fields=settings.max_fields,
        most_faults=settings.max_faults,
    )


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
    return ActiveRelease(ReleaseSlots(store, prefer=settings.execution, rules=rules, cache=cache.stand_before))


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
