"""The confinement itself. Where nobody may mount, a confined command is not run at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.restricted.confinement import USER, confine, describe_environment, may_confine
from tests.rules.repository import ROOT

ALLOWED = may_confine()
ELSEWHERE = ("/", "/usr", "/var/tmp", "/run", "/root", "/home", "/mnt", "/dev", str(ROOT), sys.prefix)  # noqa: S108
CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def run_confined(*command: str) -> subprocess.CompletedProcess[str]:
    environment = describe_environment(os.environ)
    return subprocess.run(confine(command), cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_a_confined_process_is_nobody_and_may_do_nothing() -> None:
    done = run_confined("cat", "/proc/self/status")
    status = dict(line.split(":\t", 1) for line in done.stdout.splitlines())
    assert bool(status) == ALLOWED
    if ALLOWED:
        assert {status[name].split() == [str(USER)] * 4 for name in ("Uid", "Gid")} == {True}
        assert {int(status[name], 16) for name in CAPABILITIES} == {0}
        assert status["NoNewPrivs"] == "1"


def test_a_confined_process_writes_to_its_own_tmp_and_nowhere_else(tmp_path: Path) -> None:
    name = f"written-by-{tmp_path.name}"
    script = 'name=$1; shift; for place in "$@"; do touch "$place/$name" && echo "$place"; done'
    done = run_confined("sh", "-c", script, "sh", name, "/tmp", "/dev/shm", *ELSEWHERE)  # noqa: S108
    assert done.stdout.split() == (["/tmp", "/dev/shm"] if ALLOWED else [])  # noqa: S108
    assert [place for place in ("/tmp", "/dev/shm") if Path(place, name).exists()] == []  # noqa: S108


def test_a_confined_process_sees_this_repository_and_this_python_and_none_of_the_machine(tmp_path: Path) -> None:
    script = "import sys, app, numpy, os; print(app.__file__, sys.prefix, os.path.exists(sys.argv[1]))"
    done = run_confined(sys.executable, "-c", script, str(tmp_path))
    # As in the images, its user has a name.
    assert run_confined("id", "-un").stdout.split() == (["gluonserve"] if ALLOWED else [])
    assert done.stdout.split() == ([f"{ROOT}/app/__init__.py", sys.prefix, "False"] if ALLOWED else [])
