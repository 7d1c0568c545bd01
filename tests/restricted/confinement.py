"""What a process of our images may do, for a process of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.rules.repository import ROOT

USER = 10001
# The home of that user in the images is a volume. Here it is nowhere, so that whoever writes there is found.
HOME = "/var/lib/gluonserve"
_PLACES_TO_WRITE = ("XDG_", "TMP", "TEMP")
_CONFINE = Path(__file__).with_name("confine")


def may_confine() -> bool:
    """Whether this process may mount, which takes more than to be root of a container."""
    if os.geteuid() != 0:
        return False
    command = ["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def confine(command: Sequence[str]) -> list[str]:
    """The command that runs another one as user 10001 without rights, who can write to /tmp and /dev/shm only.

    It sees this repository and this Python. What it writes is gone when it ends.
    """
    places = dict.fromkeys([str(ROOT), sys.prefix, sys.base_prefix])
    return ["unshare", "--mount", "--propagation", "private", str(_CONFINE), ":".join(places), *command]


def describe_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of the images, and what keeps the tests themselves from writing into the repository."""
    kept = {name: value for name, value in environ.items() if not name.startswith(_PLACES_TO_WRITE)}
    return {
        **kept,
        "HOME": HOME,
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": "/dev/shm/hypothesis",  # noqa: S108 - of a file system of its own
    }
