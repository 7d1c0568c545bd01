"""Whether a release is what was published: its signature first, then every file, before anything is parsed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import orjson

from app.errors import ReleaseUnusable
from app.release.files import compute_sha256, list_files, read_json
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
        unopened: A directory of the release that will not be opened: the content of its files is not read now.

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
    name = directory.name
    if directory.is_symlink():
        raise ReleaseUnusable(f"Version {name}: its directory is a link.")
    content = _read_small_file(directory, MANIFEST)
    if content is None:
        raise ReleaseUnusable(f"Version {name}: {MANIFEST} is missing or damaged (FileNotFoundError).")
    require_trusted(trust, content, _read_small_file(directory, SIGNATURE), name=name)
    manifest = _build_part(directory, MANIFEST, lambda: Manifest.from_dict(orjson.loads(content)))
    if manifest.version != name:
        raise ReleaseUnusable(f"Version {name}: its manifest is that of version {manifest.version!r}.")
    return manifest


def read_schema(directory: Path) -> FeatureSchema:
    """Raises ReleaseUnusable when the feature schema is missing or not a schema."""

    def build() -> FeatureSchema:
        values: Any = read_json(directory / SCHEMA)
        return FeatureSchema.from_dict(values)

    return _build_part(directory, SCHEMA, build)


def verify_files(directory: Path, manifest: Manifest, *, unopened: str | None = None) -> None:
    """Compare every file of a release with its manifest: none missing, altered, added or linked.

    Args:
        unopened: A directory of the release that will not be opened: the content of its files is not read now.

    Raises:
        ReleaseUnusable: naming the first file that differs and how.
    """
    found = set(list_files(directory)) - NOT_LISTED
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


def _read_small_file(directory: Path, name: str) -> bytes | None:
    """The content of a file that is read whole, and so has to be small; None when there is none."""
    try:
        descriptor = os.open(directory / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise ReleaseUnusable(f"Version {directory.name}: {name} cannot be opened ({fault.strerror}).") from fault
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(_MOST_BYTES[name] + 1)
    if len(content) > _MOST_BYTES[name]:
        raise ReleaseUnusable(f"Version {directory.name}: {name} is too large to be one.")
    return content


def _build_part(directory: Path, name: str, build: Callable[[], Part]) -> Part:
    try:
        return build()
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as fault:
        reason = type(fault).__name__
        raise ReleaseUnusable(f"Version {directory.name}: {name} is missing or damaged ({reason}).") from fault
