"""Identifiers that nobody can guess: random bits of the operating system, fetched for many of them at once."""

from __future__ import annotations

import os

_DIGITS = 32
_FETCHED_AT_ONCE = 256

# Those not given out yet. Threads share it: taking one off a list is a single step.
_waiting: list[str] = []
# A forked process must not give out what its parent gives out.
os.register_at_fork(after_in_child=_waiting.clear)


def make_identifier() -> str:
    """128 random bits as 32 hexadecimal digits."""
    try:
        return _waiting.pop()
    except IndexError:
        digits = os.urandom(_FETCHED_AT_ONCE * _DIGITS // 2).hex()
        fresh = [digits[start : start + _DIGITS] for start in range(0, len(digits), _DIGITS)]
        _waiting.extend(fresh[1:])
        return fresh[0]
