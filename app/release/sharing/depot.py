"""Where machines share releases and the pointer to the active one; each serves from a verified copy of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import orjson

from app.errors import ReleaseUnusable


class Depot(Protocol):
    """Releases and a pointer that several machines see. Nothing in it is trusted before it is verified here.

    Every method raises ModelStoreUnreachable when the depot does not answer, or not as it should.
    """

    def claim(self, least: int) -> int:
        """A version number that nobody else is given: the least one that is free, from `least` on."""

    def holds(self, version: str) -> bool:
        """Whether a whole release of that version is there."""

    def upload(self, directory: Path) -> None:
        """Copy a release, whose directory is named after its version; it is whole for others at once or not at all."""

    def download(self, version: str, directory: Path) -> None:
        """Copy a release into a new directory.

        Raises:
            ReleaseUnusable: when there is no such version, or its manifest is none.
        """

    def read_pointer(self) -> bytes | None:
        """What the pointer to the active release holds; None when nothing was activated anywhere yet."""

    def write_pointer(self, content: bytes) -> None: ...

    def remove(self, version: str) -> None:
        """Remove a version; its number stays taken."""


class NoDepot:
    """The depot of a machine that shares with nobody."""

    def claim(self, least: int) -> int:
        return least

    def holds(self, version: str) -> bool:  # noqa: ARG002
        return True

    def upload(self, directory: Path) -> None:  # noqa: ARG002
        return None

    def download(self, version: str, directory: Path) -> None:  # noqa: ARG002
        raise ReleaseUnusable(f"There is no version {version!r} in the model store.")

    def read_pointer(self) -> bytes | None:
        return None

    def write_pointer(self, content: bytes) -> None:  # noqa: ARG002
        return None

    def remove(self, version: str) -> None:  # noqa: ARG002
        return None


NO_DEPOT = NoDepot()


def read_shared_version(pointer: bytes | None) -> str | None:
    """The version that a shared pointer names; None when there is no pointer.

    Raises:
        ReleaseUnusable: when it is no pointer.
    """
    try:
        return None if pointer is None else str(orjson.loads(pointer)["version"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as fault:
        raise ReleaseUnusable(f"The shared pointer cannot be read ({type(fault).__name__}).") from fault
