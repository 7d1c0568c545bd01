"""Limits of control groups are found in the layouts of version 1, version 2 and containers."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.cgroups import Limit, list_core_limits, list_memory_limits, read_core_seconds, read_used_bytes

V2_MOUNT = "35 25 0:30 {group} /sys/fs/cgroup rw,nosuid,nodev,noexec shared:9 - cgroup2 cgroup2 rw,nsdelegate"
V1_MOUNTS = """\
25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw
31 25 0:26 / /sys/fs/cgroup ro,nosuid shared:8 - tmpfs tmpfs ro,mode=755
33 31 0:28 {group} /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:10 - cgroup cgroup rw,cpu,cpuacct
34 31 0:29 {group} /sys/fs/cgroup/memory rw,nosuid shared:11 - cgroup cgroup rw,memory
35 31 0:30 {group} /sys/fs/cgroup/cpuset rw,nosuid shared:12 - cgroup cgroup rw,cpuset
36 31 0:31 / /sys/fs/cgroup/unified rw,nosuid shared:13 - cgroup2 cgroup2 rw"""
V1_GROUPS = "12:cpuset:{group}\n8:memory:{group}\n4:cpu,cpuacct:{group}\n1:name=systemd:/init.scope\n0::/init.scope\n"
UNLIMITED = str((1 << 63) - 4096)


def make_tree(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{text}\n")
    return root


def make_v2(root: Path, *, group: str, files: dict[str, str], mounted: str = "/") -> Path:
    files = {f"sys/fs/cgroup/{path}": text for path, text in files.items()}
    return make_tree(
        root,
        {"proc/self/cgroup": f"0::{group}", "proc/self/mountinfo": V2_MOUNT.format(group=mounted), **files},
    )


def make_v1(root: Path, *, group: str, files: dict[str, str], mounted: str = "/") -> Path:
    files = {f"sys/fs/cgroup/{path}": text for path, text in files.items()}
    return make_tree(
        root,
        {
            "proc/self/cgroup": V1_GROUPS.format(group=group).strip(),
            "proc/self/mountinfo": V1_MOUNTS.format(group=mounted),
            **files,
        },
    )


def test_version_2_inside_a_container(tmp_path: Path) -> None:
    files = {"cpu.max": "150000 100000", "cpuset.cpus.effective": "0-3", "memory.max": "2147483648"}
    root = make_v2(tmp_path, group="/", files=files)
    assert list_core_limits(root) == [Limit(1.5, "cgroup cpu.max"), Limit(4, "cgroup cpuset.cpus.effective")]
    assert list_memory_limits(root) == [Limit(2147483648, "cgroup memory.max")]


def test_version_2_without_limits(tmp_path: Path) -> None:
    files = {"a/cpu.max": "max 100000", "a/memory.max": "max", "a/cpuset.cpus.effective": ""}
    root = make_v2(tmp_path, group="/a", files=files)
    assert list_core_limits(root) == []
    assert list_memory_limits(root) == []


def test_a_limit_of_a_group_above_holds_too(tmp_path: Path) -> None:
    files = {
        "system.slice/cpu.max": "200000 100000",
        "system.slice/memory.max": "1000",
        "system.slice/gluonserve.service/cpu.max": "max 100000",
        "system.slice/gluonserve.service/memory.max": "3000",
    }
    root = make_v2(tmp_path, group="/system.slice/gluonserve.service", files=files)
    assert list_core_limits(root) == [Limit(2, "cgroup cpu.max")]
    assert min(list_memory_limits(root)) == Limit(1000, "cgroup memory.max")


def test_version_1(tmp_path: Path) -> None:
    files = {
        "cpu,cpuacct/web/cpu.cfs_quota_us": "50000",
        "cpu,cpuacct/web/cpu.cfs_period_us": "100000",
        "cpu,cpuacct/cpu.cfs_quota_us": "-1",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
        "cpuset/web/cpuset.effective_cpus": "0-1,4,6-7",
        "memory/web/memory.limit_in_bytes": "536870912",
        "memory/memory.limit_in_bytes": UNLIMITED,
    }
    root = make_v1(tmp_path, group="/web", files=files)
    assert list_core_limits(root) == [Limit(0.5, "cgroup cpu.cfs_quota_us"), Limit(5, "cgroup cpuset.effective_cpus")]
    assert min(list_memory_limits(root)) == Limit(536870912, "cgroup memory.limit_in_bytes")


@pytest.mark.parametrize("mounted", ["/docker/4f0c", "/docker/4f0c/sub", "/../other"])
def test_a_container_of_version_1_sees_its_own_group_at_the_mount(tmp_path: Path, mounted: str) -> None:
    files = {
        "cpu,cpuacct/cpu.cfs_quota_us": "300000",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
        "cpuset/cpuset.cpus": "2",
        "memory/memory.limit_in_bytes": "1000000",
    }
    root = make_v1(tmp_path, group="/docker/4f0c", files=files, mounted=mounted)
    assert list_core_limits(root) == [Limit(3, "cgroup cpu.cfs_quota_us"), Limit(1, "cgroup cpuset.cpus")]
    assert list_memory_limits(root) == [Limit(1000000, "cgroup memory.limit_in_bytes")]


def test_a_group_outside_of_the_namespace_is_looked_up_at_the_mount(tmp_path: Path) -> None:
    root = make_v2(tmp_path, group="/../../elsewhere", files={"cpu.max": "100000 100000"})
    assert list_core_limits(root) == [Limit(1, "cgroup cpu.max")]


@pytest.mark.parametrize("text", ["", "max", "a b", "100000 0x"])
def test_a_file_that_cannot_be_understood_sets_no_limit(tmp_path: Path, text: str) -> None:
    assert list_core_limits(make_v2(tmp_path, group="/", files={"cpu.max": text, "memory.max": text})) == []


def test_a_host_without_control_groups_has_no_limits(tmp_path: Path) -> None:
    assert list_core_limits(tmp_path) == []
    assert list_memory_limits(tmp_path) == []
    bare = make_tree(tmp_path, {"proc/self/cgroup": "0::/", "proc/self/mountinfo": "22 1 0:1 / / rw - ext4 /dev/a rw"})
    assert list_core_limits(bare) == []


def test_version_2_tells_what_was_taken_under_the_tightest_limit(tmp_path: Path) -> None:
    files = {
        "cpu.max": "400000 100000",
        "cpu.stat": "usage_usec 9000000\nuser_usec 1",
        "memory.max": "max",
        "a/cpu.max": "150000 100000",
        "a/cpu.stat": "usage_usec 2500000\nuser_usec 1",
        "a/memory.max": "1000",
        "a/memory.current": "700",
        "a/memory.stat": "anon 300\ninactive_file 200",
    }
    root = make_v2(tmp_path, group="/a", files=files)
    assert (read_core_seconds(root), read_used_bytes(root)) == (2.5, 500)


def test_version_1_tells_what_was_taken_under_the_tightest_limit(tmp_path: Path) -> None:
    files = {
        "cpu,cpuacct/cpu.cfs_quota_us": "150000",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
        "cpu,cpuacct/cpuacct.usage": "2500000000",
        "memory/memory.limit_in_bytes": "1000",
        "memory/memory.usage_in_bytes": "700",
        "memory/memory.stat": "cache 1\ntotal_inactive_file 200",
    }
    root = make_v1(tmp_path, group="/", files=files)
    assert (read_core_seconds(root), read_used_bytes(root)) == (2.5, 500)


@pytest.mark.parametrize("usage", ["", "usage_usec", "max"])
def test_without_a_limit_or_with_files_that_cannot_be_read_nothing_is_told(tmp_path: Path, usage: str) -> None:
    files = {"cpu.max": "max 100000", "a/cpu.max": "150000 100000", "a/cpu.stat": usage, "a/memory.max": "1000"}
    root = make_v2(tmp_path, group="/a", files=files)
    assert (read_core_seconds(root), read_used_bytes(root)) == (None, None)
