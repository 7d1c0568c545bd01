from __future__ import annotations

import getpass
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from app.release.store import ReleaseStore
from tests.manifests import copy_version


@pytest.fixture
def store(plan_store: ReleaseStore) -> ReleaseStore:
    """Version 1 is active, version 2 is like it."""
    copy_version(plan_store, "1", "2")
    return plan_store


def run(store: ReleaseStore, home: Path, *arguments: str) -> Result:
    environment = {"GLUONSERVE_HOME": str(home), "MODEL_PATH": str(store.path)}
    return CliRunner(env=environment).invoke(main, ["models", *arguments])


def run_json(store: ReleaseStore, home: Path, *arguments: str) -> Any:
    result = run(store, home, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return orjson.loads(result.stdout)


def test_without_workers_a_version_is_activated_and_rolled_back(store: ReleaseStore, tmp_path: Path) -> None:
    activated = run_json(store, tmp_path, "activate", "2")
    back = run_json(store, tmp_path, "rollback")
    pointer = store.active()
    assert pointer is not None
    assert [{**answer, "seconds": 0} for answer in (activated, back)] == [
        {"version": "2", "previous": "1", "workers": 0, "unconfirmed": [], "seconds": 0},
        {"version": "1", "previous": "2", "workers": 0, "unconfirmed": [], "seconds": 0},
    ]
    operator = f"cli:{getpass.getuser()}"
    assert [{**entry, "activated": ""} for entry in pointer.history[-2:]] == [
        {"version": "2", "previous": "1", "activated": "", "by": operator},
        {"version": "1", "previous": "2", "activated": "", "by": operator},
    ]


def test_the_first_activation_says_so_in_one_sentence(store: ReleaseStore, tmp_path: Path) -> None:
    (store.path / "ACTIVE").unlink()
    result = run(store, tmp_path, "activate", "1")
    assert (result.exit_code, result.stdout) == (0, "Version 1 is active.\n")
    result = run(store, tmp_path, "activate", "2")
    assert (result.exit_code, result.stdout) == (0, "Version 2 is active (before: version 1).\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("activate", "9"), "There is no version '9'."),
        (("activate", "../1"), "There is no version '../1'."),
        (("rollback",), "There is no previous version to go back to."),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence_with_exit_code_1(
    store: ReleaseStore, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run(store, tmp_path, *arguments)
    assert (result.exit_code, result.output) == (1, f"Error: {sentence}\n")


def test_without_a_store_there_is_nothing_to_roll_back_to(store: ReleaseStore, tmp_path: Path) -> None:
    shutil.rmtree(store.path)
    result = run(store, tmp_path, "rollback")
    assert (result.exit_code, result.output) == (1, "Error: There is no previous version to go back to.\n")
