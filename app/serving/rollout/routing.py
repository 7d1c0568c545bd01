"""Which callers a canary answers: always the same ones, in every process and after every restart."""

from __future__ import annotations

from hashlib import blake2b

_PLACES = 1 << 64


def is_chosen(value: str, *, version: str, share: float) -> bool:
    """Tell whether a caller belongs to the share of a version.

    The place of a caller follows from a hash under the version: each trial has other callers, a larger share has all
    those of a smaller one, and nothing needs to be kept or agreed on.

    Args:
        value: What the caller is known by, such as the id of its key.
    """
    digest = blake2b(value.encode("utf-8", "surrogateescape"), key=version.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * _PLACES
