"""Whether a release is what was published: its signature first, then every file, before anything is parsed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import orjson

from app.errors import ReleaseUnusable
from app.release.files import NotPlainFile, compute_sha256_of, open_plain_file, read_json
from app.release.manifest import FileEntry, Manifest
from app.release.schema import FeatureSchema
from app.release.signing import Trust, require_trusted

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
SCHEMA = "schema.json"
# Nothing can vouch for the manifest from inside itself; the signature is made over it.
NOT_LISTED = frozenset({MANIFEST, SIGNATURE})
_MOST_BYTES = {MANIFEST: 64_000_000, SIGNATURE: 4096}

Part = TypeVar("Part")


def verify_release(directory: Path, trust: Trust, *, unopened: str | None = None) -> Manifest:
    """Check the signature of a release, then every file against its manifest, in constant memory.

    Args:
        unopened: A file of the release that will not be opened: its content is not read now.

    Raises:
        ReleaseUnusable: naming what is wrong.
    """
    manifest = read_manifest(directory, trust)
    verify_files(directory, manifest, unopened=unopened)
    return manifest


def read_manifest(directory: Path, trust: Trust) -> Manifest:
    """The manifest of a release, parsed after its signature was found to be good.

    Raises:
        ReleaseUnusable: when it is missing, not trusted, not a manifest, or that of another version.
    """
    content, signature = read_signed(directory)
    require_trusted(trust, content, signature, name=directory.name)
    return parse_manifest(directory, content)


def parse_manifest(directory: Path, content: bytes) -> Manifest:
    """A manifest from the bytes that somebody vouches for.

    Raises:
        ReleaseUnusable: when it is not a manifest, or that of another version than the directory is named after.
    """
    name = directory.name
    manifest = _build_part(directory, MANIFEST, lambda: Manifest.from_dict(orjson.loads(content)))
    if manifest.version != name:
        raise ReleaseUnusable(f"Version {name}: its manifest is that of version {manifest.version!r}.")
    return manifest


def read_signed(directory: Path) -> tuple[bytes, bytes | None]:
    """The bytes of a manifest and of its signature, None where it has none. Nothing is parsed.

    Raises:
        ReleaseUnusable: when the manifest is missing, or one of them is not a small plain file.
    """
    if directory.is_symlink():
        raise ReleaseUnusable(f"Version {directory.name}: its directory is a link.")
    manifest = _read_small_file(directory, MANIFEST)
    if manifest is None:
        raise ReleaseUnusable(f"Version {directory.name}: {MANIFEST} is missing.")
    return manifest, _read_small_file(directory, SIGNATURE)


def read_schema(directory: Path) -> FeatureSchema:
    """Raises ReleaseUnusable when the feature schema is missing or not a schema."""

    def build() -> FeatureSchema:
        values: Any = read_json(directory / SCHEMA)
        return FeatureSchema.from_dict(values)

    return _build_part(directory, SCHEMA, build)


def read_listed_file(directory: Path, manifest: Manifest, name: str) -> bytes:
    """One file of a release, checked against its manifest as it is read; the others are not looked at.

    Raises:
        ReleaseUnusable: when it is missing, altered or no plain file.
    """
    expected = manifest.files.get(name)
    try:
        if expected is None:
            raise ReleaseUnusable(f"Version {directory.name}: it has no {name}.")
        with open_plain_file(directory / name) as file:
            content = file.read(expected.size + 1)
    except (OSError, NotPlainFile) as fault:
        raise ReleaseUnusable(f"Version {directory.name}: {name} cannot be read ({type(fault).__name__}).") from fault
    if len(content) != expected.size or hashlib.sha256(content).hexdigest() != expected.sha256:
        raise ReleaseUnusable(f"Version {directory.name}: {name} was altered after publication.")
    return content


def verify_files(directory: Path, manifest: Manifest, *, unopened: str | None = None) -> None:
    """Compare every file of a release with its manifest: none missing, altered, added or linked.

    Args:
        unopened: A file of the release that will not be opened: its content is not read now.

    Raises:
        ReleaseUnusable: naming the first file that differs and how.
    """
    for fault in list_file_faults(directory, manifest, unopened=unopened):
        raise ReleaseUnusable(f"Version {directory.name}: {fault}.")


def list_file_faults(directory: Path, manifest: Manifest, *, unopened: str | None = None) -> Iterator[str]:
    """Every difference between the files of a release and its manifest. Names and sizes come before any content.

    Args:
        unopened: A file of the release that will not be opened: its content is not read now.
    """
    sound = []
    absent = set(manifest.files)
    try:
        for path, entry in _walk(directory, manifest):
            absent.discard(path)
            fault = _find_entry_fault(entry, manifest.files.get(path))
            if fault:
                yield f"{_show(path)} {fault}"
            elif path != unopened:
                sound.append(path)
    except OSError as unreadable:
        yield f"its directory cannot be listed ({unreadable.strerror})"
        return
    yield from (f"{_show(path)} is missing" for path in sorted(absent))
    for path in sorted(sound):
        fault = _find_content_fault(directory / path, manifest.files[path])
        if fault:
            yield f"{_show(path)} {fault}"


def _walk(directory: Path, manifest: Manifest) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All entries but the manifest, its signature and the directories that hold listed files: those are entered.

    Nothing is collected and no other directory is entered, however much somebody has put there.
    """
    folders = {str(parent) for path in manifest.files for parent in PurePosixPath(path).parents}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(directory / folder) as entries:
            for entry in entries:
                path = f"{folder}{entry.name}"
                if path in folders and entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{path}/")
                elif path not in NOT_LISTED:
                    yield path, entry


def _find_entry_fault(entry: os.DirEntry[str], expected: FileEntry | None) -> str | None:
    if expected is None:
        return "does not belong to the release"
    status = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        return "is not a plain file"
    if status.st_size != expected.size:
        return f"has {status.st_size} bytes in place of {expected.size}"
    return None


def _find_content_fault(path: Path, expected: FileEntry) -> str | None:
    try:
        with open_plain_file(path) as file:
            digest = compute_sha256_of(file)
    except NotPlainFile:
        return "is not a plain file"
    except OSError as fault:
        return f"cannot be read ({fault.strerror})"
    return None if digest == expected.sha256 else "was altered after publication (its SHA-256 differs)"


def _read_small_file(directory: Path, name: str) -> bytes | None:
    """The content of a file that is read whole, and so has to be small; None when there is none."""
    try:
        with open_plain_file(directory / name) as file:
            # A sparse file of any length takes no room on a disk, but would in memory; so would a buffer for the most.
            size = os.fstat(file.fileno()).st_size
            content = file.read(size + 1) if size <= _MOST_BYTES[name] else None
    except FileNotFoundError:
        return None
    except NotPlainFile:
        raise ReleaseUnusable(f"Version {directory.name}: {name} is not a plain file.") from None
    except OSError as fault:
        raise ReleaseUnusable(f"Version {directory.name}: {name} cannot be read ({fault.strerror}).") from fault
    if content is None:
        raise ReleaseUnusable(f"Version {directory.name}: {name} is too large to be one.")
    return content


def _show(path: str) -> str:
    """A name as it may be printed: whoever can add a file can also choose what a terminal makes of its name."""
    return path if path.isprintable() else ascii(path)


def _build_part(directory: Path, name: str, build: Callable[[], Part]) -> Part:
    try:
        return build()
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as fault:
        reason = type(fault).__name__
        raise ReleaseUnusable(f"Version {directory.name}: {name} is missing or damaged ({reason}).") from fault
