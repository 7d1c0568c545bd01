"""What the control groups of this process allow it, in version 1 and 2 of their layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, order=True)
class Limit:
    """An amount (cores or bytes) and where it was read."""

    amount: float
    source: str


def list_core_limits(root: Path = Path("/")) -> list[Limit]:
    """Every limit on processor time; a fraction is a share of one core."""
    return [
        *_read_limits(root, None, "cpu.max", _parse_cpu_max),
        *_read_limits(root, "cpu", "cpu.cfs_quota_us", _parse_cfs_quota),
        *_read_limits(root, None, "cpuset.cpus.effective", _parse_cpuset),
        *_read_limits(root, "cpuset", "cpuset.effective_cpus", _parse_cpuset),
        *_read_limits(root, "cpuset", "cpuset.cpus", _parse_cpuset),
    ]


def list_memory_limits(root: Path = Path("/")) -> list[Limit]:
    """Every limit on memory, in bytes."""
    return [
        *_read_limits(root, None, "memory.max", _parse_bytes),
        *_read_limits(root, "memory", "memory.limit_in_bytes", _parse_bytes),
    ]


def read_core_seconds(root: Path = Path("/")) -> float | None:
    """Processor time that was taken under the tightest limit on it; None where nothing but the cores sets one."""
    return _read_used(root, None, "cpu.max", _parse_cpu_max, _parse_cpu_stat) or _read_used(
        root, "cpu", "cpu.cfs_quota_us", _parse_cfs_quota, _parse_cpuacct
    )


def read_used_bytes(root: Path = Path("/")) -> float | None:
    """Memory in use under the tightest limit on it, without what the kernel would give back; None without a limit."""
    return _read_used(root, None, "memory.max", _parse_bytes, _parse_memory_current) or _read_used(
        root, "memory", "memory.limit_in_bytes", _parse_bytes, _parse_memory_usage
    )


def _read_used(
    root: Path,
    controller: str | None,
    name: str,
    parse_limit: Callable[[Path], float | None],
    parse_used: Callable[[Path], float],
) -> float | None:
    found = []
    for directory in _list_directories(root, controller):
        try:
            amount = parse_limit(directory / name)
            if amount is not None:
                found.append((amount, parse_used(directory)))
        except (OSError, ValueError, LookupError):
            continue
    return min(found)[1] if found else None


def _read_limits(
    root: Path, controller: str | None, name: str, parse: Callable[[Path], float | None]
) -> Iterator[Limit]:
    for directory in _list_directories(root, controller):
        try:
            amount = parse(directory / name)
        except (OSError, ValueError):
            continue
        if amount is not None:
            yield Limit(amount, f"cgroup {name}")


def _list_directories(root: Path, controller: str | None) -> list[Path]:
    """The process's own group and all above it that can be seen: a limit holds for everything below.

    Args:
        controller: One of version 1; None for the single hierarchy of version 2.
    """
    group = _find_group(root, controller)
    mount = _find_mount(root, controller)
    if group is None or mount is None:
        return []
    mounted_group, top = mount
    # In a container the file names the group as the host sees it, and the mount begins at that group or below.
    inside = group.is_relative_to(mounted_group) and ".." not in group.parts
    steps = group.relative_to(mounted_group).parts if inside else ()
    return [top.joinpath(*steps[:depth]) for depth in range(len(steps), -1, -1)]


def _find_group(root: Path, controller: str | None) -> PurePosixPath | None:
    for line in _read_lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if (controller or "") in controllers.split(","):
            return PurePosixPath(path)
    return None


def _find_mount(root: Path, controller: str | None) -> tuple[PurePosixPath, Path] | None:
    """Which group is mounted, and where."""
    for line in _read_lines(root / "proc/self/mountinfo"):
        mount, _, file_system = line.partition(" - ")
        kind, _, options = file_system.split(" ", 2)
        if (kind == "cgroup2") if controller is None else (kind == "cgroup" and controller in options.split(",")):
            group, point = mount.split(" ")[3:5]
            return PurePosixPath(group), root / point.lstrip("/")
    return None


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _parse_cpu_max(path: Path) -> float | None:
    quota, period = path.read_text(encoding="ascii").split()
    return None if quota == "max" else int(quota) / int(period)


def _parse_cfs_quota(path: Path) -> float | None:
    quota = int(path.read_text(encoding="ascii"))
    period = int(path.with_name("cpu.cfs_period_us").read_text(encoding="ascii"))
    return quota / period if quota > 0 else None


def _parse_cpuset(path: Path) -> float | None:
    """Count a list such as `0-3,8`; an empty one sets no limit."""
    count = 0
    for part in path.read_text(encoding="ascii").strip().split(","):
        first, _, last = part.partition("-")
        count += int(last or first) - int(first) + 1 if part else 0
    return count or None


def _parse_bytes(path: Path) -> float | None:
    text = path.read_text(encoding="ascii").strip()
    return None if text == "max" else int(text)


def _parse_cpu_stat(group: Path) -> float:
    return _parse_counts(group / "cpu.stat")["usage_usec"] / 1e6


def _parse_cpuacct(group: Path) -> float:
    return int((group / "cpuacct.usage").read_text(encoding="ascii")) / 1e9


def _parse_memory_current(group: Path) -> float:
    used = int((group / "memory.current").read_text(encoding="ascii"))
    return used - _parse_counts(group / "memory.stat")["inactive_file"]


def _parse_memory_usage(group: Path) -> float:
    used = int((group / "memory.usage_in_bytes").read_text(encoding="ascii"))
    return used - _parse_counts(group / "memory.stat")["total_inactive_file"]


def _parse_counts(path: Path) -> dict[str, int]:
    lines = path.read_text(encoding="ascii").splitlines()
    return {name: int(count) for name, count in (line.split() for line in lines)}
