"""Settings of a training: ranges, faults told all at once, and who wins over whom."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from autogluon.tabular.configs.hyperparameter_configs import get_hyperparameter_config

from app.training.gate.limits import Limit
from app.training.refusals import InvalidTrainingSettings
from app.training.settings import PRESETS, build_training_settings, read_settings_file


def find_faults(options: dict[str, Any] | None = None, file: dict[str, Any] | None = None) -> tuple[str, ...]:
    with pytest.raises(InvalidTrainingSettings) as caught:
        build_training_settings(options=options, file=file)
    return caught.value.faults


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = build_training_settings()
    assert (settings.time_limit_seconds, settings.bag_folds, settings.bag_sets) == (3600, 3, 1)
    assert (settings.gpus, settings.memory_gb, settings.preset) == (0, 8.0, "production")
    assert settings.cpus == min(32, len(os.sched_getaffinity(0)))


def test_auto_leaves_the_choice_to_autogluon() -> None:
    settings = build_training_settings(options={"problem_type": "auto", "eval_metric": "auto"})
    assert settings.problem_type_for_autogluon is None
    assert settings.eval_metric_for_autogluon is None


@pytest.mark.parametrize(
    ("option", "lowest", "highest", "below", "above"),
    [
        ("time_limit", 60, 86400, 59, 86401),
        ("bag_folds", 2, 10, 1, 11),
        ("bag_sets", 1, 5, 0, 6),
        ("cpus", 1, 32, 0, 33),
        ("gpus", 0, 8, -1, 9),
        ("memory_gb", 1, 64, 0.9, 64.1),
        ("held_out_fraction", 0.01, 0.5, 0.009, 0.51),
    ],
)
def test_a_range_includes_its_ends_and_nothing_beyond(
    option: str, lowest: float, highest: float, below: float, above: float
) -> None:
    for value in (lowest, highest, str(lowest), str(highest)):
        build_training_settings(options={option: value})
    for value in (below, above, str(below), str(above)):
        assert len(find_faults({option: value})) == 1


@pytest.mark.parametrize("value", ["", "x", "6 0", "1e3", "60.0", True, [60], "٦٠"])
def test_a_value_that_is_no_whole_number_is_a_fault(value: object) -> None:
    assert find_faults({"time_limit": value}) == (f"--time-limit {value}: expected a whole number from 60 to 86400.",)


@pytest.mark.parametrize("value", ["nan", "inf", "much", False, []])
def test_a_value_that_is_no_number_is_a_fault(value: object) -> None:
    assert find_faults({"memory_gb": value}) == (f"--memory-gb {value}: expected a number from 1 to 64.",)


def test_every_fault_is_told_at_once() -> None:
    faults = find_faults(
        {
            "preset": "fastt",
            "problem_type": "binry",
            "time_limit": "6",
            "eval_metric": "accurcy",
            "min": ("acc", "accuracy=high"),
            "max": ("rmsee=3",),
        },
        {"bag_fold": 3, "gpus": 9},
    )
    assert faults == (
        "bag_fold in the configuration file is not a setting of training. Did you mean bag_folds?",
        "--preset fastt: expected one of production, fast, quality. Did you mean fast?",
        "--problem-type binry: expected one of auto, binary, multiclass, regression, quantile. Did you mean binary?",
        "--time-limit 6: expected a whole number from 60 to 86400.",
        "--gpus 9: expected a whole number from 0 to 8.",
        "--eval-metric accurcy: 'accurcy' is not a metric. Did you mean accuracy?",
        "--min acc: expected METRIC=VALUE, for example accuracy=0.8.",
        "--min accuracy=high: 'high' is not a number.",
        "--max rmsee=3: 'rmsee' is not a metric. Did you mean rmse?",
    )


@pytest.mark.parametrize("levels", ["", "0.5,0.1", "0.5,0.5", "0,0.5", "0.5,1", "half", 3, [None]])
def test_quantile_levels_rise_between_0_and_1(levels: object) -> None:
    faults = find_faults({"problem_type": "quantile", "quantile_levels": levels})
    assert faults[0] == (
        f"--quantile-levels {levels}: expected rising numbers between 0 and 1, for example 0.1,0.5,0.9."
    )


def test_quantile_levels_and_quantile_problems_need_each_other() -> None:
    assert find_faults({"problem_type": "quantile"}) == (
        "--problem-type quantile needs --quantile-levels, for example 0.1,0.5,0.9.",
    )
    assert find_faults({"quantile_levels": "0.1,0.9"}) == ("--quantile-levels needs --problem-type quantile.",)
    settings = build_training_settings(options={"problem_type": "quantile", "quantile_levels": "0.1, 0.9"})
    assert settings.quantile_levels == (0.1, 0.9)


def test_an_alias_of_a_metric_is_understood_and_told() -> None:
    settings = build_training_settings(options={"eval_metric": "RMSE"})
    assert settings.eval_metric == "root_mean_squared_error"
    assert settings.notes == ("RMSE is read as root_mean_squared_error.",)


def test_a_metric_of_another_problem_type_is_a_fault() -> None:
    (fault,) = find_faults({"problem_type": "regression", "eval_metric": "f1"})
    assert fault.startswith("--eval-metric f1: 'f1' is a metric of binary problems, this one is regression.")


def test_a_problem_type_that_is_found_later_is_checked_against_metric_and_limits() -> None:
    settings = build_training_settings(options={"eval_metric": "f1", "min": ("f1=0.5",), "max": ("latency_ms=50",)})
    assert settings.with_problem_type("binary").limits == (Limit("f1", "min", 0.5), Limit("latency_ms", "max", 50.0))
    with pytest.raises(InvalidTrainingSettings) as caught:
        settings.with_problem_type("regression")
    assert [fault.split(":")[0] for fault in caught.value.faults] == ["--eval-metric f1", "--min f1=0.5"]


def test_the_command_line_wins_over_the_file_and_the_file_over_the_preset() -> None:
    file = {"preset": "fast", "bag_folds": 4, "cpus": 2, "min": {"accuracy": 0.7, "roc_auc": 0.6}}
    settings = build_training_settings(options={"cpus": "1", "preset": None, "min": ("accuracy=0.9",)}, file=file)
    assert (settings.preset, settings.time_limit_seconds, settings.bag_folds, settings.cpus) == ("fast", 600, 4, 1)
    assert settings.limits == (Limit("roc_auc", "min", 0.6), Limit("accuracy", "min", 0.9))


def test_limits_of_a_file_have_to_be_a_mapping() -> None:
    assert find_faults(file={"min": ["accuracy=0.8"]}) == (
        "min in the configuration file: expected metrics with values, for example accuracy: 0.8.",
    )


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("best_quality", "expected model families with their parameters"),
        ({}, "expected model families with their parameters"),
        ({"NN_TORCH": {}}, "'NN_TORCH' is not a model family"),
        ({"GBM": "fast"}, "GBM expects a mapping of parameters, or a list of such mappings"),
        ({"GBM": []}, "GBM expects a mapping of parameters, or a list of such mappings"),
    ],
)
def test_models_are_named_by_family_never_by_a_text_that_autogluon_would_look_up(value: object, fault: str) -> None:
    assert fault in find_faults(file={"hyperparameters": value})[0]


def test_a_file_is_read_with_either_spelling_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "training.yaml"
    path.write_text("time-limit: 90\nbag_folds: 2\n", encoding="utf-8")
    settings = build_training_settings(file=read_settings_file(path))
    assert (settings.time_limit_seconds, settings.bag_folds) == (90, 2)


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    path = tmp_path / "training.yaml"
    path.write_text("# nothing yet\n", encoding="utf-8")
    assert read_settings_file(path) == {}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"a: [1\n", "this is not YAML at line 2"),
        (b"- 1\n", "expected names with values"),
        (b"\xff\xfe\x00", "this is not YAML"),
        (b"a: !!python/object/apply:os.getcwd []", "this is not YAML"),
    ],
)
def test_a_file_that_is_no_settings_is_refused(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "training.yaml"
    path.write_bytes(content)
    with pytest.raises(InvalidTrainingSettings, match=fault):
        read_settings_file(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidTrainingSettings, match="No such file"):
        read_settings_file(tmp_path / "none.yaml")


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_holds(preset: str) -> None:
    assert build_training_settings(options={"preset": preset}).preset == preset


def test_production_fits_autogluons_default_models_but_for_those_that_need_torch() -> None:
    models = get_hyperparameter_config("default")
    without_torch = {family: value for family, value in models.items() if family not in ("NN_TORCH", "FASTAI")}
    assert build_training_settings().hyperparameters == without_torch
