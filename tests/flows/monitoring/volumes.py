"""A volume of 1 MB for the prediction log of a server that a test starts."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VOLUME_BYTES = 2**20


@contextmanager
def small_volume(path: Path) -> Iterator[None]:
    """Have 1 MB at a path until the end of the block: a file system of that size, which only root may mount.

    Where that is not allowed, no file of a process that is started in the block grows beyond that size: each fills up,
    and loses lines, as on a volume of its own.
    """
    path.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={VOLUME_BYTES}", "tmpfs", str(path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        try:
            yield
        finally:
            # Whoever still has a file open there does not keep it mounted.
            subprocess.run(["umount", "--lazy", str(path)], check=True)
    else:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (VOLUME_BYTES, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
