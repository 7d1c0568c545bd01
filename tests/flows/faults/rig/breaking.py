"""The application with a model that can be made slow and to hang, and one that depends on all around it: factories."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import psycopg
from flask import Flask, request
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app import create_app
from app.api.services import current_services
from app.runtime.predictions import Executor, Predictions
from app.runtime.rows import TypedRow
from config.settings import load_settings
from tests.flows.applications.replaced import create_app_answering_by

BREAKABLE_APPLICATION = "tests.flows.faults.rig.breaking:make_breakable()"
CARELESS_APPLICATION = "tests.flows.faults.rig.breaking:make_careless()"
CARELESS_HEADER = "X-Careless"

# By the number of rows of a request. Of what is slow, requests that are under way can be caught. To wait takes no time
# of the processor from others, so that the number of these does not depend on the machine.
ONE, SLOW, SLOWER = 1, 2, 3
SECONDS = {SLOW: 0.02, SLOWER: 0.1}
SLEEPS, KEEPS_INTERPRETER, KILLS, KILLS_UNNOTICED = 11, 12, 13, 14
_FOR_EVER = 100_000


class Breakable:
    """Predicts as the release does, but for some numbers of rows."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        if len(rows) == SLEEPS:
            threading.Event().wait(_FOR_EVER)
        if len(rows) == KEEPS_INTERPRETER:
            # PyDLL calls without letting other threads run.
            ctypes.PyDLL(None).sleep(_FOR_EVER)
        if len(rows) == KILLS_UNNOTICED:
            current_services().lethal_bodies.end()
        if len(rows) in (KILLS, KILLS_UNNOTICED):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(SECONDS.get(len(rows), 0.0))
        return self._executor.predict(rows)


def make_breakable() -> Flask:
    return create_app_answering_by(Breakable)


def make_careless() -> Flask:
    """A server that does with some requests what a first version of one would do: each of these may break."""
    app = create_app()
    settings = load_settings()
    log = settings.log_path / "predictions" / f"careless-{os.getpid()}.txt"
    database = settings.database_url.replace("+psycopg", "")
    redis = Redis.from_url(str(settings.redis_url), socket_timeout=0.2, retry=Retry(NoBackoff(), 0))
    watchers: list[int] = []

    def ask_redis() -> None:
        redis.ping()

    def ask_database() -> None:
        psycopg.connect(database, connect_timeout=1).close()

    def ask_watcher() -> None:
        if not watchers or not psutil.pid_exists(watchers[0]):
            watchers[:] = find_watchers(settings.home)
        if not watchers:
            raise RuntimeError("nobody watches")

    def write_line() -> None:
        with log.open("a") as file:
            file.write("a prediction\n" * 100)

    steps = {"redis": ask_redis, "database": ask_database, "watcher": ask_watcher, "disk": write_line}

    def depend() -> None:
        if CARELESS_HEADER in request.headers:
            steps[request.headers[CARELESS_HEADER]]()

    app.before_request(depend)
    return app


def find_watchers(home: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["name", "environ"])
        if process.info["name"] == "monitor" and (process.info["environ"] or {}).get("GLUONSERVE_HOME") == str(home)
    ]
