"""What one request costs a worker: its CPU from the first byte of the body to the last of the answer, no model."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask

from app import create_app
from app.errors import Conflict
from app.release.schema import FeatureSchema
from app.runtime.loading import LoadedRelease
from app.runtime.predictions import Predictions
from app.runtime.rows import TypedRow
from app.security.keys.store import KeyStore
from app.wiring.services import build_services
from config.settings import load_settings, require_secret
from tests.manifests import make_manifest

# What stands for an answer: no other part of the service refuses a prediction with it.
ACCEPTED = Conflict.status


class NoModel:
    """Ends a request where its rows have been checked."""

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:  # noqa: ARG002
        raise Conflict("The rows are checked.")


@dataclass(frozen=True)
class Cost:
    milliseconds: float
    status: int
    answer_bytes: int


class Judge:
    """An application without a network and without a model, and a caller who may predict."""

    def __init__(self, app: Flask, key: str) -> None:
        self._app = app
        self._key = key

    def measure(self, body: bytes, *, times: int = 3) -> Cost:
        """The least of several requests: what else the machine does only ever adds."""
        return min((self._send(body) for _ in range(times)), key=lambda cost: cost.milliseconds)

    def _send(self, body: bytes) -> Cost:
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/predict",
            "SERVER_NAME": "here",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_X_API_KEY": self._key,
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
        }
        statuses: list[str] = []

        def start_response(status: str, _: Any, *__: Any) -> Any:
            statuses.append(status)

        began = time.thread_time()
        answer = b"".join(self._app(environ, start_response))
        seconds = time.thread_time() - began
        return Cost(1000 * seconds, int(statuses[0][:3]), len(answer))


@contextmanager
def judging(home: Path, schema: FeatureSchema) -> Iterator[Judge]:
    settings = load_settings({"GLUONSERVE_HOME": str(home), "LOG_LEVEL": "ERROR"})
    services = build_services(settings)
    services.active.current = LoadedRelease(make_manifest(), schema, NoModel(), "plan")
    key = KeyStore(services.database, require_secret(settings)).create("bench", ("predict",))
    try:
        yield Judge(create_app(settings, services), key.text)
    finally:
        services.close()
