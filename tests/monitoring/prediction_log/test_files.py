"""Files of a log: whole lines, rotation, and what is removed when."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.monitoring.prediction_log.files import LogFiles, Retention
from app.monitoring.prediction_log.reader import LogReader
from tests.monitoring.builders import room_for
from tests.rules.repository import ROOT

LINE = b'{"kind":"request"}\n'
DAY = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


def make_files(directory: Path, *, clock: Clock | None = None, **changes: Any) -> LogFiles:
    usual: dict[str, Any] = {"file_bytes": 1000, "file_seconds": DAY, "keep_seconds": 7 * DAY, "keep_bytes": 10**9}
    return LogFiles(directory, Retention(**{**usual, **changes}), clock=clock or Clock())


def list_sizes(directory: Path) -> list[int]:
    return [path.stat().st_size for path in sorted(directory.iterdir())]


def leave_file(directory: Path, name: str, *, size: int, modified: float) -> Path:
    """What a process that has ended left."""
    path = directory / f"{name}.jsonl"
    path.write_bytes(b"x" * size)
    os.utime(path, (modified, modified))
    return path


def test_nothing_is_made_before_there_is_something_to_write(tmp_path: Path) -> None:
    files = make_files(tmp_path / "logs" / "predictions")
    files.tend()
    files.close()
    assert not (tmp_path / "logs").exists()
    assert files.append(LINE) == len(LINE)
    (path,) = (tmp_path / "logs" / "predictions").iterdir()
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (LINE, 0o640 & ~_read_umask())
    assert f"-{os.getpid()}-" in path.name


def test_a_full_file_and_an_old_one_are_followed_by_another(tmp_path: Path) -> None:
    clock = Clock()
    files = make_files(tmp_path, clock=clock, file_bytes=3 * len(LINE), file_seconds=60)
    for _ in range(4):
        files.append(LINE)
    assert list_sizes(tmp_path) == [3 * len(LINE), len(LINE)]
    clock.now += 59
    files.tend()
    files.append(LINE)
    clock.now += 1
    files.tend()
    files.append(LINE)
    assert list_sizes(tmp_path) == [3 * len(LINE), 2 * len(LINE), len(LINE)]


def test_what_does_not_fit_whole_is_taken_back_to_the_last_whole_line(tmp_path: Path) -> None:
    files = make_files(tmp_path)
    with room_for(100):
        assert files.append(LINE * 9) == 5 * len(LINE)
        assert list_sizes(tmp_path) == [5 * len(LINE)]
        assert files.append(LINE) == 0
    assert list_sizes(tmp_path) == [5 * len(LINE)]


def test_where_a_file_can_grow_no_more_another_one_can(tmp_path: Path) -> None:
    files = make_files(tmp_path)
    with room_for(100):
        files.append(b"x" * 99 + b"\n")
        with pytest.raises(OSError, match="too large"):
            files.append(LINE)
        assert files.append(LINE) == len(LINE)
    assert list_sizes(tmp_path) == [100, len(LINE)]


def test_a_piece_that_cannot_be_taken_back_ends_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, length: int) -> None:
        raise PermissionError(descriptor, length)

    monkeypatch.setattr(os, "ftruncate", refuse)
    files = make_files(tmp_path)
    with room_for(100):
        assert [files.append(LINE * 9), files.append(LINE)] == [5 * len(LINE), len(LINE)]
    opened = LogReader(tmp_path)
    assert (len(opened.read(100)), opened.damaged_lines) == (6, 0)


def test_a_directory_that_is_taken_away_is_made_again(tmp_path: Path) -> None:
    files = make_files(tmp_path / "logs")
    files.append(LINE)
    shutil.rmtree(tmp_path / "logs")
    files.append(LINE)
    assert list_sizes(tmp_path / "logs") == [len(LINE)]


def test_where_nothing_can_be_made_the_reason_is_told_and_no_descriptor_is_left(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("not a directory")
    files = make_files(tmp_path / "logs" / "predictions")
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        with pytest.raises(NotADirectoryError):
            files.append(LINE)
    files.tend()
    assert os.listdir("/proc/self/fd") == before


def test_files_go_that_are_too_old_and_the_oldest_of_too_many(tmp_path: Path) -> None:
    clock = Clock()
    leave_file(tmp_path, "too-old", size=1, modified=clock.now - 7 * DAY - 1)
    leave_file(tmp_path, "oldest-of-too-many", size=60, modified=clock.now - 3)
    leave_file(tmp_path, "fits", size=60, modified=clock.now - 2)
    leave_file(tmp_path, "newest", size=30, modified=clock.now - 1)
    (tmp_path / "notes.txt").write_text("not ours")
    make_files(tmp_path, clock=clock, keep_bytes=100).prune()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fits.jsonl", "newest.jsonl", "notes.txt"]


def test_files_are_looked_at_once_an_hour_and_with_each_new_file(tmp_path: Path) -> None:
    clock = Clock()
    files = make_files(tmp_path, clock=clock, keep_seconds=DAY)
    old = [leave_file(tmp_path, "a", size=1, modified=clock.now - 2 * DAY)]
    files.append(LINE)
    files.tend()
    assert old[0].exists()
    clock.now += 3600
    files.tend()
    assert not old[0].exists()
    old.append(leave_file(tmp_path, "b", size=1, modified=clock.now - 2 * DAY))
    files.append(LINE * 60)
    files.append(LINE)
    assert not old[1].exists()


def test_a_file_of_a_living_process_stays_and_one_of_a_killed_process_goes(tmp_path: Path) -> None:
    source = (
        "import sys\nfrom pathlib import Path\nfrom tests.monitoring.prediction_log.test_files import *\n"
        "files = make_files(Path(sys.argv[1]))\nfiles.append(LINE)\nprint('written', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        (path,) = tmp_path.iterdir()
        os.utime(path, (0, 0))
        make_files(tmp_path).prune()
        assert path.exists()
        writer.kill()
    make_files(tmp_path).prune()
    assert not path.exists()


def test_what_cannot_be_removed_takes_nothing_from_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "directory.jsonl").mkdir()
    (tmp_path / "nowhere.jsonl").symlink_to(tmp_path / "missing")
    leave_file(tmp_path, "oldest", size=5000, modified=0)
    files = make_files(tmp_path, file_bytes=1, keep_bytes=1)
    for _ in range(3):
        files.append(LINE)
    left = [path.name for path in tmp_path.iterdir()]
    assert {"directory.jsonl", "nowhere.jsonl"} < set(left)
    assert len(left) == 3


def _read_umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask
