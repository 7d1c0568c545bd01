"""Which object gets which: every long-lived collaborator is made here, once per process, from the settings."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy import Engine

from app.database import DatabaseError, create_tables, open_database
from app.release.store import ReleaseStore
from app.runtime.active import ActiveRelease
from app.security.keys import KeyStore, KeyVerifier
from app.serving.prediction import PredictionService
from config.settings import Settings, require_secret

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Services:
    """What the web role works with. Nothing runs before `start`; `close` ends what `start` began."""

    active: ActiveRelease
    prediction: PredictionService
    keys: KeyVerifier
    database: Engine

    def start(self) -> None:
        self.active.start()

    def ping(self) -> bool:
        """Tell whether a prediction could be made now."""
        return self.active.ping()

    def close(self) -> None:
        self.active.close()
        self.database.dispose()


def open_store(settings: Settings) -> ReleaseStore:
    """The model store of an installation; the one place that decides whose releases are trusted."""
    return ReleaseStore(settings.model_path)


def build_services(settings: Settings) -> Services:
    database = open_database(settings.database_url)
    _create_missing_tables(database)
    active = ActiveRelease(open_store(settings), prefer=settings.execution)
    prediction = PredictionService(
        active,
        max_rows=settings.max_rows,
        unseen_values=settings.unseen_values,
        unknown_fields=settings.unknown_fields,
    )
    keys = KeyVerifier(KeyStore(database, require_secret(settings)))
    return Services(active=active, prediction=prediction, keys=keys, database=database)


def _create_missing_tables(database: Engine) -> None:
    """Without an answer the process goes on: a worker that fails to boot would take the whole server down with it.

    Fallback: every key that no worker has seen yet is KeysUnavailable until the database answers.
    """
    try:
        create_tables(database)
    except DatabaseError as fault:
        logger.error("API keys cannot be checked until the database answers. %s", fault)
