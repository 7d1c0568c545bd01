"""What the command line works with, open as long as a block lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.database import create_tables, opened_database
from app.security.audit import AuditLog
from app.security.keys.administration import KeyAdministration
from app.security.keys.store import KeyStore
from app.security.tokens.issuer import TokenIssuer
from app.serving.cache.administration import CacheAdministration
from app.serving.rollout.activation import Activator
from app.serving.rollout.candidates import Candidates
from app.serving.rollout.following import DepotFollower
from app.serving.rollout.rejections import FeatureRejections
from app.wiring.access import create_missing_tables, make_token_issuer, open_redis
from app.wiring.releases import make_activator, make_candidates, make_depot_follower
from app.wiring.store.opening import open_store
from config.settings import Settings, require_secret

_PATIENCE_SECONDS = 5.0


@contextmanager
def opened_activator(settings: Settings) -> Iterator[Activator]:
    """What changes the active version from the command line, with the audit table open as long as the block lasts."""
    with opened_database(settings.database_url) as database:
        create_missing_tables(database)
        yield make_activator(settings, open_store(settings), database)


@contextmanager
def opened_depot_follower(settings: Settings) -> Iterator[DepotFollower]:
    """What follows other machines, with the audit table open as long as the block lasts."""
    with opened_database(settings.database_url) as database:
        create_missing_tables(database)
        yield make_depot_follower(settings, database)


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
        yield make_token_issuer(secret, database)


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
def opened_rejections(settings: Settings) -> Iterator[FeatureRejections]:
    """What says which features take no unseen values, with the audit table open as long as the block lasts."""
    with opened_database(settings.database_url) as database:
        create_missing_tables(database)
        yield FeatureRejections(open_store(settings), audit=AuditLog(database))


@contextmanager
def opened_candidates(settings: Settings) -> Iterator[Candidates]:
    """What tries a candidate from the command line, with the audit table open as long as the block lasts."""
    with opened_database(settings.database_url) as database:
        create_missing_tables(database)
        yield make_candidates(settings, open_store(settings), database)


@contextmanager
def opened_cache(settings: Settings) -> Iterator[CacheAdministration]:
    """What tells of remembered answers and has them forgotten, connected to Redis as long as the block lasts."""
    # Nobody waits for a prediction here, and a large Redis takes its time to be looked through.
    redis = open_redis(settings, timeout_seconds=_PATIENCE_SECONDS)
    settings.model_path.mkdir(parents=True, exist_ok=True)
    try:
        yield CacheAdministration(settings.model_path, redis)
    finally:
        redis.close()
