"""Where the tables of jobs may lie. A server reads them with its own rights, which are not the caller's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from app.errors import Forbidden

_LOCAL = "file://"


class AllowedPlaces:
    """Prefixes of addresses, such as s3://bucket/incoming/ or file:///data/. Without any, no address is read."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        self._prefixes = [prefix.rstrip("/") + "/" for prefix in prefixes]

    def require(self, address: str) -> None:
        """Check that an address is one of a file below an allowed place.

        Raises:
            Forbidden: when it is not, or is not plain: steps upwards and chains of file systems lead elsewhere.
        """
        is_plain = "::" not in address and ".." not in address.split("/") and "\0" not in address
        prefix = next((prefix for prefix in self._prefixes if address.startswith(prefix)), None)
        if not is_plain or prefix is None or not _stays_below(address, prefix):
            raise Forbidden("The server reads no tables from this address.", code="place_not_allowed")


def _stays_below(address: str, prefix: str) -> bool:
    """Links on this machine may lead anywhere; where they lead counts."""
    if not prefix.startswith(_LOCAL):
        return True
    target, place = (Path(os.path.realpath(name.removeprefix(_LOCAL))) for name in (address, prefix))
    return target.is_relative_to(place)
