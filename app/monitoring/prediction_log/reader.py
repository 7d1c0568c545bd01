"""Reads the files of the prediction log in constant memory, from where an earlier reading ended. Invents nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

SUFFIX = ".jsonl"
LONGEST_LINE_BYTES = 256 * 2**20
MOST_BYTES = 8 * 2**20
_CHUNK_BYTES = 2**20

Record = dict[str, Any]


@dataclass(frozen=True)
class FilePosition:
    """How far a file was read: up to the end of a whole line. A file is known by its inode: names come again."""

    inode: int
    offset: int


@dataclass(frozen=True)
class Position:
    """How far a log was read: each file that was there, by its name."""

    files: Mapping[str, FilePosition] = field(default_factory=dict)

    def to_state(self) -> dict[str, list[int]]:
        return {name: [place.inode, place.offset] for name, place in self.files.items()}

    @classmethod
    def from_state(cls, state: Mapping[str, list[int]]) -> Position:
        return cls({name: FilePosition(inode, offset) for name, (inode, offset) in state.items()})


class LogReader:
    """Reads what is new in a directory of logs, which others write and remove files of meanwhile.

    A line counts when its end is there: what comes after the last one is being written, or was torn by the end of its
    process, and is looked at again. A whole line that is no record is passed over and counted.

    Attributes:
        position: Where to go on, also in another process.
        damaged_lines: Lines that were passed over.
        lag_bytes: What the last look saw and did not read, without torn tails.
    """

    def __init__(self, directory: Path, position: Position | None = None) -> None:
        self.damaged_lines = 0
        self.lag_bytes = 0
        self._directory = directory
        self._places = dict(position.files) if position else {}
        # Size of files whose end is no whole line: until they grow there is nothing to read.
        self._torn: dict[str, int] = {}

    @property
    def position(self) -> Position:
        return Position(dict(self._places))

    def read(self, most: int, *, most_bytes: int = MOST_BYTES) -> list[Record]:
        """The next records, at most so many and hardly more bytes of them than that; oldest file first."""
        records: list[Record] = []
        self.lag_bytes = 0
        left = most_bytes
        for name, size in self._look():
            while len(records) < most and left > 0 and self._has_more(name, size):
                begun = self._places[name].offset
                records += self._read_from(name, size, most - len(records))
                left -= self._places[name].offset - begun
            if self._has_more(name, size):
                self.lag_bytes += size - self._places[name].offset
        return records

    def _has_more(self, name: str, size: int) -> bool:
        return size > self._places[name].offset and self._torn.get(name) != size

    def _look(self) -> list[tuple[str, int]]:
        """Find the files and their sizes; forget those that were removed."""
        found: list[tuple[float, str, int]] = []
        try:
            with os.scandir(self._directory) as entries:
                for entry in entries:
                    if entry.name.endswith(SUFFIX):
                        found += self._look_at(entry)
        except FileNotFoundError:
            return []
        present = {name for _, name, _ in found}
        self._places = {name: place for name, place in self._places.items() if name in present}
        self._torn = {name: size for name, size in self._torn.items() if name in present}
        return [(name, size) for _, name, size in sorted(found)]

    def _look_at(self, entry: os.DirEntry[str]) -> Iterator[tuple[float, str, int]]:
        try:
            status = entry.stat()
        except FileNotFoundError:
            return
        known = self._places.get(entry.name)
        if known is None or known.inode != status.st_ino:
            self._places[entry.name] = FilePosition(status.st_ino, 0)
            self._torn.pop(entry.name, None)
        elif known.offset > status.st_size:
            # A power cut took what was read and never reached the disk; nobody writes to such a file any more.
            self._places[entry.name] = FilePosition(status.st_ino, status.st_size)
        yield status.st_mtime, entry.name, status.st_size

    def _read_from(self, name: str, size: int, most: int) -> list[Record]:
        place = self._places[name]
        whole = self._read_whole_lines(name, place, size)
        if not whole:
            self._torn[name] = size
            return []
        records: list[Record] = []
        read = 0
        for line in whole.split(b"\n")[:-1]:
            if len(records) == most:
                break
            read += len(line) + 1
            record = _parse(line)
            if record is not None:
                records.append(record)
            elif line:
                self.damaged_lines += 1
        self._places[name] = FilePosition(place.inode, place.offset + read)
        return records

    def _read_whole_lines(self, name: str, place: FilePosition, size: int) -> bytes:
        """Some bytes up to the end of a line; none when the file has no more such end, or has gone.

        Fallback: a line without end in LONGEST_LINE_BYTES is no line of ours: it is passed over and counted.
        """
        wanted = _CHUNK_BYTES
        try:
            with (self._directory / name).open("rb") as file:
                if os.fstat(file.fileno()).st_ino != place.inode:
                    return b""
                file.seek(place.offset)
                read = file.read(min(wanted, size - place.offset))
                while (end := read.rfind(b"\n")) < 0 and place.offset + len(read) < size:
                    if len(read) > LONGEST_LINE_BYTES:
                        self.damaged_lines += 1
                        self._places[name] = FilePosition(place.inode, size)
                        return b""
                    wanted *= 2
                    read += file.read(min(wanted, size - place.offset - len(read)))
        except FileNotFoundError:
            return b""
        return read[: end + 1]


def _parse(line: bytes) -> Record | None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("kind"), str) else None
