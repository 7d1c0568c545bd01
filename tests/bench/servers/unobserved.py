"""gluonserve whose requests are told to nobody: without metrics of them and without a prediction log."""

from __future__ import annotations

from dataclasses import replace

from app import create_app
from app.monitoring.observing import ObservationQueue
from app.wiring.services import build_services
from config.settings import load_settings


class _Unobserved(ObservationQueue):
    """Takes no event, and starts no thread."""

    def __init__(self) -> None:
        super().__init__(())

    def observe(self, event: object) -> None: ...

    def start(self) -> None: ...


_settings = load_settings()
app = create_app(_settings, replace(build_services(_settings), observations=_Unobserved()))
