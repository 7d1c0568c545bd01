"""Which object gets which: every long-lived collaborator is made here, once per process, from the settings."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

import config
from app.database import DatabaseError, create_tables, open_database, opened_database
from app.monitoring.metrics.process import ProcessMetrics
from app.monitoring.metrics.sampling import Counts, Sampled
from app.monitoring.observing import ObservationQueue
from app.redis_link.link import NoRedis, RedisLink, RedisUnusable
from app.release.keyring import require_signer
from app.release.signing import SigningKeyUnusable, Trust, read_trusted_keys
from app.release.store import ReleaseStore
from app.runtime.batching import BatchingExecutor
from app.runtime.rows import RowRules
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.follower import Follower
from app.runtime.switching.slots import ReleaseSlots
from app.security.audit import AuditLog
from app.security.authentication import Authenticator
from app.security.keys.administration import KeyAdministration
from app.security.keys.last_use import LastUses, UseRecorder
from app.security.keys.store import KeyStore
from app.security.keys.verifier import KeyVerifier
from app.security.limits.failed_attempts import AddressLimitedAuthenticator
from app.security.limits.processor_share import FairProcessorShare, ProcessorShare, WholeProcessor
from app.security.limits.rates import KeyRateLimits, RateLimits
from app.security.limits.shared_windows import DividedWindows, RedisWindows, SharedWindows
from app.security.limits.windows import MemoryWindows, Windows
from app.security.lookups import Lookups
from app.security.tokens.issuer import TokenIssuer
from app.security.tokens.signing import TokenSigner
from app.security.tokens.store import TokenStore
from app.security.tokens.verifier import TokenVerifier
from app.serving.costs import RequestCosts
from app.serving.prediction import PredictionService
from app.serving.rollout.activation import Activator
from app.serving.rollout.candidates import Candidates
from app.serving.rollout.follower import TrialFollower
from app.serving.rollout.judging import Judge, NoJudge, RuleJudge
from app.serving.rollout.rules import RolloutRules, RulesUnusable, read_rules
from config.settings import Settings, SettingsError, require_secret

logger = logging.getLogger(__name__)

# Attributes of a BatchingExecutor, as metrics.
BATCHER_COUNTS = {
    "batcher_passes": "Passes of AutoGluon, each over the rows of one or more requests.",
    "batcher_joined_passes": "Passes that held rows of more than one request.",
    "batcher_rows": "Rows in all passes.",
    "batcher_joined_rows": "Rows in passes that held rows of more than one request.",
    "batcher_failed_passes": "Joined passes that failed and were repeated request by request.",
    "batcher_waits": "Passes that waited for stragglers.",
}


@dataclass(frozen=True, kw_only=True)
class Services:
    """What the web role works with. Nothing runs before `start`; `close` ends what `start` began."""

    active: ActiveRelease
    follower: Follower
    prediction: PredictionService
    activator: Activator
    candidates: Candidates
    trial_follower: TrialFollower
    authenticator: Authenticator | AddressLimitedAuthenticator
    rate_limits: RateLimits
    processor_share: ProcessorShare
    costs: RequestCosts
    redis: RedisLink | NoRedis
    keys: KeyAdministration
    tokens: TokenIssuer
    last_uses: LastUses
    observations: ObservationQueue
    metrics: ProcessMetrics
    database: Engine

    def start(self) -> None:
        self.follower.start()
        self.trial_follower.start()
        self.last_uses.start()
        self.observations.start()

    def ping(self) -> bool:
        """Tell whether a prediction could be made now."""
        return self.active.ping()

    def close(self) -> None:
        self.trial_follower.close()
        self.follower.close()
        self.redis.close()
        self.last_uses.close()
        self.observations.close()
        self.database.dispose()


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
    return ReleaseStore(settings.model_path, trust=trust, signer=signer, keep=settings.keep_releases)


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


def read_rollout_rules(settings: Settings) -> RolloutRules:
    """The rules that withdraw or promote a candidate.

    Raises:
        SettingsError: when their file cannot be used.
    """
    try:
        return read_rules(settings.rollout_rules or Path(config.__file__).with_name("rollout.yaml"))
    except RulesUnusable as fault:
        raise SettingsError(str(fault)) from None


def open_redis(settings: Settings) -> RedisLink | NoRedis:
    """The connection that caches and limits share; nothing is connected yet.

    Raises:
        SettingsError: when the setting is no address of Redis.
    """
    if settings.redis_url is None:
        return NoRedis()
    try:
        return RedisLink(settings.redis_url)
    except RedisUnusable as fault:
        raise SettingsError(str(fault)) from None


def build_services(settings: Settings) -> Services:
    database = open_database(settings.database_url)
    _create_missing_tables(database)
    store, rules = open_store(settings), _read_rules(settings)
    active = ActiveRelease(ReleaseSlots(store, prefer=settings.execution, rules=rules))
    prediction = PredictionService(active, max_rows=settings.max_rows)
    activator = _make_activator(settings, store, database)
    redis = open_redis(settings)
    windows = _make_windows(settings, redis)
    candidates = _make_candidates(settings, store, database)
    trial_follower = _make_trial_follower(settings, active, prediction, candidates)
    secret = require_secret(settings)
    keys = KeyStore(database, secret)
    last_uses = LastUses(keys)
    metrics = _make_metrics(active, prediction)
    return Services(
        active=active,
        follower=Follower(active),
        prediction=prediction,
        activator=activator,
        candidates=candidates,
        trial_follower=trial_follower,
        authenticator=_limit_addresses(settings, windows, _make_authenticator(keys, secret, database, last_uses)),
        rate_limits=_make_rate_limits(settings, windows),
        processor_share=_make_processor_share(settings),
        costs=RequestCosts(),
        redis=redis,
        keys=KeyAdministration(keys, audit=AuditLog(database)),
        tokens=_make_token_issuer(secret, database),
        last_uses=last_uses,
        observations=ObservationQueue((metrics,)),
        metrics=metrics,
        database=database,
    )


@contextmanager
def opened_activator(settings: Settings) -> Iterator[Activator]:
    """What changes the active version from the command line, with the audit table open as long as the block lasts."""
    with opened_database(settings.database_url) as database:
        _create_missing_tables(database)
        yield _make_activator(settings, open_store(settings), database)


@contextmanager
def opened_keys(settings: Settings) -> Iterator[KeyAdministration]:
    """What makes and ends keys from the command line, with the database open as long as the block lasts.

    Raises:
        DatabaseError: when the database does not answer.
    """
    secret = require_secret(settings)
    with opened_database(settings.database_url) as database:
        create_tables(database)
        yield KeyAdministration(KeyStore(database, secret), audit=AuditLog(database))


@contextmanager
def opened_tokens(settings: Settings) -> Iterator[TokenIssuer]:
    """What ends tokens and changes their signing key from the command line, with the database open that long.

    Raises:
        DatabaseError: when the database does not answer.
    """
    secret = require_secret(settings)
    with opened_database(settings.database_url) as database:
        create_tables(database)
        yield _make_token_issuer(secret, database)


@contextmanager
def opened_audit(settings: Settings) -> Iterator[AuditLog]:
    """The audit table, open as long as the block lasts.

    Raises:
        DatabaseError: when the database does not answer.
    """
    with opened_database(settings.database_url) as database:
        create_tables(database)
        yield AuditLog(database)


@contextmanager
def opened_candidates(settings: Settings) -> Iterator[Candidates]:
    """What tries a candidate from the command line, with the audit table open as long as the block lasts."""
    with opened_database(settings.database_url) as database:
        _create_missing_tables(database)
        yield _make_candidates(settings, open_store(settings), database)


def _make_authenticator(keys: KeyStore, secret: str, database: Engine, uses: UseRecorder) -> Authenticator:
    # One for both kinds of credential: an outage is noticed once, and counted once.
    lookups = Lookups()
    tokens = TokenVerifier(TokenSigner(secret), TokenStore(database), keys, lookups=lookups)
    return Authenticator(KeyVerifier(keys, lookups=lookups), tokens, uses=uses)


def _make_token_issuer(secret: str, database: Engine) -> TokenIssuer:
    return TokenIssuer(TokenSigner(secret), TokenStore(database), audit=AuditLog(database))


def _make_rate_limits(settings: Settings, windows: Windows) -> RateLimits:
    return KeyRateLimits(
        windows,
        requests_per_minute=settings.key_requests_per_minute,
        rows_per_minute=settings.key_rows_per_minute,
    )


def _make_activator(settings: Settings, store: ReleaseStore, database: Engine) -> Activator:
    return Activator(store, audit=AuditLog(database), prefer=settings.execution, rules=_read_rules(settings))


def _make_candidates(settings: Settings, store: ReleaseStore, database: Engine) -> Candidates:
    return Candidates(
        store,
        activator=_make_activator(settings, store, database),
        audit=AuditLog(database),
        rules=read_rollout_rules(settings),
        prefer=settings.execution,
        row_rules=_read_rules(settings),
    )


def _make_metrics(active: ActiveRelease, prediction: PredictionService) -> ProcessMetrics:
    batcher = Sampled(BATCHER_COUNTS, lambda: _count_batches(active))
    return ProcessMetrics((batcher,), read_under_way=lambda: len(prediction.under_way.started))


def _count_batches(active: ActiveRelease) -> Counts | None:
    executor = active.current and active.current.executor
    if not isinstance(executor, BatchingExecutor):
        return None
    return Counts(executor, {name: getattr(executor, name.removeprefix("batcher_")) for name in BATCHER_COUNTS})


def _make_trial_follower(
    settings: Settings, active: ActiveRelease, prediction: PredictionService, candidates: Candidates
) -> TrialFollower:
    return TrialFollower(
        active.slots,
        prediction,
        candidates,
        judge=_make_judge(settings, candidates),
        prefer=settings.execution,
        row_rules=_read_rules(settings),
    )


def _make_windows(settings: Settings, redis: RedisLink | NoRedis) -> Windows:
    local = MemoryWindows()
    if isinstance(redis, NoRedis):
        return DividedWindows(local, workers=settings.workers)
    return SharedWindows(RedisWindows(redis), local, workers=settings.workers)


def _make_processor_share(settings: Settings) -> ProcessorShare:
    return WholeProcessor() if settings.key_cpu_share == 1 else FairProcessorShare(share=settings.key_cpu_share)


def _limit_addresses(
    settings: Settings, windows: Windows, authenticator: Authenticator
) -> Authenticator | AddressLimitedAuthenticator:
    failures = settings.failed_attempts_per_minute
    if failures is None:
        return authenticator
    return AddressLimitedAuthenticator(authenticator, windows, failures_per_minute=failures)


def _make_judge(settings: Settings, candidates: Candidates) -> Judge:
    return RuleJudge(candidates, settings.model_path) if read_rollout_rules(settings).act else NoJudge()


def _read_rules(settings: Settings) -> RowRules:
    return RowRules(
        on_unseen_value=settings.unseen_values,
        on_unknown_field=settings.unknown_fields,
        longest_text=settings.max_text,
        most_fields=settings.max_fields,
        most_faults=settings.max_faults,
    )


def _create_missing_tables(database: Engine) -> None:
    """Without an answer the process goes on: a worker that fails to boot would take the whole server down with it.

    Fallback: until the database answers, every key that no worker has seen yet is KeysUnavailable, and acts are logged
    in place of the audit table.
    """
    try:
        create_tables(database)
    except DatabaseError as fault:
        logger.error("API keys cannot be checked until the database answers. %s", fault)
