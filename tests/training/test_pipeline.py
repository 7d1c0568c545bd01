"""From data to a release, with the real publisher and a real store."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from app.release.store import ReleaseStore
from app.training.gate.evaluation import GateDemands
from app.training.gate.limits import Limit
from app.training.pipeline import evaluate_and_publish, train_and_publish
from app.training.progress import PlainDisplay
from app.training.publication.publisher import Publisher
from app.training.refusals import InvalidTrainingSettings, TrainingRefused
from app.training.report import TrainingReport
from app.training.settings import build_training_settings
from tests.builders import fit_predictor, make_mixed_frame
from tests.fixtures import FittedModel

COLUMNS = ["amount", "visits", "member", "city"]


@pytest.fixture
def leftovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary predictors go during a test."""
    path = tmp_path / "temporary"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


def train(path: Path, *, label: str = "bought", rows: int = 300, **options: Any) -> TrainingReport:
    make_mixed_frame(rows)[[*COLUMNS, label]].to_csv(path / "shop.csv", index=False)
    trees = {"GBM": {"num_boost_round": 10}}
    return train_and_publish(
        path / "shop.csv",
        label=label,
        test_data=None,
        name="shop",
        settings=build_training_settings(options={"hyperparameters": trees, "bag_folds": 2, **options}),
        activate=True,
        publisher=Publisher(ReleaseStore(path / "models")),
        display=PlainDisplay(io.StringIO()),
    )


def publish(
    model: FittedModel,
    path: Path,
    *limits: Limit,
    held_out: pd.DataFrame | None = None,
    with_training_data: bool = True,
) -> TrainingReport:
    (model.held_out.head(150) if held_out is None else held_out).to_parquet(path / "held_out.parquet")
    model.train_data.to_parquet(path / "train.parquet")
    return evaluate_and_publish(
        Path(model.predictor.path),
        held_out_data=path / "held_out.parquet",
        train_data=path / "train.parquet" if with_training_data else None,
        name="elsewhere",
        demands=GateDemands(limits=limits, memory_gb=8, seed=0),
        activate=False,
        publisher=Publisher(ReleaseStore(path / "models")),
        display=PlainDisplay(io.StringIO()),
    )


def test_a_model_that_passes_is_published_with_what_was_measured(tmp_path: Path, leftovers: Path) -> None:
    report = train(tmp_path, eval_metric="log_loss", min=("auc=0.5",), max=("log_loss=0.69", "latency_ms=1500"))
    store = ReleaseStore(tmp_path / "models")
    manifest = store.manifest("1")
    pointer = store.active()
    assert (report.version, report.activated) == ("1", True)
    assert pointer is not None
    assert pointer.version == "1"
    assert (manifest.name, manifest.label, manifest.eval_metric) == ("shop", "bought", "log_loss")
    assert (manifest.rows_train, manifest.rows_held_out) == (report.rows_train, report.rows_held_out) == (240, 60)
    assert manifest.quality == report.quality
    assert manifest.checks == {name: value for name, value in report.measurements.items() if value is not None}
    assert [check.name for check in report.gate.checks[:2]] == ["roc_auc", "log_loss"]
    assert list(leftovers.iterdir()) == []


@pytest.mark.parametrize(
    ("limits", "failed"),
    [({"min": ("accuracy=1.01",)}, "accuracy"), ({"max": ("size_mb=0.0001",)}, "size_mb")],
)
def test_a_model_that_fails_is_not_published(
    tmp_path: Path, leftovers: Path, limits: dict[str, Any], failed: str
) -> None:
    report = train(tmp_path, **limits)
    assert [check.name for check in report.gate.failures] == [failed]
    assert (report.version, report.activated) == (None, False)
    assert ReleaseStore(tmp_path / "models").versions() == []
    assert list(leftovers.iterdir()) == []


def test_a_limit_for_another_problem_type_is_refused_before_training(tmp_path: Path, leftovers: Path) -> None:
    with pytest.raises(InvalidTrainingSettings, match=r"--max root_mean_squared_error=3: .* this one is binary"):
        train(tmp_path, max=("rmse=3",))
    assert list(leftovers.iterdir()) == []


def test_a_refused_publication_leaves_nothing_behind(tmp_path: Path, leftovers: Path) -> None:
    with pytest.raises(TrainingRefused, match="AutoGluon could fit no model"):
        train(tmp_path, hyperparameters={"GBM": {"num_leaves": -5}})
    assert list(leftovers.iterdir()) == []


def test_quantiles_are_trained_for_and_published(tmp_path: Path) -> None:
    report = train(tmp_path, label="spent", problem_type="quantile", quantile_levels="0.1,0.5,0.9")
    assert list(report.quality) == ["pinball_loss"]
    assert ReleaseStore(tmp_path / "models").manifest("1").quantile_levels == (0.1, 0.5, 0.9)


@pytest.mark.parametrize("problem_type", ["binary", "regression"])
def test_a_predictor_of_elsewhere_is_measured_and_published(
    fitted: Callable[[str], FittedModel], tmp_path: Path, problem_type: str
) -> None:
    model = fitted(problem_type)
    report = publish(model, tmp_path, Limit("latency_ms", "max", 5000.0))
    metric = model.predictor.eval_metric.name
    sign = 1 if report.quality[metric].higher_is_better else -1
    assert report.quality[metric].value == pytest.approx(
        sign * model.predictor.evaluate(model.held_out.head(150))[metric]
    )
    assert (report.version, report.activated, report.rows_train) == ("1", False, 700)


def test_a_predictor_is_published_without_its_training_data(
    fitted: Callable[[str], FittedModel], tmp_path: Path
) -> None:
    report = publish(fitted("binary"), tmp_path, with_training_data=False)
    assert (report.version, report.rows_train) == ("1", None)
    assert report.notes[-1].startswith("No training data given")


def test_a_model_that_is_worse_than_the_active_version_is_not_published(
    fitted: Callable[[str], FittedModel], store: ReleaseStore, tmp_path: Path
) -> None:
    model = fitted("binary")
    same = publish(model, tmp_path, held_out=model.held_out)
    shuffled = model.train_data.assign(bought=model.train_data["bought"].sample(frac=1, random_state=0).to_numpy())
    predictor = fit_predictor(shuffled, problem_type="binary", path=tmp_path / "shuffled", families=("GBM",))
    worse = publish(replace(model, predictor=predictor), tmp_path, held_out=model.held_out)
    assert (same.version, worse.version) == ("2", None)
    assert [check.name for check in worse.gate.failures] == ["against_active"]
    assert "% worse (95 % interval" in worse.gate.failures[0].note
    assert store.versions() == ["1", "2"]
    assert abs(store.manifest("2").checks["against_active"]) < 1e-6


def test_a_hold_out_that_does_not_fit_is_refused(fitted: Callable[[str], FittedModel], tmp_path: Path) -> None:
    held_out = fitted("binary").held_out
    for change, fault in (
        ({"amount": "much"}, "The held-out rows are not like those of training"),
        ({"bought": "perhaps"}, r"that the training rows do not have: 'perhaps' \(500 rows\)"),
    ):
        with pytest.raises(TrainingRefused, match=fault):
            publish(fitted("binary"), tmp_path, held_out=held_out.assign(**change))
    with pytest.raises(TrainingRefused, match="there is no column 'amount'"):
        publish(fitted("binary"), tmp_path, held_out=held_out.drop(columns="amount"))
    with pytest.raises(TrainingRefused, match="the label 'spent' is not numeric"):
        publish(fitted("regression"), tmp_path, held_out=fitted("regression").held_out.assign(spent="much"))
