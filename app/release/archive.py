"""A directory as one compressed file: equal bytes for equal content, and back without trusting what the file holds."""

from __future__ import annotations

import fcntl
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

import zstandard

from app.release.files import list_files

# Forests shrink by a tenth more than at level 3; unpacking costs the same.
_LEVEL = 9
_CHUNK_BYTES = 1 << 20
_BLOCK_BYTES = 512
# What ends a tape archive.
_END = bytes(2 * _BLOCK_BYTES)
_LONGEST_FRAME_HEADER = 18
_PRIVATE_PREFIX = "gluonserve-unpacked-"
# A directory is locked just after it was made; younger ones are left alone.
_SECONDS_UNTIL_LOCKED = 60


class ArchiveRefused(Exception):
    """A file is not an archive that pack_directory writes."""


def pack_directory(source: Path, archive: Path) -> None:
    """Write the files below a directory into a new archive, in order and without owners, modes and times.

    Raises:
        ArchiveRefused: when something below the directory is neither a file nor a directory.
    """
    members = [(source / path, _describe_member(source, path)) for path in list_files(source)]
    size = sum(len(_make_header(member)) + _round_up(member.size) for _, member in members) + len(_END)
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    with archive.open("xb") as file, compressor.stream_writer(file, size=size) as writer:
        for path, member in members:
            writer.write(_make_header(member))
            with path.open("rb") as content:
                shutil.copyfileobj(content, writer, _CHUNK_BYTES)
            writer.write(bytes(_round_up(member.size) - member.size))
        writer.write(_END)


def read_unpacked_size(archive: Path) -> int:
    """How many bytes an archive unpacks to, as its first ones say.

    Raises:
        ArchiveRefused: when they do not.
    """
    with archive.open("rb") as file:
        header = file.read(_LONGEST_FRAME_HEADER)
    try:
        size = zstandard.frame_content_size(header)
    except zstandard.ZstdError as fault:
        raise ArchiveRefused(f"{archive.name} is not compressed as it should be ({type(fault).__name__})") from fault
    if size < 0:
        raise ArchiveRefused(f"{archive.name} does not say how large it is")
    return size


def unpack_archive(archive: Path, directory: Path) -> None:
    """Write the files of an archive below an existing, empty directory.

    Written are plain files below that directory, each once, and never more than the size that the archive announces:
    it is part of a release, and whoever vouches for the release vouches for it.

    Raises:
        ArchiveRefused: naming what is wrong; what was written by then is the caller's to remove.
        OSError: when the directory cannot be written.
    """
    announced = read_unpacked_size(archive)
    decompressor = zstandard.ZstdDecompressor()
    try:
        with archive.open("rb") as file, decompressor.stream_reader(file) as compressed:
            stream = _BoundedStream(compressed, announced, archive.name)
            with tarfile.open(fileobj=stream, mode="r|") as members:  # type: ignore[call-overload]  # it only reads
                for member in members:
                    _write_member(members, member, directory)
            stream.require_end()
    except (zstandard.ZstdError, tarfile.TarError, FileExistsError, NotADirectoryError, ValueError) as fault:
        raise ArchiveRefused(f"{archive.name} is damaged ({type(fault).__name__})") from fault


@contextmanager
def unpack_privately(archive: Path) -> Iterator[Path]:
    """A temporary directory of this process alone with the files of an archive; removed at the end.

    What a killed process has left behind is removed by the next one.

    Raises:
        ArchiveRefused: naming what is wrong with the archive.
        OSError: when there is no room for it.
    """
    _remove_abandoned()
    with tempfile.TemporaryDirectory(prefix=_PRIVATE_PREFIX, ignore_cleanup_errors=True) as name:
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            unpack_archive(archive, Path(name))
            yield Path(name)
        finally:
            os.close(descriptor)


class _BoundedStream:
    """The bytes of a stream, of which there must be as many as were announced."""

    def __init__(self, stream: IO[bytes], announced: int, name: str) -> None:
        self._stream = stream
        self._left = announced
        self._name = name

    def read(self, size: int) -> bytes:
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise ArchiveRefused(f"{self._name} holds more than it announces")
        return content

    def require_end(self) -> None:
        while self.read(_CHUNK_BYTES):
            continue
        if self._left:
            raise ArchiveRefused(f"{self._name} ends early")


def _describe_member(source: Path, path: str) -> tarfile.TarInfo:
    if (source / path).is_symlink() or not (source / path).is_file():
        raise ArchiveRefused(f"{path} is not a plain file: only files can be packed")
    member = tarfile.TarInfo(path)
    member.size = (source / path).stat().st_size
    return member


def _make_header(member: tarfile.TarInfo) -> bytes:
    return member.tobuf(tarfile.PAX_FORMAT)


def _round_up(size: int) -> int:
    return -(-size // _BLOCK_BYTES) * _BLOCK_BYTES


def _write_member(members: tarfile.TarFile, member: tarfile.TarInfo, directory: Path) -> None:
    name = PurePosixPath(member.name)
    content = members.extractfile(member) if member.type == tarfile.REGTYPE and not member.issparse() else None
    if content is None or name.is_absolute() or ".." in name.parts or not name.parts:
        raise ArchiveRefused(f"it holds {member.name!r}, which is no plain file below it")
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        shutil.copyfileobj(content, file, _CHUNK_BYTES)


def _remove_abandoned() -> None:
    """Remove private directories whose process was killed: nobody holds their lock any more."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PRIVATE_PREFIX}*"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:  # removed meanwhile, or another user's
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - os.fstat(descriptor).st_mtime > _SECONDS_UNTIL_LOCKED:
                shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
