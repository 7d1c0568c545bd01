"""A skipped test fails the run where CI=true, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PASSES = "def test_passes(): pass\n"
SKIPS = "import pytest\ndef test_skips(): pytest.skip('no server')\n"
SKIPS_ITS_MODULE = "import pytest\npytest.importorskip('no_such_module')\n"


def run_pytest(directory: Path, source: str, *, ci: str) -> subprocess.CompletedProcess[str]:
    (directory / "test_passing.py").write_text(PASSES)
    (directory / "test_sample.py").write_text(source)
    (directory / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.no_skips", "."],
        cwd=directory,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("source", [SKIPS, SKIPS_ITS_MODULE])
def test_a_skipped_test_fails_the_build(tmp_path: Path, source: str) -> None:
    done = run_pytest(tmp_path, source, ci="true")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 skipped, and with CI=true every test has to run" in done.stdout


def test_a_skipped_test_passes_elsewhere(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, SKIPS, ci="").returncode == pytest.ExitCode.OK


def test_a_build_without_skipped_tests_passes(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, "", ci="true").returncode == pytest.ExitCode.OK
