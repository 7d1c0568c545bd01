"""`gluonserve models` as an operator uses it."""

from __future__ import annotations

from pathlib import Path

import orjson
from click.testing import CliRunner, Result

from app.cli.main import main
from app.release.store import ReleaseStore


def run(store: ReleaseStore, *arguments: str) -> Result:
    return CliRunner(env={"MODEL_PATH": str(store.path)}).invoke(main, ["models", *arguments])


def test_an_empty_store_says_how_to_fill_it(tmp_path: Path) -> None:
    result = run(ReleaseStore(tmp_path), "list")
    assert result.exit_code == 0
    assert result.output == "No version is published yet. Publish one with: gluonserve train DATA --label COLUMN\n"


def test_versions_are_listed_with_their_quality(store: ReleaseStore) -> None:
    (listed,) = orjson.loads(run(store, "list", "--json").output)
    assert (listed["version"], listed["active"], listed["name"], listed["value"]) == ("1", True, "shop", 0.8)
    assert "shop" in run(store, "list").output


def test_a_damaged_version_does_not_hide_the_others(store: ReleaseStore) -> None:
    (store.path / "2").mkdir()
    listed = orjson.loads(run(store, "list", "--json").output)
    assert [item["name"] for item in listed] == ["shop", "(damaged)"]


def test_a_version_is_shown_with_metrics_features_and_libraries(store: ReleaseStore) -> None:
    output = run(store, "show", "1").output
    assert "Predicts bought (binary)" in output
    assert "MB on disk; AutoGluon's own clone for deployment has" in output
    assert "autogluon.tabular 1.6" in output
    assert "dotted.name" in output
    shown = orjson.loads(run(store, "show", "1", "--json").output)
    assert shown["manifest"]["version"] == "1"
    assert shown["schema"]["features"][0]["name"] == "amount"


def test_an_unknown_setting_is_a_usage_error(store: ReleaseStore) -> None:
    result = CliRunner(env={"GLUONSERVE_HOMES": str(store.path)}).invoke(main, ["models", "list"])
    assert result.exit_code == 2
    assert result.output == "Error: GLUONSERVE_HOMES is not a setting of gluonserve. Did you mean GLUONSERVE_HOME?\n"
