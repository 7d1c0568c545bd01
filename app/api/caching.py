"""Whether the caller of the present request wants its rows to be computed anew."""

from __future__ import annotations

from flask import request

CACHE_HEADER = "Cache-Control"
CACHE_SCHEMA = {
    "type": "string",
    "description": "`no-cache` has the model compute every row, also those whose answers are known.",
}
_ENVIRON_KEY = "HTTP_CACHE_CONTROL"
_ANEW = {"no-cache", "no-store"}


def wants_new_answers() -> bool:
    offered = request.environ.get(_ENVIRON_KEY)
    return offered is not None and not _ANEW.isdisjoint(part.strip().lower() for part in offered.split(","))
