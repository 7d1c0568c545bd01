"""How every process logs: one line on stderr per event, in UTC, whatever the message or its exception holds."""

from __future__ import annotations

import logging
import logging.config
from datetime import datetime, timezone
from typing import Any

# What would end a line or steer a terminal: C0 and C1 controls, DEL and the two separators of Unicode.
_CONTROL_CODES = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
_ESCAPES = {code: chr(code).encode("unicode_escape").decode("ascii") for code in _CONTROL_CODES}


class OneLineFormatter(logging.Formatter):
    """Formats `2026-11-23T04:19:03.123Z INFO app.runtime.active [4711] message`; newlines and controls are escaped."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} [{process}] {message}", style="{")

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).rstrip().translate(_ESCAPES)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def describe_logging(level: str) -> dict[str, Any]:
    """The dictConfig of a process that logs from `level` upwards."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"one_line": {"()": OneLineFormatter}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "one_line", "stream": "ext://sys.stderr"}
        },
        "root": {"level": level, "handlers": ["stderr"]},
        # AutoGluon narrates each step and warns in tables; what callers and operators need is raised or reported.
        "loggers": {"autogluon": {"level": "ERROR"}},
    }


def describe_gunicorn_logging(level: str, *, access_log: bool) -> dict[str, Any]:
    """The same for gunicorn, with one line per HTTP request if asked for."""
    described = describe_logging(level)
    # gunicorn gives its loggers handlers of their own; naming them here takes those away.
    described["loggers"]["gunicorn.error"] = {"level": level, "handlers": [], "propagate": True}
    access_level = "INFO" if access_log else "WARNING"
    described["loggers"]["gunicorn.access"] = {"level": access_level, "handlers": ["stderr"], "propagate": False}
    return described


def configure_logging(level: str) -> None:
    """Make this process log as described; warnings of libraries become log lines too."""
    logging.config.dictConfig(describe_logging(level))
    logging.captureWarnings(True)
