"""Whether the present request wants its rows to be computed anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Between the request and who looks rows up lie rooms that have nothing to do with caches.
_is_anew: ContextVar[bool] = ContextVar("answers-anew", default=False)


def wants_new_answers() -> bool:
    return _is_anew.get()


@contextmanager
def answering_anew(is_wanted: bool) -> Iterator[None]:
    token = _is_anew.set(is_wanted)
    try:
        yield
    finally:
        _is_anew.reset(token)
