"""gluonserve that keeps 1 KB of each request: growth that whoever measures memory has to find."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from app import create_app

_KEPT_BYTES = 1024

app = create_app()
_answer: Callable[..., Iterable[bytes]] = app.wsgi_app
_kept: list[bytes] = []


def _keep_and_answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    _kept.append(os.urandom(_KEPT_BYTES))
    return _answer(environ, start_response)


app.wsgi_app = _keep_and_answer  # type: ignore[method-assign]
