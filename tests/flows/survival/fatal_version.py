"""The application where version 2 ends every worker that loads it: a module for gunicorn."""

from __future__ import annotations

import os
import signal

from app import create_app
from app.runtime.loading import LoadedRelease
from app.runtime.predictions import Executor
from app.wiring.services import build_services
from config.settings import load_settings

FATAL = "2"


def end_worker_that_loads_it(release: LoadedRelease) -> Executor | None:
    if release.manifest.version == FATAL:
        os.kill(os.getpid(), signal.SIGKILL)
    return None


settings = load_settings()
services = build_services(settings)
# It is called as the last part of loading, by the process that loads.
services.active.slots._cache = end_worker_that_loads_it
app = create_app(settings, services)
