"""An event as one line: as JSON for machines, or as text for people. Both leave out the same."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, Literal

import orjson

from config.redaction import Redaction, describe_exception, describe_type

LogFormat = Literal["json", "text"]
Context = Mapping[str, str]

# What would end a line or steer a terminal: C0 and C1 controls, DEL and the two separators of Unicode; and what would
# let a reader see another order of the characters.
_CONTROL_CODES = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_ESCAPES = {code: chr(code).encode("unicode_escape").decode("ascii") for code in _CONTROL_CODES}
_ESCAPES_OF_JSON = {code: f"\\u{code:04x}" for code in _CONTROL_CODES}

_ACCESS_LOG = "gunicorn.access"
# Of the values that gunicorn has for a line of a request: https://docs.gunicorn.org/en/stable/settings.html
_ACCESS_FIELDS = {
    "request_id": "{x-request-id}o",
    "client": "h",
    "method": "m",
    "path": "U",
    "status": "s",
    "bytes": "B",
    "ms": "M",
}


def describe_nothing() -> Context:
    """The context of a process that answers no requests."""
    return {}


class TextFormatter(logging.Formatter):
    """Formats `2026-11-23T04:19:03.123Z INFO app.runtime.active [4711] message key=value`; controls are escaped."""

    def __init__(self, redaction: Redaction, describe_context: Callable[[], Context] = describe_nothing) -> None:
        super().__init__()
        self._redaction = redaction
        self._describe_context = describe_context

    def format(self, record: logging.LogRecord) -> str:
        head = f"{write_moment(record.created)} {record.levelname} {record.name} [{record.process}]"
        context = "".join(f" {name}={value}" for name, value in self._describe_context().items())
        error = _find_error(record)
        traceback = "" if error is None else f"\n{describe_exception(error)}"
        written = f"{head} {_write_message(record)}{context}{traceback}"
        return self._redaction.mask(written).rstrip().translate(_ESCAPES)


class JsonFormatter(logging.Formatter):
    """Formats an object with timestamp, level, logger, process and message.

    What is logged within a request has its context beside them, an exception has its type and traceback, and a line of
    the access log what is in it.
    """

    def __init__(self, redaction: Redaction, describe_context: Callable[[], Context] = describe_nothing) -> None:
        super().__init__()
        self._redaction = redaction
        self._describe_context = describe_context

    def format(self, record: logging.LogRecord) -> str:
        event = {
            "timestamp": write_moment(record.created),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": _write_message(record),
            **self._describe_context(),
            **_describe_access(record),
            **_describe_error(record),
        }
        written = orjson.dumps({name: self._clean(value) for name, value in event.items()}).decode()
        return written.translate(_ESCAPES_OF_JSON)

    def _clean(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        # JSON knows no half of a character, which the names of files can hold.
        return self._redaction.mask(value).rstrip().encode("utf-8", "backslashreplace").decode()


FORMATTERS: Mapping[LogFormat, type[TextFormatter] | type[JsonFormatter]] = {
    "json": JsonFormatter,
    "text": TextFormatter,
}


def write_moment(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _write_message(record: logging.LogRecord) -> str:
    """Fallback: where a message and its values do not fit, the line tells the message; logging would print both raw."""
    try:
        return record.getMessage()
    except Exception:
        return f"{record.msg} [its values do not fit]"


def _find_error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def _describe_error(record: logging.LogRecord) -> Mapping[str, Any]:
    error = _find_error(record)
    return {} if error is None else {"exception": describe_type(error), "traceback": describe_exception(error)}


def _describe_access(record: logging.LogRecord) -> Mapping[str, Any]:
    if record.name != _ACCESS_LOG or not isinstance(record.args, Mapping):
        return {}
    fields = {name: record.args[atom] for name, atom in _ACCESS_FIELDS.items() if atom in record.args}
    message = " ".join(str(fields.get(name)) for name in ("method", "path", "status"))
    status = str(fields.get("status"))
    return {**fields, "message": message, "status": int(status) if status.isdecimal() else None}
