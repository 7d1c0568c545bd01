"""What takes true outcomes, and what measures quality by them."""

from __future__ import annotations

from sqlalchemy import Engine

from app.monitoring.quality.feedback import FeedbackStore
from app.monitoring.quality.intake import FeedbackIntake
from app.monitoring.quality.measuring.values import OutcomeValues, ValuesUnusable, read_values
from app.monitoring.quality.watching.part import QualityPart, QualityTerms
from app.monitoring.quality.watching.versions import StoredVersions
from app.monitoring.watcher.parts import MakePart
from app.release.store import ReleaseStore
from config.settings import Settings, SettingsError


def make_feedback(settings: Settings, store: ReleaseStore, database: Engine) -> FeedbackIntake:
    return FeedbackIntake(store, FeedbackStore(database), most_outcomes=settings.max_rows)


def make_quality_part(settings: Settings, store: ReleaseStore, database: Engine) -> MakePart:
    """Raises SettingsError when the values of outcomes cannot be used."""
    terms = QualityTerms(
        window=settings.quality_window, days=settings.log_keep_days, values=read_outcome_values(settings)
    )
    feedback, versions = FeedbackStore(database), StoredVersions(store)
    return lambda state: QualityPart(state, feedback=feedback, versions=versions, terms=terms)


def read_outcome_values(settings: Settings) -> OutcomeValues | None:
    """What outcomes are worth, where it is declared.

    Raises:
        SettingsError: when the file cannot be used.
    """
    if settings.outcome_values is None:
        return None
    try:
        return read_values(settings.outcome_values)
    except ValuesUnusable as fault:
        raise SettingsError(str(fault)) from None
