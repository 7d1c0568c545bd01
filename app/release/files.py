"""Files that survive a crash: atomic writes, durable directories, digests. No knowledge of releases."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

# The names of what a crash leaves of `replace_file`, beside the file itself.
UNFINISHED = ".*.tmp"

_CHUNK_BYTES = 1 << 20


def write_json(path: Path, content: object) -> None:
    """Replace a JSON file in one step: a reader sees the old content or the new one, also after a power cut."""
    replace_file(path, orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))


def replace_file(path: Path, content: bytes) -> None:
    """Write a file in one step: a reader sees the old content or the new one, also after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


def create_file(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file that must not be there yet, whole or not at all; of several processes at once, one wins.

    Raises:
        FileExistsError: when there is one, which then stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, written = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.link(written, path)
    finally:
        os.unlink(written)
    sync_directory(path.parent)


def read_json(path: Path) -> object:
    return orjson.loads(path.read_bytes())


def sync_directory(path: Path) -> None:
    """Make renames inside a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(root: Path) -> None:
    """Flush every file and directory below a root, deepest first, so that a later rename publishes whole files."""
    for directory, _, names in os.walk(root, topdown=False):
        for name in names:
            with (Path(directory) / name).open("rb") as file:
                os.fsync(file.fileno())
        sync_directory(Path(directory))


def list_files(root: Path) -> Iterator[str]:
    """Yield the path of everything below a root that is not a directory, links included, relative and in POSIX form."""
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            yield path.relative_to(root).as_posix()


def open_plain_file(path: Path) -> BinaryIO:
    """Open a file that may be anything. A FIFO does not block, a link is not followed.

    Raises:
        OSError: when it cannot be opened.
        NotPlainFile: when it is a link, a directory or a special file.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        raise NotPlainFile(path)
    # What was a file a moment ago may have been replaced meanwhile.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotPlainFile(path)
    return os.fdopen(descriptor, "rb")


class NotPlainFile(Exception):
    """A link, a directory, a FIFO, a socket or a device, where a file was expected."""


def compute_sha256(path: Path) -> str:
    """Digest a file in constant memory."""
    with path.open("rb") as file:
        return compute_sha256_of(file)


def compute_sha256_of(file: BinaryIO) -> str:
    """Digest the rest of an open file in constant memory."""
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
