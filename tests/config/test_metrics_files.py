from __future__ import annotations

from pathlib import Path

import pytest

from config.metrics_files import MetricsFiles


def make_files(path: Path) -> MetricsFiles:
    return MetricsFiles(path, shared_memory=path)


def test_a_slot_passes_on_when_its_worker_has_ended(tmp_path: Path) -> None:
    files = make_files(tmp_path)
    assert [files.take_slot(worker) for worker in (1, 2, 3)] == [0, 1, 2]
    files.free_slot(2)
    assert [files.take_slot(worker) for worker in (4, 5)] == [1, 3]
    files.remove()


def test_what_an_ended_worker_counted_stays_and_what_it_said_of_its_present_goes(tmp_path: Path) -> None:
    files = make_files(tmp_path)
    names = ["counter_0.db", "gauge_livesum_0.db", "gauge_livesum_1.db"]
    for name in names:
        (files.path / name).touch()
    files.free_slot(7)
    assert sorted(path.name for path in files.path.glob("*.db")) == names
    files.take_slot(7)
    files.free_slot(7)
    assert sorted(path.name for path in files.path.glob("*.db")) == ["counter_0.db", "gauge_livesum_1.db"]
    files.remove()
    assert list(tmp_path.iterdir()) == []


def test_the_files_of_a_server_that_was_killed_are_removed_and_those_of_a_living_one_are_not(tmp_path: Path) -> None:
    left = tmp_path / "gluonserve-metrics-left"
    left.mkdir()
    (left / "lock").touch()
    (left / "counter_0.db").touch()
    living = make_files(tmp_path)
    another = make_files(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([living.path, another.path])
    living.remove()
    another.remove()


@pytest.mark.parametrize("strange", ["gluonserve-metrics-being-made", "gluonserve-metrics-file"])
def test_what_has_no_lock_is_left_alone(tmp_path: Path, strange: str) -> None:
    if strange.endswith("file"):
        (tmp_path / strange).touch()
    else:
        (tmp_path / strange).mkdir()
    make_files(tmp_path).remove()
    assert [path.name for path in tmp_path.iterdir()] == [strange]


def test_without_shared_memory_they_lie_in_home(tmp_path: Path) -> None:
    files = MetricsFiles(tmp_path / "home", shared_memory=tmp_path / "missing")
    assert files.path.parent == tmp_path / "home" / "metrics"
    files.remove()
