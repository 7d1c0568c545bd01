"""gluonserve with one of its guards taken away, for gunicorn: hostile requests must find that out."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask

from app import create_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication


def make_without_error_handlers() -> Flask:
    """Flask and Werkzeug answer errors as they do by themselves."""
    app = create_app()
    app.error_handler_spec.clear()
    return app


def make_telling() -> Flask:
    """Every refusal tells where it comes from."""
    app = create_app()

    def tell(error: Exception) -> tuple[str, int]:
        return "".join(traceback.format_exception(error)), getattr(error, "status", getattr(error, "code", 500))

    app.error_handler_spec.clear()
    app.register_error_handler(Exception, tell)
    return app


def make_mortal() -> Flask:
    """The first body of more than some kilobytes ends the process that is asked to read it."""
    app = create_app()
    app.wsgi_app = _Mortal(app.wsgi_app)  # type: ignore[method-assign]
    return app


_DEADLY_DIGITS = 5


class _Mortal:
    def __init__(self, wsgi_app: WSGIApplication) -> None:
        self._wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if len(environ.get("CONTENT_LENGTH", "")) >= _DEADLY_DIGITS and self._is_first():
            os._exit(1)
        return self._wsgi_app(environ, start_response)

    @staticmethod
    def _is_first() -> bool:
        try:
            Path(os.environ["GLUONSERVE_HOME"], "died").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True
