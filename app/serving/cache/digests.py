"""What a cached answer is found by: a digest of everything that it depends on."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version

import orjson

from app.release.libraries import list_installed_libraries
from app.runtime.loading import LoadedRelease
from app.runtime.rows import TypedRow

# What tells the rows of one release in the memory of a process from those of others.
OWNER_BYTES = 8


class RowNotNamed(Exception):
    """A row holds a value that has no canonical form, such as a whole number of more than 64 bits."""


class RowDigests:
    """Names rows as one release sees them.

    Two rows have the same name only if the same model, executed in the same way by the same libraries, sees the same
    values of the same types: 1, 1.0 and true differ, an absent value and the text "null" do.

    Attributes:
        owner: What all names begin with. It is another one each time that a release is loaded: what is loaded anew,
            because it answered wrongly, must not find what it said before.
    """

    def __init__(self, release: LoadedRelease) -> None:
        self.owner = os.urandom(OWNER_BYTES)
        self._begun = hashlib.sha256(compute_release_digest(release))

    def compute(self, rows: Sequence[TypedRow]) -> list[bytes]:
        """The names of checked rows, in their order.

        Raises:
            RowNotNamed: when one of them has none.
        """
        try:
            return [self._name(orjson.dumps(row)) for row in rows]
        except orjson.JSONEncodeError as fault:
            raise RowNotNamed from fault

    def _name(self, canonical: bytes) -> bytes:
        digest = self._begun.copy()
        digest.update(canonical)
        return self.owner + digest.digest()


def drop_owner(name: bytes) -> bytes:
    """The name of a row that holds in all processes."""
    return name[OWNER_BYTES:]


def compute_release_digest(release: LoadedRelease) -> bytes:
    """Of the manifest, which names every file by its own digest, and of what executes the release here."""
    ingredients = {
        "manifest": release.manifest.to_dict(),
        "execution": release.execution,
        "libraries": list_installed_libraries(),
        "program": version("gluonserve"),
        "machine": platform.machine(),
    }
    return hashlib.sha256(orjson.dumps(ingredients, option=orjson.OPT_SORT_KEYS)).digest()
