"""gluonserve that logs as one is tempted to: each request writes its own line, and waits until it is on the disk."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from app import create_app
from app.monitoring.observation import RequestObserved
from app.monitoring.observing import ObservationQueue
from app.monitoring.prediction_log.inputs import NoInputs
from app.monitoring.prediction_log.record import LineWriter
from app.wiring.services import build_services
from config.settings import load_settings


class _Wasteful(ObservationQueue):
    def __init__(self, path: Path) -> None:
        super().__init__(())
        self._file = path.open("ab")
        self._lines = LineWriter(NoInputs(), with_outputs=True)

    def observe(self, event: RequestObserved) -> None:
        self._file.write(self._lines.write(event))
        self._file.flush()
        os.fdatasync(self._file.fileno())


_settings = load_settings()
_observations = _Wasteful(_settings.home / f"wasteful-{os.getpid()}.jsonl")
app = create_app(_settings, replace(build_services(_settings), observations=_observations))
