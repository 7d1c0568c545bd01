"""gluonserve: from a CSV to an answered REST call. The application factory is `app.create_app`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.factory import create_app as create_app


def __getattr__(name: str) -> Any:
    # Flask and all routes take a second, which who scores a table or asks for a version is spared.
    if name == "create_app":
        from app.factory import create_app

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
