"""gunicorn's logger, which here makes no line of a request when nobody is to read it."""

from __future__ import annotations

import logging

from gunicorn.glogging import Logger


class AccessLogger(Logger):  # type: ignore[misc]
    """gunicorn's own makes the line, from every header of request and answer, before it asks whether it is wanted."""

    @property
    def access_log_enabled(self) -> bool:
        """gunicorn asks at the end of each request."""
        return bool(self.access_log.isEnabledFor(logging.INFO))
