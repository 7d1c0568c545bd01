from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector

from app.monitoring.metrics.sharing import DIRECTORY_VARIABLE, SharedValues, SharingFailed


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever joins in a test leaves the library as it was."""
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setenv(DIRECTORY_VARIABLE, "")


def read_all(directory: Path) -> None:
    MultiProcessCollector(CollectorRegistry(), path=str(directory)).collect()  # type: ignore[no-untyped-call]


def test_others_can_read_the_files_at_every_moment_while_they_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve, looks = os.posix_fallocate, []

    def look_before_and_after(descriptor: int, offset: int, length: int) -> None:
        read_all(tmp_path)
        reserve(descriptor, offset, length)
        read_all(tmp_path)
        looks.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "posix_fallocate", look_before_and_after)
    SharedValues(tmp_path, slot=0).join()
    read_all(tmp_path)
    assert len(looks) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "counter_0.db",
        "gauge_livesum_0.db",
        "histogram_0.db",
    ]


def test_an_empty_file_could_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "counter_0.db").touch()
    with pytest.raises(Exception, match="buffer"):
        read_all(tmp_path)


def test_what_a_worker_before_has_counted_is_kept(tmp_path: Path) -> None:
    SharedValues(tmp_path, slot=0).join()
    counted = (tmp_path / "counter_0.db").read_bytes().replace(b"\0", b"1", 1)
    (tmp_path / "counter_0.db").write_bytes(counted)
    (tmp_path / "gauge_livesum_0.db").unlink()
    SharedValues(tmp_path, slot=0).join()
    assert (tmp_path / "counter_0.db").read_bytes() == counted
    assert (tmp_path / "gauge_livesum_0.db").stat().st_size == len(counted)


def test_where_there_is_no_room_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", fail)
    with pytest.raises(SharingFailed, match="No space left"):
        SharedValues(tmp_path, slot=0).join()
    assert list(tmp_path.iterdir()) == []
