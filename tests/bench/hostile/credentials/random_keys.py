"""Keys drawn at random, all of the right shape and with the right checksum: none may be let in."""

from __future__ import annotations

import random
import string
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, event

from app.errors import Unauthenticated
from app.security.keys.format import KeyText

_ID_CHARACTERS = string.digits + string.ascii_lowercase
_SECRET_CHARACTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BETWEEN_LINES = 50_000

Authenticate = Callable[[str], object]
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class RandomKeysResult:
    """What became of the keys; `looked_up` of them reached the database."""

    tried: int
    accepted: int
    looked_up: int


def draw_keys(count: int, *, known_ids: Sequence[str], seed: int) -> Iterator[str]:
    """Every other one has the id of a key that exists."""
    chooser = random.Random(seed)
    for position in range(count):
        id = "".join(chooser.choices(_ID_CHARACTERS, k=8)) if position % 2 else chooser.choice(known_ids)
        yield str(KeyText(id, "".join(chooser.choices(_SECRET_CHARACTERS, k=32))))


def try_random_keys(
    authenticate: Authenticate, database: Engine, *, count: int, known_ids: Sequence[str], seed: int, say: Say
) -> RandomKeysResult:
    """Show them to whoever tells callers, and count who gets in.

    Args:
        authenticate: Raises Unauthenticated for a key that is not let in.
    """
    lookups = 0

    def count_lookup(*_: object) -> None:
        nonlocal lookups
        lookups += 1

    event.listen(database, "before_cursor_execute", count_lookup)
    accepted, began = 0, time.monotonic()
    try:
        for position, key in enumerate(draw_keys(count, known_ids=known_ids, seed=seed), start=1):
            try:
                authenticate(key)
                accepted += 1
            except Unauthenticated:
                pass
            if position % _BETWEEN_LINES == 0:
                say(f"{position} keys tried, {accepted} let in, {time.monotonic() - began:.0f} s")
    finally:
        event.remove(database, "before_cursor_execute", count_lookup)
    return RandomKeysResult(tried=count, accepted=accepted, looked_up=lookups)
