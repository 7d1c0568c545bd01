"""`gluonserve features` as an operator uses it."""

from __future__ import annotations

from pathlib import Path

import orjson
from click.testing import CliRunner, Result

from app.cli.main import main
from app.release.store import ReleaseStore
from app.release.verification import read_schema


def run(store: ReleaseStore, home: Path, *arguments: str) -> Result:
    environment = {"GLUONSERVE_HOME": str(home), "MODEL_PATH": str(store.path), "GLUONSERVE_UNSIGNED_RELEASES": "allow"}
    return CliRunner(env=environment).invoke(main, ["features", *arguments])


def test_a_feature_is_rejected_listed_and_accepted_again(plan_store: ReleaseStore, tmp_path: Path) -> None:
    feature = read_schema(plan_store.directory("1")).features[0].name
    assert run(plan_store, tmp_path, "rejected").stdout == "No feature is rejected.\n"

    rejected = run(plan_store, tmp_path, "reject", feature)
    listed = orjson.loads(run(plan_store, tmp_path, "rejected", "--json").stdout)
    table = run(plan_store, tmp_path, "rejected").stdout
    accepted = run(plan_store, tmp_path, "accept", feature)

    assert rejected.stdout == f"Version 1 refuses values of {feature} that training never saw.\n"
    assert [(one["version"], one["feature"], one["reason"]) for one in listed] == [("1", feature, "asked for")]
    assert feature in table
    assert accepted.exit_code == 0
    assert run(plan_store, tmp_path, "rejected").stdout == "No feature is rejected.\n"


def test_what_cannot_be_done_is_one_sentence(plan_store: ReleaseStore, tmp_path: Path) -> None:
    unknown = run(plan_store, tmp_path, "reject", "nothing")
    neither = run(plan_store, tmp_path, "accept")

    assert (unknown.exit_code, unknown.stderr) == (1, "Error: Version 1 has no feature 'nothing'.\n")
    assert neither.exit_code == 2
    assert "Name one feature, or say --all." in neither.stderr
