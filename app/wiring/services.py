"""What the web role works with."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Engine

from app.monitoring.metrics.process import ProcessMetrics
from app.monitoring.observing import ObservationQueue
from app.monitoring.quality.intake import FeedbackIntake
from app.monitoring.snapshots import SnapshotStore
from app.monitoring.watcher.presence import WatcherPresence
from app.redis_link.link import NoRedis, RedisLink
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.follower import Follower
from app.runtime.switching.golden_checks import GoldenChecks, NoGoldenChecks
from app.security.audit import AuditLog
from app.security.authentication import Authenticator
from app.security.keys.administration import KeyAdministration
from app.security.keys.last_use import LastUses
from app.security.keys.store import KeyStore
from app.security.limits.failed_attempts import AddressLimitedAuthenticator
from app.security.limits.processor_share import ProcessorShare
from app.security.limits.rates import RateLimits
from app.security.tokens.issuer import TokenIssuer
from app.serving.cache.prediction_cache import NoCache, PredictionCache
from app.serving.costs import RequestCosts
from app.serving.jobs.service import JobService
from app.serving.overload.drain import Drain
from app.serving.overload.lethal_bodies import LethalBodies
from app.serving.prediction import PredictionService
from app.serving.rollout.activation import Activator
from app.serving.rollout.candidates import Candidates
from app.serving.rollout.follower import TrialFollower
from app.turns import TURNS, Turns
from app.wiring.access import (
    limit_addresses,
    make_authenticator,
    make_processor_share,
    make_rate_limits,
    make_token_issuer,
    make_windows,
    open_database_with_tables,
    open_redis,
)
from app.wiring.jobs import make_jobs, open_sending_queue
from app.wiring.monitoring import count_fallbacks, make_metrics
from app.wiring.prediction_log import make_prediction_log
from app.wiring.quality import make_feedback
from app.wiring.releases import (
    make_activator,
    make_cache,
    make_candidates,
    make_follower,
    make_golden_checks,
    make_trial_follower,
    open_active_release,
)
from app.wiring.store.opening import open_store
from config.settings import Settings, require_secret


@dataclass(frozen=True, kw_only=True)
class Services:
    """What the web role works with. Nothing runs before `start`; `close` ends what `start` began."""

    active: ActiveRelease
    follower: Follower
    golden: GoldenChecks | NoGoldenChecks
    prediction: PredictionService
    cache: PredictionCache | NoCache
    activator: Activator
    candidates: Candidates
    trial_follower: TrialFollower
    authenticator: Authenticator | AddressLimitedAuthenticator
    rate_limits: RateLimits
    processor_share: ProcessorShare
    costs: RequestCosts
    lethal_bodies: LethalBodies = field(default_factory=LethalBodies)
    drain: Drain = field(default_factory=Drain)
    turns: Turns = TURNS
    redis: RedisLink | NoRedis
    keys: KeyAdministration
    tokens: TokenIssuer
    sessions: TokenIssuer
    last_uses: LastUses
    feedback: FeedbackIntake
    jobs: JobService
    observations: ObservationQueue
    metrics: ProcessMetrics
    watcher_presence: WatcherPresence
    database: Engine

    def start(self) -> None:
        self.follower.start()
        self.golden.start()
        self.trial_follower.start()
        self.cache.start()
        self.last_uses.start()
        self.observations.start()

    def ping(self) -> bool:
        """Tell whether a prediction could be made now."""
        return self.active.ping()

    def require_ready(self) -> None:
        """Raises: Unavailable: when no prediction could be made now, or the server is about to end."""
        self.drain.require_open()
        self.active.require()

    def close(self) -> None:
        self.trial_follower.close()
        self.golden.close()
        self.follower.close()
        self.cache.close()
        self.redis.close()
        self.last_uses.close()
        self.observations.close()
        self.database.dispose()


def build_services(settings: Settings) -> Services:
    database = open_database_with_tables(settings)
    redis, secret = open_redis(settings), require_secret(settings)
    store, cache = open_store(settings), make_cache(settings, redis, secret)
    active = open_active_release(settings, store, cache)
    prediction = PredictionService(active, max_rows=settings.max_rows)
    windows = make_windows(settings, redis)
    candidates = make_candidates(settings, store, database)
    trial_follower = make_trial_follower(settings, active, prediction, candidates)
    last_uses, queue = LastUses(keys := KeyStore(database, secret)), open_sending_queue(settings)
    golden = make_golden_checks(settings, active, trial_follower, cache)
    log = make_prediction_log(settings, active.slots)
    fallbacks = count_fallbacks(redis, windows, last_uses, queue)
    metrics = make_metrics(settings, active, prediction, golden, log, cache, fallbacks, database)
    return Services(
        active=active,
        follower=make_follower(active, golden, cache),
        golden=golden,
        prediction=prediction,
        cache=cache,
        activator=make_activator(settings, store, database),
        candidates=candidates,
        trial_follower=trial_follower,
        authenticator=limit_addresses(settings, windows, make_authenticator(keys, secret, database, last_uses)),
        rate_limits=make_rate_limits(settings, windows),
        processor_share=make_processor_share(settings),
        costs=RequestCosts(),
        redis=redis,
        keys=KeyAdministration(keys, audit=AuditLog(database)),
        tokens=make_token_issuer(secret, database),
        sessions=make_token_issuer(secret, database, use="dashboard"),
        last_uses=last_uses,
        feedback=make_feedback(settings, store, database),
        jobs=make_jobs(settings, active, database, queue),
        # The log first: metrics count what became of its lines.
        observations=ObservationQueue((log, metrics)),
        metrics=metrics,
        watcher_presence=WatcherPresence(SnapshotStore(database)),
        database=database,
    )
