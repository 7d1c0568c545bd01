"""A depot on whatever fsspec opens: a directory that machines mount, S3, GCS, Azure."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec

from app.errors import ModelStoreUnreachable, ReleaseUnusable
from app.release.files import list_files
from app.release.pointer import POINTER
from app.release.verification import MANIFEST, NOT_LISTED, SIGNATURE, parse_manifest

logger = logging.getLogger(__name__)

_CLAIMS = "claims"
_CHUNK_BYTES = 1 << 20


class UnknownAddress(ValueError):
    """An address that no installed file system opens."""


def open_depot(address: str) -> FileSystemDepot:
    """Nothing is asked of the file system before it is used.

    Raises:
        UnknownAddress: when there is no such kind of address, or what opens it is not installed.
    """
    try:
        # Listings are not remembered: other machines change them.
        files, root = fsspec.core.url_to_fs(address, use_listings_cache=False, skip_instance_cache=True)
    except (ValueError, ImportError) as fault:
        raise UnknownAddress(str(fault)) from fault
    return FileSystemDepot(files, root, address=address)


class FileSystemDepot:
    """VERSION/<files of the release>, claims/VERSION, and ACTIVE. A release is there when its manifest is."""

    def __init__(self, files: Any, root: str, *, address: str) -> None:
        """Args: files: An fsspec file system."""
        self._files = files
        self._root = root.rstrip("/")
        self._address = address

    def claim(self, least: int) -> int:
        with self._reaching():
            number = least
            while not self._create(f"{_CLAIMS}/{number}"):
                number += 1
            return number

    def holds(self, version: str) -> bool:
        with self._reaching():
            return bool(self._files.exists(self._place(version, MANIFEST)))

    def upload(self, directory: Path) -> None:
        with self._reaching():
            names = [name for name in list_files(directory) if name not in NOT_LISTED]
            # The manifest last: who sees it finds all that it lists.
            for name in (*names, SIGNATURE, MANIFEST):
                if (directory / name).exists():
                    place = self._place(directory.name, name)
                    self._files.makedirs(place.rpartition("/")[0], exist_ok=True)
                    self._files.put_file(str(directory / name), place)

    def download(self, version: str, directory: Path) -> None:
        directory.mkdir()
        with self._reaching():
            content = self._read(self._place(version, MANIFEST))
            if content is None:
                raise ReleaseUnusable(f"There is no version {version!r} in {self._address}.")
            (directory / MANIFEST).write_bytes(content)
            signature = self._read(self._place(version, SIGNATURE))
            if signature is not None:
                (directory / SIGNATURE).write_bytes(signature)
            for name, entry in parse_manifest(directory, content).files.items():
                self._download_file(self._place(version, name), _place_inside(directory, name), size=entry.size)

    def read_pointer(self) -> bytes | None:
        with self._reaching():
            return self._read(self._place(POINTER))

    def write_pointer(self, content: bytes) -> None:
        with self._reaching():
            self._files.makedirs(self._root, exist_ok=True)
            self._files.pipe_file(self._place(POINTER), content)

    def remove(self, version: str) -> None:
        with self._reaching():
            # The manifest first: without it nobody begins to copy what is being removed.
            for place in (self._place(version, MANIFEST), self._place(version)):
                if self._files.exists(place):
                    self._files.rm(place, recursive=True)

    def _create(self, name: str) -> bool:
        """Make an empty file unless there is one; of several machines at once, one succeeds."""
        place = self._place(name)
        if self._files.exists(place):
            return False
        self._files.makedirs(place.rpartition("/")[0], exist_ok=True)
        try:
            if "file" in self._files.protocol:
                # Its own way looks first and writes then.
                Path(place).open("xb").close()
            else:
                self._files.pipe_file(place, b"claimed", mode="create")
        except Exception:
            # File systems say in different ways that somebody was faster.
            if self._files.exists(place):
                return False
            raise
        return True

    def _read(self, place: str) -> bytes | None:
        try:
            content: bytes = self._files.cat_file(place)
        except FileNotFoundError:
            return None
        return content

    def _download_file(self, place: str, target: Path, *, size: int) -> None:
        """Copy no more than the manifest says: what is there may be anything."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._files.open(place, "rb", cache_type="none") as source, target.open("wb") as copy:
            left = size + 1
            while left > 0 and (piece := source.read(min(_CHUNK_BYTES, left))):
                copy.write(piece)
                left -= len(piece)

    def _place(self, *names: str) -> str:
        return "/".join((self._root, *names))

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Say in one sentence what libraries of file systems say in a hundred ways."""
        try:
            yield
        except (ReleaseUnusable, ModelStoreUnreachable):
            raise
        except Exception as fault:
            logger.debug("The shared model store failed", exc_info=True)
            kind = type(fault).__name__
            raise ModelStoreUnreachable(f"The model store {self._address} cannot be used now ({kind}).") from fault


def _place_inside(directory: Path, name: str) -> Path:
    """Where a listed file lies.

    Raises:
        ReleaseUnusable: when that is outside of the release.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ReleaseUnusable(f"Version {directory.name}: its manifest names a file outside of it.")
    return directory / path
