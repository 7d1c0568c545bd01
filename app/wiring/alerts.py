"""What judges figures, whom it tells, and what it may do without anybody asking."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from sqlalchemy import Engine

import config
from app.database import create_tables, opened_database
from app.monitoring.alerts.delivery.attempt import Courier
from app.monitoring.alerts.delivery.destinations import Destination, DestinationsUnusable, list_destinations
from app.monitoring.alerts.history import AlertHistory
from app.monitoring.alerts.judge import AlertJudge
from app.monitoring.alerts.messages import Writer
from app.monitoring.alerts.reactions import Occasion, React
from app.monitoring.alerts.rules import AlertRules, AlertRulesUnusable, ReactionKind, read_alert_rules
from app.monitoring.snapshots import SnapshotStore
from app.monitoring.watcher.parts import MakeJudge
from app.security.audit import AuditLog
from app.serving.rollout.reactions import AutomaticRollback, reject_feature, withdraw_candidate
from app.serving.rollout.rejections import FeatureRejections
from app.wiring.releases import make_activator, make_candidates
from app.wiring.store.opening import open_store
from config.settings import Settings, SettingsError

_DESTINATIONS = "GLUONSERVE_ALERT_DESTINATIONS"


class _Described(TypedDict):
    rule: str
    version: str | None
    reason: str


def require_alert_rules(settings: Settings) -> AlertRules:
    """The rules of alerts.

    Raises:
        SettingsError: when their file cannot be used.
    """
    try:
        return read_alert_rules(settings.alert_rules or Path(config.__file__).with_name("alerts.yaml"))
    except AlertRulesUnusable as fault:
        raise SettingsError(str(fault)) from None


def require_destinations(settings: Settings) -> Sequence[Destination]:
    """Where messages go. A process of its own looks at the addresses; nothing is connected.

    Raises:
        SettingsError: when one cannot be used.
    """
    if settings.alert_destinations is None:
        return []
    try:
        return make_courier(settings).describe(list_destinations(settings.alert_destinations))
    except DestinationsUnusable as fault:
        raise SettingsError(f"{_DESTINATIONS}: {fault}.") from None
    except OSError as fault:
        raise SettingsError(f"{_DESTINATIONS} could not be looked at ({fault.strerror}).") from None


def make_courier(settings: Settings) -> Courier:
    return Courier(settings.alert_networks or ())


def make_writer() -> Writer:
    return Writer(socket.gethostname())


def make_alert_judge(settings: Settings, database: Engine) -> MakeJudge:
    """What makes the judge of its state.

    Raises:
        SettingsError: when rules or destinations cannot be used.
    """
    rules, destinations = require_alert_rules(settings), require_destinations(settings)
    start, means = make_courier(settings).start, make_reactions(settings, database)
    return lambda state: AlertJudge(
        rules, make_writer(), destinations=destinations, start=start, means=means, state=state
    )


def make_reactions(settings: Settings, database: Engine) -> Mapping[ReactionKind, React]:
    """What rules may have done: monitoring says when, and knows nothing of how."""
    store, audit = open_store(settings), AuditLog(database)
    rollback = AutomaticRollback(store, make_activator(settings, store, database), audit=audit)
    candidates, rejections = make_candidates(settings, store, database), FeatureRejections(store, audit=audit)
    return {
        "roll_back": lambda occasion: rollback.roll_back(**_describe(occasion)),
        "withdraw_candidate": lambda occasion: withdraw_candidate(candidates, **_describe(occasion)),
        "reject_feature": lambda occasion: reject_feature(
            rejections, feature=occasion.labels.get("feature"), **_describe(occasion)
        ),
    }


@contextmanager
def opened_alert_history(settings: Settings) -> Iterator[AlertHistory]:
    """What became of alerts, with the database open as long as the block lasts.

    Raises:
        DatabaseError: when the database does not answer.
    """
    with opened_database(settings.database_url) as database:
        create_tables(database)
        yield AlertHistory(SnapshotStore(database))


def _describe(occasion: Occasion) -> _Described:
    return {"rule": occasion.rule, "version": occasion.labels.get("version"), "reason": occasion.reason}
