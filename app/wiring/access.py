"""Who is let in, and how much callers may take."""

from __future__ import annotations

import logging

from sqlalchemy import Engine

from app.database import create_tables, open_database
from app.errors import DatabaseError
from app.redis_link.link import CALL_TIMEOUT_SECONDS, NoRedis, RedisLink, RedisUnusable
from app.security.audit import AuditLog
from app.security.authentication import Authenticator
from app.security.keys.last_use import UseRecorder
from app.security.keys.store import KeyStore
from app.security.keys.verifier import KeyVerifier
from app.security.limits.failed_attempts import AddressLimitedAuthenticator
from app.security.limits.processor_share import FairProcessorShare, ProcessorShare, WholeProcessor
from app.security.limits.rates import KeyRateLimits, RateLimits
from app.security.limits.shared_windows import DividedWindows, RedisWindows, SharedWindows
from app.security.limits.windows import MemoryWindows, Windows
from app.security.lookups import Lookups
from app.security.tokens.issuer import TokenIssuer
from app.security.tokens.signing import TokenSigner, TokenUse
from app.security.tokens.store import TokenStore
from app.security.tokens.verifier import TokenVerifier
from config.settings import Settings, SettingsError

logger = logging.getLogger(__name__)


def open_redis(settings: Settings, *, timeout_seconds: float = CALL_TIMEOUT_SECONDS) -> RedisLink | NoRedis:
    """The connection that caches and limits share; nothing is connected yet.

    Raises:
        SettingsError: when the setting is no address of Redis.
    """
    if settings.redis_url is None:
        return NoRedis()
    try:
        return RedisLink(settings.redis_url, timeout_seconds=timeout_seconds)
    except RedisUnusable as fault:
        raise SettingsError(str(fault)) from None


def make_authenticator(keys: KeyStore, secret: str, database: Engine, uses: UseRecorder) -> Authenticator:
    # One for all kinds of credential: an outage is noticed once, and counted once.
    lookups = Lookups()
    store = TokenStore(database)
    tokens = TokenVerifier(TokenSigner(secret), store, keys, lookups=lookups)
    sessions = TokenVerifier(TokenSigner(secret, use="dashboard"), store, keys, lookups=lookups)
    return Authenticator(KeyVerifier(keys, lookups=lookups), tokens, sessions=sessions, uses=uses)


def make_token_issuer(secret: str, database: Engine, *, use: TokenUse = "api") -> TokenIssuer:
    return TokenIssuer(TokenSigner(secret, use=use), TokenStore(database), audit=AuditLog(database))


def make_rate_limits(settings: Settings, windows: Windows) -> RateLimits:
    return KeyRateLimits(
        windows,
        requests_per_minute=settings.key_requests_per_minute,
        rows_per_minute=settings.key_rows_per_minute,
    )


def make_windows(settings: Settings, redis: RedisLink | NoRedis) -> Windows:
    local = MemoryWindows()
    if isinstance(redis, NoRedis):
        return DividedWindows(local, workers=settings.workers)
    return SharedWindows(RedisWindows(redis), local, workers=settings.workers)


def make_processor_share(settings: Settings) -> ProcessorShare:
    return WholeProcessor() if settings.key_cpu_share == 1 else FairProcessorShare(share=settings.key_cpu_share)


def limit_addresses(
    settings: Settings, windows: Windows, authenticator: Authenticator
) -> Authenticator | AddressLimitedAuthenticator:
    failures = settings.failed_attempts_per_minute
    if failures is None:
        return authenticator
    return AddressLimitedAuthenticator(authenticator, windows, failures_per_minute=failures)


def open_database_with_tables(settings: Settings) -> Engine:
    """Raises DatabaseError when the address of the database cannot be used."""
    database = open_database(settings.database_url)
    create_missing_tables(database)
    return database


def create_missing_tables(database: Engine) -> None:
    """Without an answer the process goes on: a worker that fails to boot would take the whole server down with it.

    Fallback: until the database answers, every key that no worker has seen yet is KeysUnavailable, and acts are logged
    in place of the audit table.
    """
    try:
        create_tables(database)
    except DatabaseError as fault:
        logger.error("API keys cannot be checked until the database answers. %s", fault)
