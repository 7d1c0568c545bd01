"""The directory of releases and the pointer to the active one.

A release is written aside, renamed into place, then never changed.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

import orjson

from app.errors import ReleaseUnusable
from app.release.files import compute_sha256, list_files, read_json, sync_directory, sync_tree, write_json
from app.release.manifest import FileEntry, Manifest
from app.release.schema import FeatureSchema

MANIFEST = "manifest.json"
SCHEMA = "schema.json"
GOLDEN = "golden.json"
NATIVE = "native"
PLAN = "plan"
_POINTER = "ACTIVE"
_STAGING_PREFIX = ".staging-"
_STAGING_LIFETIME_SECONDS = 24 * 3600
_HISTORY_LENGTH = 50
_VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
# Nothing can vouch for the manifest from inside itself; the signature is made over it.
_NOT_LISTED = frozenset({MANIFEST, "manifest.sig"})

Part = TypeVar("Part")


@dataclass(frozen=True)
class ActivePointer:
    """Which version is active, which was before it, and the last activations, newest last."""

    version: str
    previous: str | None
    history: tuple[dict[str, str], ...] = ()


class ReleaseStore:
    """Releases under one directory, numbered from 1. Safe for several processes at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def versions(self) -> list[str]:
        """All published versions, oldest first."""
        if not self.path.is_dir():
            return []
        names = [entry.name for entry in self.path.iterdir() if _VERSION.fullmatch(entry.name) and entry.is_dir()]
        return sorted(names, key=int)

    def directory(self, version: str) -> Path:
        """The directory of a published version.

        Raises:
            ReleaseUnusable: when there is no such version.
        """
        directory = self.path / version
        if not _VERSION.fullmatch(version) or not directory.is_dir():
            raise ReleaseUnusable(f"There is no version {version!r} in the model store.")
        return directory

    def manifest(self, version: str) -> Manifest:
        """Raises ReleaseUnusable when the version is unknown or its manifest cannot be read."""
        manifest = read_manifest(self.directory(version))
        if manifest.version != version:
            raise ReleaseUnusable(f"Version {version}: its manifest is that of version {manifest.version!r}.")
        return manifest

    def active(self) -> ActivePointer | None:
        """The pointer to the active release; None when nothing was activated yet.

        Raises:
            ReleaseUnusable: when the pointer file exists and cannot be read.
        """
        try:
            values: Any = read_json(self.path / _POINTER)
            return ActivePointer(str(values["version"]), values["previous"], tuple(values["history"]))
        except FileNotFoundError:
            return None
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as fault:
            raise ReleaseUnusable(
                f"The pointer to the active release cannot be read ({type(fault).__name__})."
            ) from fault

    def pointer_stamp(self) -> tuple[int, int] | None:
        """A value that changes whenever the pointer is replaced; None when there is none. Costs one stat call."""
        try:
            status = (self.path / _POINTER).stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def activate(self, version: str) -> ActivePointer:
        """Verify a version and make it the active one.

        Raises:
            ReleaseUnusable: when the version is unknown or its files differ from its manifest; the pointer then stays.
        """
        verify_files(self.directory(version), self.manifest(version))
        with self._lock():
            before = self._readable_pointer()
            if before is not None and before.version == version:
                previous = before.previous
            else:
                previous = before.version if before else None
            entry = {"version": version, "activated": _utc_now()}
            history = (*(before.history if before else ()), entry)[-_HISTORY_LENGTH:]
            pointer = ActivePointer(version, previous, history)
            write_json(
                self.path / _POINTER,
                {"version": pointer.version, "previous": pointer.previous, "history": list(pointer.history)},
            )
            return pointer

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A directory to write a release into; removed at the end unless `publish` has renamed it."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._remove_abandoned_staging()
        directory = Path(tempfile.mkdtemp(prefix=_STAGING_PREFIX, dir=self.path))
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def publish(self, staged: Path, manifest: Manifest) -> Manifest:
        """Give a staged release the next version number, list its files in the manifest and rename it into place."""
        with self._lock():
            version = self._next_version()
            files = {
                path: FileEntry(size=(staged / path).stat().st_size, sha256=compute_sha256(staged / path))
                for path in list_files(staged)
                if path not in _NOT_LISTED
            }
            published = replace(manifest, version=version, created=_utc_now(), files=files)
            write_json(staged / MANIFEST, published.to_dict())
            staged.chmod(0o755)
            sync_tree(staged)
            staged.rename(self.path / version)
            sync_directory(self.path)
            return published

    def _readable_pointer(self) -> ActivePointer | None:
        """The pointer, or None where it is damaged: activating and publishing must be able to repair that."""
        try:
            return self.active()
        except ReleaseUnusable:
            return None

    def _next_version(self) -> str:
        pointer = self._readable_pointer()
        used = [int(version) for version in self.versions()]
        used += [int(entry["version"]) for entry in pointer.history] if pointer else []
        return str(max(used, default=0) + 1)

    def _remove_abandoned_staging(self) -> None:
        for directory in self.path.glob(f"{_STAGING_PREFIX}*"):
            if time.time() - directory.stat().st_mtime > _STAGING_LIFETIME_SECONDS:
                shutil.rmtree(directory, ignore_errors=True)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.path / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def read_manifest(directory: Path) -> Manifest:
    """Raises ReleaseUnusable when the manifest is missing or not a manifest."""
    return _read_part(directory, MANIFEST, Manifest.from_dict)


def read_schema(directory: Path) -> FeatureSchema:
    """Raises ReleaseUnusable when the feature schema is missing or not a schema."""
    return _read_part(directory, SCHEMA, FeatureSchema.from_dict)


def _read_part(directory: Path, name: str, build: Callable[[Any], Part]) -> Part:
    try:
        return build(read_json(directory / name))
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as fault:
        reason = type(fault).__name__
        raise ReleaseUnusable(f"Version {directory.name}: {name} is missing or damaged ({reason}).") from fault


def verify_files(directory: Path, manifest: Manifest, *, unopened: str | None = None) -> None:
    """Compare every file of a release with its manifest: none missing, altered, added or linked.

    Args:
        unopened: A directory of the release that will not be opened: the content of its files is not read now.

    Raises:
        ReleaseUnusable: naming the first file that differs and how.
    """
    found = set(list_files(directory)) - _NOT_LISTED
    for path in sorted(found | set(manifest.files)):
        is_opened = unopened is None or not path.startswith(f"{unopened}/")
        if path in found:
            fault = _find_file_fault(directory / path, manifest.files.get(path), read_content=is_opened)
        else:
            fault = "is missing"
        if fault:
            raise ReleaseUnusable(f"Version {directory.name}: {path} {fault}.")


def _find_file_fault(path: Path, expected: FileEntry | None, *, read_content: bool) -> str | None:
    if expected is None:
        return "does not belong to the release"
    if path.is_symlink() or not path.is_file():
        return "is not a plain file"
    if path.stat().st_size != expected.size:
        return f"has {path.stat().st_size} bytes in place of {expected.size}"
    if read_content and compute_sha256(path) != expected.sha256:
        return "was altered after publication (its SHA-256 differs)"
    return None


def _utc_now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
