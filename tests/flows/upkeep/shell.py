"""Runs the shell commands of a page as they stand, with places of a test in place of those of a machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.rules.repository import ROOT

_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SECONDS = 120
PROGRAMS = Path(sys.executable).parent


def read_blocks(page: str, *, which: str) -> str:
    """The one block of a page that holds some text.

    Raises:
        ValueError: when there are none or several.
    """
    (found,) = (block for block in _BLOCK.findall((ROOT / page).read_text(encoding="utf-8")) if which in block)
    return str(found)


def run_commands(commands: str, *, places: Mapping[str, str], stubs: Mapping[str, str], home: Path) -> None:
    """Run them in one shell that ends with the first failure.

    Args:
        places: What stands on the page, and what takes its place.
        stubs: Scripts in place of programs that a machine has and a test has not.
        home: Where the scripts are written to.
    """
    for name, replacement in places.items():
        assert name in commands, f"the page does not name {name}"
        commands = commands.replace(name, replacement)
    programs = home / "stubs"
    programs.mkdir(exist_ok=True)
    for name, script in stubs.items():
        (programs / name).write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-eu", "-c", commands], env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
