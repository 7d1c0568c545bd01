"""The machine that a run was made on, as far as it decides figures."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

_LIBRARIES = ("autogluon.tabular", "flask", "gunicorn", "numpy", "pandas", "lightgbm", "catboost", "scikit-learn")


@dataclass(frozen=True)
class Machine:
    cpu: str
    cores: int
    memory_gb: float
    system: str
    python: str
    libraries: Mapping[str, str]


def describe_machine() -> Machine:
    return Machine(
        cpu=_read_cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=psutil.virtual_memory().total / 1e9,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        libraries={name: found for name in _LIBRARIES if (found := _find_version(name))},
    )


def _read_cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _find_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
