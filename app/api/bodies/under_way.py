"""Tells whoever survives this process which body the present thread is at, from before it is parsed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from flask import request

from app.api.services import current_services


def begin_body(body: bytes) -> None:
    """Raises: LethalRequest: when workers have died of it."""
    current_services().lethal_bodies.begin(request.path, body)


def follow_body(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces of a body that is begun with the last one.

    Raises:
        LethalRequest: when workers have died of it.
    """
    return current_services().lethal_bodies.follow(request.path, pieces)


@contextmanager
def ending_body() -> Iterator[None]:
    """Whatever body is begun in this block, the thread is done with it at its end."""
    try:
        yield
    finally:
        current_services().lethal_bodies.end()
