"""The files of jobs, each job in a directory of its own: what was sent, the parts, their results, the whole."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import orjson

from app.release.files import replace_file, sync_directory
from app.serving.scoring.parts import TablePart

_INPUT, _RESULTS, _RESULT = "input", "results", "result"


class JobFiles:
    """What a crash leaves of a file is never taken for the file."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def receive(self, job_id: str, pieces: Iterable[bytes]) -> int:
        """Keep a table that is sent, as it comes; return its bytes. What ends early leaves nothing."""
        directory = self._root / job_id
        directory.mkdir(mode=0o700, parents=True)
        try:
            with (directory / _INPUT).open("wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            sync_directory(directory)
        except BaseException:
            self.delete(job_id)
            raise
        return size

    def input(self, job_id: str) -> Path:
        return self._root / job_id / _INPUT

    def write_parts(self, job_id: str, parts: Iterable[TablePart]) -> tuple[str, list[int]]:
        """Keep all parts in a new place below the job's directory; return the place, and the rows of each part.

        Two workers that cut the same table, which may have changed in between, keep their parts apart.
        """
        place = f"parts-{uuid.uuid4().hex}"
        directory = self._root / job_id / place
        directory.mkdir(mode=0o700, parents=True)
        rows = []
        for part in parts:
            replace_file(directory / str(part.number), _write_part(part))
            rows.append(part.rows)
        (directory.parent / _RESULTS).mkdir(mode=0o700, exist_ok=True)
        sync_directory(directory.parent)
        return place, rows

    def read_part(self, job_id: str, place: str, number: int) -> TablePart:
        return _read_part((self._root / job_id / place / str(number)).read_bytes())

    def write_part_result(self, job_id: str, number: int, content: bytes) -> None:
        replace_file(self._root / job_id / _RESULTS / str(number), content)

    def iterate_part_results(self, job_id: str, count: int) -> Iterator[bytes]:
        for number in range(count):
            yield (self._root / job_id / _RESULTS / str(number)).read_bytes()

    @contextmanager
    def written_result(self, job_id: str) -> Iterator[BinaryIO]:
        """The file of the result, which is there when the block has ended well."""
        result = self._root / job_id / _RESULT
        temporary = result.with_name(f".{_RESULT}.{uuid.uuid4().hex}.tmp")
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(result)
        sync_directory(result.parent)

    def result(self, job_id: str) -> Path:
        return self._root / job_id / _RESULT

    def keep_result_only(self, job_id: str) -> None:
        for path in (self._root / job_id).iterdir():
            if path.name != _RESULT:
                _remove(path)

    def delete(self, job_id: str) -> None:
        shutil.rmtree(self._root / job_id, ignore_errors=True)

    def measure_idleness(self, job_id: str) -> float:
        """For how many seconds nothing of a job has been written."""
        directory = self._root / job_id
        try:
            return time.time() - max(path.stat().st_mtime for path in (directory, *directory.iterdir()))
        except FileNotFoundError:
            return 0.0

    def list_jobs(self) -> list[str]:
        """The jobs that have files."""
        try:
            return sorted(path.name for path in self._root.iterdir() if path.is_dir())
        except FileNotFoundError:
            return []


def _remove(path: Path) -> None:
    """Another worker may be doing the same."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _write_part(part: TablePart) -> bytes:
    head = {
        "number": part.number,
        "first_row": part.first_row,
        "rows": part.rows,
        "media_type": part.media_type,
        "header_bytes": len(part.header),
        "first_line": part.first_line,
    }
    return orjson.dumps(head) + b"\n" + part.header + part.body


def _read_part(content: bytes) -> TablePart:
    head_text, _, table = content.partition(b"\n")
    head = orjson.loads(head_text)
    size = head.pop("header_bytes")
    return TablePart(**head, header=table[:size], body=table[size:])
