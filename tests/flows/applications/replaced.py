"""Applications whose active release answers by another executor: for modules that gunicorn loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from flask import Flask

from app import create_app
from app.api.services import current_services
from app.runtime.predictions import Executor
from tests.api.builders import make_loaded_release


def create_app_with(executor: Executor) -> Flask:
    """It serves a small release that nobody has published, with this executor."""
    app = create_app()
    with app.app_context():
        current_services().active.current = make_loaded_release(executor)
    return app


def create_app_answering_by(wrap: Callable[[Executor], Executor]) -> Flask:
    """Args: wrap: From the executor of the release to the one that answers; the cache stands before that one."""
    app = create_app()
    with app.app_context():
        active, cache = current_services().active, current_services().cache
        release = active.require()
        release = dataclasses.replace(release, executor=wrap(release.executor))
        active.current = dataclasses.replace(release, cached=cache.stand_before(release))
    return app
