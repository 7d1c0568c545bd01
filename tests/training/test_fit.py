"""The fit: silent but for its progress, within its limits, and clear when nothing comes of it."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from autogluon.tabular import TabularPredictor

from app.training.fit import check_resources, count_models, fit_predictor, quiet_autogluon, temporary_directory
from app.training.progress import PlainDisplay
from app.training.refusals import InvalidTrainingSettings, TrainingRefused
from app.training.settings import TrainingSettings, build_training_settings, count_cores
from app.training.split import TrainingData
from tests.builders import make_mixed_frame

FOUR_TREES = {"GBM": {"num_boost_round": 4}}


def make_data(label: str = "bought", problem_type: str = "binary") -> TrainingData:
    frame: pd.DataFrame = make_mixed_frame(240)[["amount", "visits", "member", "city", label]]
    return TrainingData(train=frame.head(180), held_out=frame.tail(60), label=label, problem_type=problem_type)


def make_settings(**options: Any) -> TrainingSettings:
    return build_training_settings(options={"hyperparameters": FOUR_TREES, "bag_folds": 2, **options})


def fit(path: Path, settings: TrainingSettings) -> tuple[TabularPredictor, str]:
    # A real file like stderr: unlike StringIO it cannot be pickled, and AutoGluon pickles its callbacks.
    log = path / "progress.log"
    with quiet_autogluon(), log.open("w", encoding="utf-8") as stream:
        predictor = fit_predictor(
            make_data(), settings=settings, directory=path / "predictor", display=PlainDisplay(stream)
        )
    return predictor, log.read_text(encoding="utf-8")


def test_every_model_is_told_and_nothing_else_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    predictor, lines = fit(tmp_path, make_settings(eval_metric="log_loss"))
    assert [line.split("s  ", 1)[1].split(": ")[0].strip() for line in lines.splitlines()] == [
        "Fitting up to 2 models within 3600 s",
        "LightGBM_BAG_L1 ...",
        "LightGBM_BAG_L1",
        "WeightedEnsemble_L2 ...",
        "WeightedEnsemble_L2",
        "Fitting done",
    ]
    score = -predictor.leaderboard().set_index("model").loc["LightGBM_BAG_L1", "score_val"]
    assert f"LightGBM_BAG_L1: log_loss {score:.4g} (" in lines
    assert capfd.readouterr() == ("", "")


def test_the_bag_has_the_folds_that_were_asked_for(tmp_path: Path) -> None:
    predictor, _ = fit(tmp_path, make_settings(bag_folds=4))
    assert predictor.model_info("LightGBM_BAG_L1")["bagged_info"]["num_child_models"] == 4


def test_a_fit_leaves_the_environment_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    before = dict(os.environ)
    fit(tmp_path, make_settings())
    assert dict(os.environ) == before


def test_a_fit_without_any_model_says_what_each_one_failed_of(tmp_path: Path) -> None:
    settings = make_settings(hyperparameters={"GBM": {"num_leaves": -5}})
    with pytest.raises(
        TrainingRefused, match=r"AutoGluon could fit no model. LightGBM\w*: LightGBMError: .*num_leaves"
    ):
        fit(tmp_path, settings)


def test_a_fit_without_time_says_so(tmp_path: Path) -> None:
    settings = replace(make_settings(), time_limit_seconds=-1)
    with pytest.raises(TrainingRefused, match="AutoGluon could"):
        fit(tmp_path, settings)


def test_more_than_the_machine_has_is_refused() -> None:
    with pytest.raises(InvalidTrainingSettings) as caught:
        check_resources(replace(make_settings(), cpus=count_cores() + 1, gpus=8))
    assert caught.value.faults[0] == f"--cpus {count_cores() + 1}: {count_cores()} cores are available here."
    check_resources(make_settings())


@pytest.mark.parametrize(("problem_type", "models"), [("binary", 10), ("regression", 8)])
def test_models_of_other_problem_types_are_not_counted(problem_type: str, models: int) -> None:
    assert count_models(build_training_settings(), problem_type) == models


def test_a_temporary_directory_goes_with_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), temporary_directory() as directory:  # noqa: PT012
        (directory / "model.pkl").write_text("half", encoding="utf-8")
        raise KeyboardInterrupt
    assert not directory.exists()


def test_autogluon_speaks_again_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("autogluon")
    before = list(logger.handlers)
    with quiet_autogluon():
        logger.error("not shown")
    assert logger.handlers == before
    assert caplog.records == []
