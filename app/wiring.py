"""Which object gets which: every long-lived collaborator is made here, once per process, from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from app.database import create_tables, open_database
from app.release.store import ReleaseStore
from app.runtime.active import ActiveRelease
from app.security.keys import KeyStore, KeyVerifier
from app.serving.prediction import PredictionService
from config.settings import Settings, require_secret


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


def build_services(settings: Settings) -> Services:
    database = open_database(settings.database_url)
    create_tables(database)
    active = ActiveRelease(ReleaseStore(settings.model_path))
    prediction = PredictionService(
        active,
        max_rows=settings.max_rows,
        unseen_values=settings.unseen_values,
        unknown_fields=settings.unknown_fields,
    )
    keys = KeyVerifier(KeyStore(database, require_secret(settings)))
    return Services(active=active, prediction=prediction, keys=keys, database=database)
