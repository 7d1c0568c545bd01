"""The slim image: what its lock names is enough to serve a plan, to watch and to score."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import requests

from app.release.golden import read_golden_rows
from app.release.store import GOLDEN, ReleaseStore
from tests.flows.conftest import open_keys
from tests.rules.repository import ROOT
from tests.server import RunningServer, running_server

LOCK = ROOT / "deploy" / "requirements-slim.lock"
# Python runs it at its start.
HIDING = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in NAMES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
"""


def list_hidden_modules(lock: str) -> set[str]:
    """The installed modules that a lock does not bring; setuptools only installs the others."""
    locked = set(re.findall(r"(?m)^([\w.-]+)==", lock)) - {"setuptools"} | {"gluonserve"}
    return {
        module
        for module, owners in packages_distributions().items()
        if not {re.sub(r"[-_.]+", "-", owner).lower() for owner in owners} & locked
    }


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """One in which only modules of the slim image can be imported."""
    directory = tmp_path_factory.mktemp("hiding")
    hidden = list_hidden_modules(LOCK.read_text(encoding="utf-8"))
    (directory / "sitecustomize.py").write_text(f"NAMES = {hidden!r}\n{HIDING}")
    return {"PYTHONPATH": f"{directory}:{ROOT}"}


@pytest.fixture(scope="module")
def home(published_plan: ReleaseStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slim")
    shutil.copytree(published_plan.path, path / "models")
    return path


@pytest.fixture(scope="module")
def server(home: Path, environment: Mapping[str, str]) -> Iterator[RunningServer]:
    with running_server(home, workers=1, environment=environment) as started:
        yield started


@pytest.fixture
def run(home: Path, environment: Mapping[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """What runs a command of gluonserve as in the slim image."""

    def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            env={**os.environ, **environment, "GLUONSERVE_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run_command


def test_what_trains_is_not_there(environment: Mapping[str, str]) -> None:
    hidden = list_hidden_modules(LOCK.read_text(encoding="utf-8"))
    assert {"autogluon", "pandas", "catboost", "matplotlib", "boto3", "ray", "pytest"} - hidden == set()
    assert {"numpy", "lightgbm", "xgboost", "sklearn", "pyarrow", "gunicorn"} & hidden == set()
    done = subprocess.run(
        [sys.executable, "-c", "import autogluon.tabular"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'autogluon'"


def test_a_plan_is_served_by_the_slim_image(server: RunningServer, home: Path) -> None:
    golden = read_golden_rows(home / "models" / "1" / GOLDEN)
    key = open_keys(home).create("billing", ["predict"]).text
    answer = server.predict(golden.rows, key)
    assert answer.status_code == requests.codes.ok, answer.text
    assert answer.json()["predictions"] == golden.labels
    assert server.get("/docs").status_code == requests.codes.ok


def test_the_slim_image_watches(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("monitor", "--once")
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr


def test_the_slim_image_says_that_it_cannot_train(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    table = tmp_path / "churn.csv"
    table.write_text("a,churn\n1,Yes\n2,No\n")
    done = run("train", str(table), "--label", "churn")
    assert (done.returncode, done.stderr) == (
        1,
        "Error: this needs AutoGluon, which is not installed here; the full image of gluonserve has it.\n",
    )
