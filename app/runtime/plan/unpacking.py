"""The arrays of a packed plan as files: unpacked once for all processes of an installation, or privately for this one.

The unpacked files are read like those of the release itself: only after their digests, which the plan's document holds,
were compared. That document belongs to the release, so what vouches for the release vouches for them.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.release.archive import ArchiveRefused, unpack_archive, unpack_privately
from app.release.files import compute_sha256
from app.release.plan.packing import ARRAYS

logger = logging.getLogger(__name__)

Listing = Mapping[str, Mapping[str, Any]]

_LOCK = ".lock"
_TEMPORARY_PREFIX = ".unpacking-"


@contextmanager
def unpacked_arrays(plan: Path, listing: Listing | None, *, shared: Path | None) -> Iterator[Path]:
    """A directory with the arrays of a plan; whoever has opened them can read on when it is gone.

    Args:
        plan: The directory of the plan, of a release that was verified.
        listing: Size and SHA-256 of each array; None for a plan that is not packed.
        shared: Where processes keep the arrays of this release for each other, in the directory of all releases: they
            then share the memory too.

    Fallback: where `shared` cannot be written, this process unpacks them for itself; a warning says so.

    Raises:
        ArchiveRefused: when the archive does not hold what is listed.
        OSError: when there is nowhere to unpack it to.
    """
    if listing is None:
        yield plan
    elif shared and _provide(plan / ARRAYS, listing, shared):
        yield shared
    else:
        with unpack_privately(plan / ARRAYS) as private:
            _require_listed(private, listing)
            yield private


def _provide(archive: Path, listing: Listing, place: Path) -> bool:
    """Fill the place that processes share, if need be, and tell whether it can be used."""
    try:
        if _find_fault(place, listing):
            with _locked(place.parent):
                _remove_remains(place.parent)
                # Meanwhile another process may have done it.
                if _find_fault(place, listing):
                    _fill(archive, listing, place)
    except OSError as fault:
        reason = fault.strerror or fault
        logger.warning("%s cannot be used (%s): this process unpacks the plan for itself alone.", place.parent, reason)
        return False
    return True


def _fill(archive: Path, listing: Listing, place: Path) -> None:
    """Unpack beside the place, compare, and rename: a crash leaves nothing that is taken for the arrays."""
    with tempfile.TemporaryDirectory(prefix=_TEMPORARY_PREFIX, dir=place.parent) as temporary:
        staged = Path(temporary) / "new"
        staged.mkdir()
        unpack_archive(archive, staged)
        _require_listed(staged, listing)
        if place.exists():
            place.rename(Path(temporary) / "old")
        staged.rename(place)


def _remove_remains(root: Path) -> None:
    """Remove what crashes left behind and the arrays of releases that are gone; who has opened them can read on.

    Called by the holder of the lock: nobody else is at work here.
    """
    for path in root.iterdir():
        is_of_release = (root.parent / path.name).is_dir() and not path.name.startswith(_TEMPORARY_PREFIX)
        if path.name != _LOCK and not is_of_release:
            shutil.rmtree(path, ignore_errors=True)


def _require_listed(directory: Path, listing: Listing) -> None:
    fault = _find_fault(directory, listing)
    if fault:
        raise ArchiveRefused(f"the plan's archive does not hold what its document lists: {fault}")


def _find_fault(directory: Path, listing: Listing) -> str | None:
    for name, entry in listing.items():
        path = directory / name
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            return f"{name} is missing"
        if not stat.S_ISREG(found.st_mode) or found.st_size != entry["size"]:
            return f"{name} is not a file of {entry['size']} bytes"
        if compute_sha256(path) != entry["sha256"]:
            return f"{name} has another SHA-256"
    return None


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    root.mkdir(exist_ok=True)
    with (root / _LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
