"""Refusals for now: a client that is still sending has to see them, and no place of the server's must wait for it."""

from __future__ import annotations

from contextlib import suppress

from flask import request
from werkzeug.exceptions import HTTPException

from app.errors import RateLimited

_PIECE_BYTES = 1 << 16


def refuse_unread(refusal: RateLimited) -> None:
    """Refuse a request whose body was not read.

    What is being sent is read and thrown away, as far as a body may be long: else the connection is reset, and the
    client sees that in place of the refusal.

    Raises:
        RateLimited: always.
    """
    with suppress(HTTPException, OSError):
        while request.stream.read(_PIECE_BYTES):
            pass
    raise refusal
