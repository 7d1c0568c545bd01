"""How answers are named in Redis: by the release, for people to choose by, and by the digest of the row."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from redis import Redis

from app.release.manifest import Manifest

PREFIX = "gluonserve:cache"
_AT_ONCE = 1000


def name_release(manifest: Manifest) -> str:
    """What patterns are compared with: `churn:3`."""
    return f"{manifest.name}:{manifest.version}"


def write_key(release: str, name: bytes) -> str:
    return f"{PREFIX}:{release}:{name.hex()}"


def read_release(key: bytes) -> str:
    return key.decode(errors="replace").removeprefix(f"{PREFIX}:").rpartition(":")[0]


def list_keys(client: Redis, pattern: str = "*") -> Iterator[bytes]:
    """The keys of all releases that a pattern fits; `*` and `?` stand for any characters and for one."""
    for key in client.scan_iter(match=f"{PREFIX}:*", count=_AT_ONCE):
        if fnmatchcase(read_release(key), pattern):
            yield key


def remove_keys(client: Redis, pattern: str) -> int:
    """Remove all answers of the releases that a pattern fits; tell how many there were."""
    removed, batch = 0, list[bytes]()
    for key in list_keys(client, pattern):
        batch.append(key)
        if len(batch) == _AT_ONCE:
            removed += client.unlink(*batch)
            batch = []
    return removed + (client.unlink(*batch) if batch else 0)
