"""From rows to the bytes of HTTP requests, made before anything is measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

MOST_REQUESTS = 500


def make_requests(rows: Sequence[Any], *, rows_per_request: int, key: str, count: int) -> list[bytes]:
    """Requests to /predict whose rows differ: each begins where the one before ended, around the end of the data."""
    bodies = []
    for position in range(count):
        start = position * rows_per_request
        chosen = [rows[(start + offset) % len(rows)] for offset in range(rows_per_request)]
        bodies.append(orjson.dumps({"data": chosen}))
    return [frame_request(body, key) for body in bodies]


def count_different_requests(rows: int, rows_per_request: int) -> int:
    """As many as the rows give without a repetition, between three and MOST_REQUESTS."""
    return max(3, min(MOST_REQUESTS, rows // rows_per_request))


def frame_request(body: bytes, key: str, *, headers: str = "") -> bytes:
    """Args: headers: More of them, each with its end of line."""
    head = (
        "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"X-API-Key: {key}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
