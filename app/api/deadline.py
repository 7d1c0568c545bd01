"""When the answer to the present request is due: as the caller says, else as the setting does."""

from __future__ import annotations

import re
import socket
import struct
from typing import Any

from flask import current_app, request

from app.api.monitoring.observing import note_wait
from app.errors import BadRequest
from app.runtime.deadline import Deadline

TIMEOUT_HEADER = "X-Request-Timeout-Ms"
LONGEST_TIMEOUT_MS = 600_000
TIMEOUT_SCHEMA = {
    "type": "integer",
    "minimum": 1,
    "maximum": LONGEST_TIMEOUT_MS,
    "description": "Within how many milliseconds the answer is of use.",
}
_ENVIRON_KEY = "HTTP_X_REQUEST_TIMEOUT_MS"
_WHOLE_NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)
# tcpi_last_data_recv of linux/tcp.h: how long ago the last bytes came in, in milliseconds.
_LAST_DATA_RECEIVED = struct.Struct("=I")
_OFFSET = 52


def find_deadline() -> Deadline:
    """The deadline of the present request. The time that it waited for its turn at the socket counts.

    Raises:
        BadRequest: for a header that is not a whole number of milliseconds from 1 to 600000.
    """
    environ = request.environ
    offered = environ.get(_ENVIRON_KEY)
    timeout_ms = current_app.config["REQUEST_TIMEOUT_MS"] if offered is None else parse_timeout_ms(offered)
    waited_ms = measure_wait_ms(environ.get("gunicorn.socket"))
    note_wait(environ, waited_ms / 1000)
    return Deadline.after((timeout_ms - waited_ms) / 1000)


def parse_timeout_ms(text: str) -> int:
    if not (_WHOLE_NUMBER.fullmatch(text) and 1 <= int(text) <= LONGEST_TIMEOUT_MS):
        raise BadRequest(
            f"{TIMEOUT_HEADER} has to be a whole number of milliseconds from 1 to {LONGEST_TIMEOUT_MS}.",
            code="invalid_timeout",
        )
    return int(text)


def measure_wait_ms(connection: Any) -> int:
    """How long the whole request has been here, in milliseconds, as the kernel knows it.

    Fallback: 0 where it does not, as for unix sockets; the time then counts from when a thread took the request up.
    """
    try:
        known = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _OFFSET + _LAST_DATA_RECEIVED.size)
        return int(_LAST_DATA_RECEIVED.unpack_from(known, _OFFSET)[0])
    except (AttributeError, OSError, struct.error):
        return 0
