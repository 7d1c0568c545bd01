"""One caller's connection: a request goes out as it is, its answer is read by httptools.

It blocks, because a thread with a blocking socket is the cheapest client that was measured.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from httptools import HttpParserError, HttpResponseParser

_READ_BYTES = 1 << 18
_FIRST_FINAL_STATUS = 200
# Looked for in what came with the head: no line of a JSON body begins like this.
_STATED_LENGTH = re.compile(rb"\n(?:content-length|transfer-encoding) *:", re.IGNORECASE)
_CLOSES = re.compile(rb"\nconnection:[^\r\n]*\bclose\b", re.IGNORECASE)
_KEEPS = re.compile(rb"\nconnection:[^\r\n]*\bkeep-alive\b", re.IGNORECASE)

Dial = Callable[[float], socket.socket]
"""Opens a connection within so many seconds."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = field(repr=False)


class NoAnswer(ConnectionError):
    """The server closed the connection before it had said anything."""


class AnswerCutOff(ConnectionError):
    """The server closed the connection in the middle of its answer."""


class NotHttp(ConnectionError):
    """The server said something that is not HTTP."""


class Caller(Protocol):
    """Whoever sends requests and waits for their answers."""

    def exchange(self, request: bytes, *, timeout_seconds: float) -> Answer: ...

    def close(self) -> None: ...


class Connection:
    """Opened for a request, and used again for the next where the server keeps it open.

    Attributes:
        reconnects: How often a kept connection turned out to be closed, and the request was sent again on a new one.
    """

    def __init__(self, dial: Dial) -> None:
        self.reconnects = 0
        self._dial = dial
        self._kept: socket.socket | None = None

    def exchange(self, request: bytes, *, timeout_seconds: float) -> Answer:
        """Send a request, wait for the whole answer.

        Raises:
            OSError: when there is none: TimeoutError, ConnectionRefusedError, NoAnswer, AnswerCutOff, NotHttp ...
        """
        deadline = time.perf_counter() + timeout_seconds
        if self._kept is not None:
            try:
                self._kept.settimeout(timeout_seconds)
                return self._exchange(self._kept, request, deadline)
            except (NoAnswer, ConnectionResetError, BrokenPipeError):
                # Whoever keeps a connection may end it at any time, and cannot know that a request is on its way.
                self.reconnects += 1
        return self._exchange(self._dial(timeout_seconds), request, deadline)

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _exchange(self, connection: socket.socket, request: bytes, deadline: float) -> Answer:
        self._kept = None
        stays_open = False
        try:
            answer, stays_open = _send_and_read(connection, request, deadline)
        finally:
            if stays_open:
                self._kept = connection
            else:
                connection.close()
        return answer


class _Reading:
    """What the parser tells of an answer as it arrives. It does not know the parser: a circle would stay in memory."""

    __slots__ = ("body", "has_head", "is_complete")

    def __init__(self) -> None:
        self.on_message_begin()

    def on_message_begin(self) -> None:
        # Before the answer there may be others that only announce it, such as 100 Continue.
        self.body: list[bytes] = []
        self.has_head = self.is_complete = False

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_body(self, part: bytes) -> None:
        self.body.append(part)

    def on_message_complete(self) -> None:
        self.is_complete = True


def _send_and_read(connection: socket.socket, request: bytes, deadline: float) -> tuple[Answer, bool]:
    """The answer, and whether the connection may be used again."""
    # A server that has read enough to refuse closes early; what it said is still to be read.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(request)
    reading, head = _Reading(), b""
    parser = HttpResponseParser(reading)
    while True:
        chunk = connection.recv(_READ_BYTES)
        if not chunk:
            _check_closed_answer(reading, head)
            return Answer(parser.get_status_code(), b"".join(reading.body)), False
        if not reading.has_head:
            head += chunk
        try:
            parser.feed_data(chunk)
        except HttpParserError:
            if not reading.is_complete:
                raise NotHttp from None
            return Answer(parser.get_status_code(), b"".join(reading.body)), False
        if reading.is_complete and parser.get_status_code() >= _FIRST_FINAL_STATUS:
            return Answer(parser.get_status_code(), b"".join(reading.body)), _is_kept(head)
        _set_deadline(connection, deadline)


def _check_closed_answer(reading: _Reading, head: bytes) -> None:
    """An answer that does not state its length ends with the connection; any other is cut off by its end."""
    if not head:
        raise NoAnswer
    if not reading.has_head or _STATED_LENGTH.search(head):
        raise AnswerCutOff


def _is_kept(head: bytes) -> bool:
    """Whether a connection stays open after the answer with this head, which the parser forgets at the answer's end."""
    if head.startswith(b"HTTP/1.0"):
        return _KEEPS.search(head) is not None
    return _CLOSES.search(head) is None


def _set_deadline(connection: socket.socket, deadline: float) -> None:
    seconds = deadline - time.perf_counter()
    if seconds <= 0:
        raise TimeoutError
    connection.settimeout(seconds)
