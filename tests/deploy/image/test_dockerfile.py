"""The Dockerfile: what may be in its last stages, and that the build finds all it copies."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.rules.repository import ROOT

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def read_stages() -> dict[str, str]:
    """The text of each stage, by its name."""
    parts = re.split(r"(?m)^FROM \S+ AS (\S+)\n", TEXT)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def list_copied() -> set[str]:
    """Every file and directory that is copied from the repository."""
    lines = re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", TEXT)
    return {path for line in lines for path in line.split()}


def test_hadolint_finds_nothing() -> None:
    command = [str(Path(sys.executable).with_name("hadolint")), str(ROOT / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_there_are_three_images_and_the_full_one_is_the_default() -> None:
    *_, runtime, slim, cluster, full = read_stages()
    assert (runtime, slim, cluster, full) == ("runtime", "slim", "cluster", "full")
    assert {name: read_stages()[name].strip() for name in (slim, cluster, full)} == {
        name: f"COPY --from=build-{name} /opt/gluonserve /opt/gluonserve" for name in (slim, cluster, full)
    }


def test_the_images_run_as_a_user_without_rights_and_without_what_installs_software() -> None:
    runtime = read_stages()["runtime"]
    assert re.findall(r"(?m)^USER (.+)$", runtime) == ["10001"]
    assert "pip uninstall --yes pip setuptools wheel" in runtime
    assert re.findall(r"apt-get install .* (libgomp1.*) \\", runtime) == ["libgomp1 tini"]
    assert re.findall(r"(?m)^ENTRYPOINT (.+)$", runtime) == ['["tini", "--", "entrypoint"]']


def test_the_base_is_pinned_to_a_patch_version() -> None:
    assert re.findall(r"(?m)^FROM (python\S+) AS", TEXT) == ["python:3.11.14-slim-bookworm"]


def test_all_that_is_installed_has_a_hash() -> None:
    installs = [line for line in TEXT.splitlines() if "install --no-cache-dir" in line]
    assert len(installs) == 4
    assert all("--require-hashes --requirement requirements" in line for line in installs)


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"]
    copied = list_copied()
    assert copied == set(let_in)
    assert [path for path in copied if not (ROOT / path).exists()] == []
