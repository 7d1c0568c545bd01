"""Which lines a process writes to stderr, and how; what Python itself would print becomes one of them."""

from __future__ import annotations

import logging
import logging.config
import sys
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from config.logging.formats import FORMATTERS, Context, LogFormat, describe_nothing
from config.redaction import Redaction

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

logger = logging.getLogger("config.logging")


def describe_logging(
    level: str,
    *,
    format: LogFormat = "json",
    secrets: Iterable[str] = (),
    describe_context: Callable[[], Context] = describe_nothing,
) -> dict[str, Any]:
    """The dictConfig of a process that logs from `level` upwards.

    Args:
        secrets: Are masked in whatever it writes.
        describe_context: What every line that is logged now carries besides.
    """
    # Libraries at DEBUG tell rows of the database and addresses with all that is in them.
    of_libraries = "INFO" if level == "DEBUG" else level
    formatter = {"()": FORMATTERS[format], "redaction": Redaction(secrets), "describe_context": describe_context}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"one_line": formatter},
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


def describe_gunicorn_logging(
    level: str, *, access_log: bool, format: LogFormat = "json", secrets: Iterable[str] = ()
) -> dict[str, Any]:
    """The same for gunicorn, with one line per HTTP request if asked for."""
    described = describe_logging(level, format=format, secrets=secrets)
    # gunicorn gives its loggers handlers of their own; naming them here takes those away.
    described["loggers"]["gunicorn.error"] = {"level": level, "handlers": [], "propagate": True}
    access_level = "INFO" if access_log else "WARNING"
    described["loggers"]["gunicorn.access"] = {"level": access_level, "handlers": ["stderr"], "propagate": False}
    return described


def configure_logging(
    level: str,
    *,
    format: LogFormat = "json",
    secrets: Iterable[str] = (),
    describe_context: Callable[[], Context] = describe_nothing,
) -> None:
    """Make this process log as described; warnings of libraries and what nobody catches become log lines too."""
    described = describe_logging(level, format=format, secrets=secrets, describe_context=describe_context)
    logging.config.dictConfig(described)
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
