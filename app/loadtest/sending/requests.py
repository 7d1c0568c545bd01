"""From rows to the bytes of HTTP requests, put together between two requests: their time is nobody's latency."""

from __future__ import annotations

from collections.abc import Sequence

from app.loadtest.refusals import InvalidTarget
from app.loadtest.sending.target import Target

_BEFORE_ROWS, _AFTER_ROWS = b'{"data":[', b"]}"


class PredictionRequests:
    """Requests to predict rows in turn: each begins where the one before ended, around the end of the rows."""

    def __init__(self, rows: Sequence[bytes], head: bytes, *, rows_per_request: int) -> None:
        self._rows = rows
        self._head = head
        self._rows_per_request = rows_per_request

    def make(self, number: int) -> bytes:
        start, count = number * self._rows_per_request, len(self._rows)
        chosen = [self._rows[place % count] for place in range(start, start + self._rows_per_request)]
        body = _BEFORE_ROWS + b",".join(chosen) + _AFTER_ROWS
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)


def write_post_head(target: Target, *, key: str | None, keep_alive: bool = True) -> bytes:
    """The head of a request with a JSON body, up to its length."""
    lines = (
        f"POST {target.path} HTTP/1.1",
        *_list_headers(target, key, keep_alive=keep_alive),
        "Content-Type: application/json",
        "Content-Length: ",
    )
    return "\r\n".join(lines).encode()


def write_get(target: Target, path: str, *, key: str | None) -> bytes:
    """A whole request for another path of the same server."""
    lines = (f"GET {path} HTTP/1.1", *_list_headers(target, key, keep_alive=False), "\r\n")
    return "\r\n".join(lines).encode()


def check_key(key: str) -> str:
    """The key without the end of a line that a file gave it.

    Raises:
        InvalidTarget: when no header can hold it. The key is not shown.
    """
    key = key.strip()
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise InvalidTarget("The API key must be printable ASCII without spaces.")
    return key


def _list_headers(target: Target, key: str | None, *, keep_alive: bool) -> list[str]:
    headers = [f"Host: {target.authority}", "User-Agent: gluonserve-loadtest", "Accept: application/json"]
    if key:
        headers.append(f"X-API-Key: {key}")
    if not keep_alive:
        headers.append("Connection: close")
    return headers
