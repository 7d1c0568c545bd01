"""What is written down of predictions, and where."""

from __future__ import annotations

from pathlib import Path

from app.monitoring.prediction_log.files import LogFiles, Retention
from app.monitoring.prediction_log.inputs import InputPolicy, KeptInputs, NoInputs
from app.monitoring.prediction_log.record import LineWriter
from app.monitoring.prediction_log.sketches import Sketches
from app.monitoring.prediction_log.writer import PredictionLog
from app.runtime.switching.slots import ReleaseSlots
from app.security.privacy import InputKeeper
from app.wiring.drift import make_sketcher_maker
from config.settings import Settings, require_secret

_PREDICTIONS = "predictions"
_SECONDS_PER_HOUR = 3600
_SECONDS_PER_DAY = 86_400
_BYTES_PER_MB = 1_000_000


def find_prediction_log(settings: Settings) -> Path:
    """The directory that all processes write their files to, and the watcher reads."""
    return settings.log_path / _PREDICTIONS


def make_prediction_log(settings: Settings, slots: ReleaseSlots) -> PredictionLog:
    retention = Retention(
        file_bytes=settings.log_file_mb * _BYTES_PER_MB,
        file_seconds=settings.log_file_hours * _SECONDS_PER_HOUR,
        keep_seconds=settings.log_keep_days * _SECONDS_PER_DAY,
        keep_bytes=settings.log_keep_mb * _BYTES_PER_MB,
    )
    lines = LineWriter(make_input_policy(settings, slots), with_outputs=settings.logged_outputs == "all")
    sketches = Sketches(make_sketcher_maker(slots.store))
    return PredictionLog(LogFiles(find_prediction_log(settings), retention), lines, sketches)


def make_input_policy(settings: Settings, slots: ReleaseSlots) -> InputPolicy:
    """What GLUONSERVE_LOG_INPUTS allows, for the features of each release that is held when it answers."""
    logged = settings.logged_inputs
    if not logged.fields and logged.others == "drop":
        return NoInputs()
    secret = require_secret(settings)

    def make_keeper(version: str) -> InputKeeper | None:
        release = slots.get(version)
        if release is None:
            return None
        features = [feature.name for feature in release.schema.features]
        return InputKeeper(features, fields=dict(logged.fields), others=logged.others, secret=secret)

    return KeptInputs(make_keeper)
