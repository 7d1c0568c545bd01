"""How every process logs: one line on stderr per event, in UTC, without credentials, whatever the message holds."""

from __future__ import annotations

import logging
import logging.config
import sys
import threading
from collections.abc import Iterable
from datetime import datetime, timezone
from types import TracebackType
from typing import TYPE_CHECKING, Any

from config.redaction import Redaction, describe_exception

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

# What would end a line or steer a terminal: C0 and C1 controls, DEL and the two separators of Unicode; and what would
# let a reader see another order of the characters.
_CONTROL_CODES = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_ESCAPES = {code: chr(code).encode("unicode_escape").decode("ascii") for code in _CONTROL_CODES}

logger = logging.getLogger("config.logging")


class OneLineFormatter(logging.Formatter):
    """Formats `2026-11-23T04:19:03.123Z INFO app.runtime.active [4711] message`; newlines and controls are escaped."""

    def __init__(self, redaction: Redaction) -> None:
        super().__init__("{asctime} {levelname} {name} [{process}] {message}", style="{")
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        # Kept by the record for the next handler; another one may have written it with all that it says.
        record.exc_text = None
        written = super().format(record)
        record.exc_text = None
        return self._redaction.mask(written).rstrip().translate(_ESCAPES)

    def formatException(  # noqa: N802
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return "" if ei[1] is None else describe_exception(ei[1])

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def describe_logging(level: str, *, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """The dictConfig of a process that logs from `level` upwards; `secrets` are masked in whatever it writes."""
    # Libraries at DEBUG tell rows of the database and addresses with all that is in them.
    of_libraries = "INFO" if level == "DEBUG" else level
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"one_line": {"()": OneLineFormatter, "redaction": Redaction(secrets)}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "one_line", "stream": "ext://sys.stderr"}
        },
        "root": {"level": of_libraries, "handlers": ["stderr"]},
        "loggers": {
            "app": {"level": level},
            "config": {"level": level},
            # AutoGluon narrates each step and warns in tables; what callers and operators need is raised or reported.
            "autogluon": {"level": "ERROR"},
        },
    }


def describe_gunicorn_logging(level: str, *, access_log: bool, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """The same for gunicorn, with one line per HTTP request if asked for."""
    described = describe_logging(level, secrets=secrets)
    # gunicorn gives its loggers handlers of their own; naming them here takes those away.
    described["loggers"]["gunicorn.error"] = {"level": level, "handlers": [], "propagate": True}
    access_level = "INFO" if access_log else "WARNING"
    described["loggers"]["gunicorn.access"] = {"level": access_level, "handlers": ["stderr"], "propagate": False}
    return described


def configure_logging(level: str, *, secrets: Iterable[str] = ()) -> None:
    """Make this process log as described; warnings of libraries and what nobody catches become log lines too."""
    logging.config.dictConfig(describe_logging(level, secrets=secrets))
    logging.captureWarnings(True)
    # Python itself would print these as they are.
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    sys.unraisablehook = _log_unraisable


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logger.critical("The process ends by an exception.", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None and not issubclass(ended.exc_type, SystemExit):
        name = ended.thread.name if ended.thread else "unknown"
        logger.error("The thread %s ends by an exception.", name, exc_info=ended.exc_value)


def _log_unraisable(found: UnraisableHookArgs) -> None:
    logger.error("An exception had nowhere to go.", exc_info=found.exc_value)
