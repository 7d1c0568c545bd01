"""What judges figures, whom it tells, and what it may do without anybody asking."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

import config
from app.monitoring.alerts.delivery.attempt import Courier
from app.monitoring.alerts.delivery.destinations import Destination, DestinationsUnusable, list_destinations
from app.monitoring.alerts.judge import AlertJudge
from app.monitoring.alerts.messages import Writer
from app.monitoring.alerts.rules import AlertRules, AlertRulesUnusable, read_alert_rules
from app.monitoring.watcher.parts import MakeJudge
from config.settings import Settings, SettingsError

_DESTINATIONS = "GLUONSERVE_ALERT_DESTINATIONS"


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


def make_alert_judge(settings: Settings) -> MakeJudge:
    """What makes the judge of its state.

    Raises:
        SettingsError: when rules or destinations cannot be used.
    """
    rules, destinations = require_alert_rules(settings), require_destinations(settings)
    start = make_courier(settings).start
    return lambda state: AlertJudge(rules, make_writer(), destinations=destinations, start=start, state=state)
