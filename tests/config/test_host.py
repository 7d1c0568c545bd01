"""Workers follow cores and memory, threads the kind of release, and a sentence says why."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from app.release.store import ReleaseStore
from config.cgroups import Limit
from config.host import Host, HostPlan, ReleaseFootprint, describe_choice, plan_host, read_footprint, read_host
from tests.config.test_cgroups import make_v2

NOTHING = ReleaseFootprint(execution=None)
PLAN = ReleaseFootprint(execution="plan")


def make_host(*, cores: float = 2, memory_gb: float = 64) -> Host:
    return Host(cores=Limit(cores, "cgroup cpu.max"), memory=Limit(memory_gb * 1e9, "cgroup memory.max"))


@pytest.mark.parametrize(
    ("cores", "workers"),
    [(0.1, 1), (0.5, 1), (1, 1), (1.4, 1), (1.5, 2), (2, 2), (2.25, 2), (3.75, 4), (64, 64), (300, 256)],
)
def test_one_worker_per_core_and_half_a_core_counts(cores: float, workers: int) -> None:
    assert plan_host(make_host(cores=cores), PLAN).workers == workers


@pytest.mark.parametrize(
    ("memory_gb", "footprint", "workers"),
    [
        (64, PLAN, 8),
        (1, PLAN, 5),
        (0.1, PLAN, 1),
        (64, ReleaseFootprint(execution="native", native_mb=678), 8),
        (8, ReleaseFootprint(execution="native", native_mb=678), 2),
        (1, ReleaseFootprint(execution="native", native_mb=678), 1),
        (1, NOTHING, 2),
    ],
)
def test_no_more_workers_than_memory_holds(memory_gb: float, footprint: ReleaseFootprint, workers: int) -> None:
    assert plan_host(make_host(cores=8, memory_gb=memory_gb), footprint).workers == workers


def test_workers_that_join_requests_have_more_threads() -> None:
    native = ReleaseFootprint(execution="native", native_mb=50)
    assert [plan_host(make_host(), footprint).threads for footprint in (PLAN, native, NOTHING)] == [4, 16, 16]


def test_the_tightest_limit_counts(tmp_path: Path) -> None:
    files = {"cpu.max": "1000 100000", "memory.max": "4096"}
    assert read_host(make_v2(tmp_path, group="/", files=files)) == Host(
        cores=Limit(0.01, "cgroup cpu.max"), memory=Limit(4096, "cgroup memory.max")
    )


def test_limits_above_the_machine_do_not_count(tmp_path: Path) -> None:
    files = {"cpu.max": "100000000 1000", "memory.max": str(1 << 62)}
    host = read_host(make_v2(tmp_path, group="/", files=files))
    assert host.cores == Limit(len(os.sched_getaffinity(0)), "processor affinity")
    assert host.memory.source == "physical memory"
    assert 1e8 < host.memory.amount < 1e15


def test_the_active_release_of_a_store_is_found(published_store: ReleaseStore) -> None:
    has_plan = (published_store.directory("1") / "plan").is_dir()
    assert read_footprint(published_store.path).execution == ("plan" if has_plan else "native")


def test_a_release_without_a_plan_takes_what_its_predictor_does_uncompressed(tmp_path: Path) -> None:
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "native.tar.zst").write_bytes(zstandard.compress(bytes(4_500_000)))
    (tmp_path / "ACTIVE").write_text('{"version": "3", "previous": null, "history": []}')
    assert read_footprint(tmp_path) == ReleaseFootprint(execution="native", native_mb=4.5)


def test_a_release_with_a_plan_is_executed_by_it_unless_a_setting_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "2" / "plan").mkdir(parents=True)
    (tmp_path / "2" / "native.tar.zst").write_bytes(zstandard.compress(bytes(500_000)))
    (tmp_path / "ACTIVE").write_text('{"version": "2", "previous": null, "history": []}')
    assert read_footprint(tmp_path) == PLAN
    assert read_footprint(tmp_path, prefer="native") == ReleaseFootprint(execution="native", native_mb=0.5)


def put_a_fifo(archive: Path) -> None:
    os.mkfifo(archive)


def put_a_link(archive: Path) -> None:
    archive.with_name("elsewhere").write_bytes(zstandard.compress(bytes(500_000)))
    archive.symlink_to(archive.with_name("elsewhere"))


def put_something_else(archive: Path) -> None:
    archive.write_text("{")


@pytest.mark.parametrize("put", [put_a_fifo, put_a_link, put_something_else])
def test_what_lies_in_the_place_of_a_predictor_neither_blocks_nor_counts(
    tmp_path: Path, put: Callable[[Path], None]
) -> None:
    (tmp_path / "1").mkdir()
    put(tmp_path / "1" / "native.tar.zst")
    (tmp_path / "ACTIVE").write_text('{"version": "1", "previous": null, "history": []}')
    assert read_footprint(tmp_path) == NOTHING


@pytest.mark.parametrize(
    "pointer", [None, "", "[]", "{}", '{"version": "../1"}', '{"version": null}', '{"version": 7}']
)
def test_without_a_readable_release_nothing_is_active(tmp_path: Path, pointer: str | None) -> None:
    (tmp_path / "1" / "plan").mkdir(parents=True)
    if pointer is not None:
        (tmp_path / "ACTIVE").write_text(pointer)
    assert read_footprint(tmp_path) == NOTHING


def test_the_choice_and_its_reasons_are_one_sentence() -> None:
    plan = plan_host(make_host(cores=1.5, memory_gb=0.5), ReleaseFootprint(execution="native", native_mb=100))
    assert describe_choice(plan, workers=1, threads=16) == (
        "1 worker x 16 threads: 1.5 cores by cgroup cpu.max, 0.5 GB by cgroup memory.max, "
        "a native release of 100 MB needs about 0.6 GB a worker, so memory sets the number of workers; "
        "WEB_CONCURRENCY and GLUONSERVE_THREADS override."
    )


def test_what_a_setting_overrides_is_said() -> None:
    plan = HostPlan(workers=2, threads=4, reason="2 cores")
    assert describe_choice(plan, workers=3, threads=1) == (
        "3 workers (set; the host suggests 2) x 1 thread (set; the host suggests 4): 2 cores; "
        "WEB_CONCURRENCY and GLUONSERVE_THREADS override."
    )
