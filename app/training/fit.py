"""The call of AutoGluon's fit: resources, progress, silence. Data and settings that come in are checked already."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autogluon.common.utils.resource_utils import ResourceManager
from autogluon.core.callbacks import AbstractCallback
from autogluon.tabular import TabularPredictor
from threadpoolctl import threadpool_limits

from app.training.gate.metrics import to_natural_sign
from app.training.progress import TrainingDisplay
from app.training.refusals import InvalidTrainingSettings, TrainingRefused
from app.training.settings import TrainingSettings, count_cores
from app.training.split import TrainingData

# Read by OpenMP when a library loads it; LightGBM and XGBoost are loaded by the first fit.
_THREADS_VARIABLE = "OMP_NUM_THREADS"
# AutoGluon hands its memory limit to itself through the environment and leaves it there.
_MEMORY_VARIABLE = "AG_MEMORY_LIMIT_IN_GB"
# Where a Ray cluster is. Its machines have to see the directory that is trained in under the same path.
_RAY_VARIABLE = "RAY_ADDRESS"
_DISTRIBUTED = {"AG_DISTRIBUTED_MODE": "1", "AG_DISTRIBUTED_FILESYSTEM": "NFS"}


def fit_predictor(
    data: TrainingData, *, settings: TrainingSettings, directory: Path, display: TrainingDisplay
) -> TabularPredictor:
    """Fit within the limits of the settings and save into `directory`.

    Raises:
        TrainingRefused: when no model could be fitted, saying what each of them failed of.
    """
    predictor = TabularPredictor(
        label=data.label,
        problem_type=data.problem_type,
        eval_metric=settings.eval_metric_for_autogluon,
        quantile_levels=list(settings.quantile_levels) or None,
        path=str(directory),
        verbosity=0,
        learner_kwargs={"random_state": settings.seed},
    )
    display.start_fitting(
        models=count_models(settings, data.problem_type), time_limit_seconds=settings.time_limit_seconds
    )
    with _use_resources(settings):
        _fit(predictor, data, settings, display)
    if not predictor.model_names():
        raise TrainingRefused(f"AutoGluon could fit no model.{_describe_failures(predictor)}")
    display.finish_fitting()
    return predictor


def check_resources(settings: TrainingSettings) -> None:
    """Compare the settings with this machine.

    Raises:
        InvalidTrainingSettings: when it has fewer graphics cards or cores than asked for.
    """
    faults = []
    if settings.cpus > count_cores():
        faults.append(f"--cpus {settings.cpus}: {count_cores()} cores are available here.")
    if settings.gpus:
        with quiet_autogluon():
            available = ResourceManager.get_gpu_count()
        if settings.gpus > available:
            faults.append(f"--gpus {settings.gpus}: {available} graphics cards are available here.")
    if faults:
        raise InvalidTrainingSettings(faults)


def count_models(settings: TrainingSettings, problem_type: str) -> int:
    """How many models a fit will try at most, the weighted ensemble included."""
    count = 1
    for configurations in settings.hyperparameters.values():
        items = configurations if isinstance(configurations, list) else [configurations]
        count += sum(problem_type in item.get("ag_args", {}).get("problem_types", [problem_type]) for item in items)
    return count


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A directory for a predictor on its way to a release; removed on every way out, an interrupt included."""
    directory = Path(tempfile.mkdtemp(prefix="gluonserve-training-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def quiet_autogluon() -> Iterator[None]:
    """Keep AutoGluon's and its libraries' own messages away from the terminal.

    Verbosity 0 is not enough: it still prints errors, among them that torch is missing.
    """
    logger = logging.getLogger("autogluon")
    handlers, level = list(logger.handlers), logger.level
    logger.handlers = [logging.NullHandler()]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.handlers = handlers
        logger.setLevel(level)


class FitProgress(AbstractCallback):  # type: ignore[misc]
    """Tells a display which model AutoGluon is fitting and what came of the one before."""

    def __init__(self, display: TrainingDisplay | None = None) -> None:
        super().__init__()
        self._display = display
        self._name = ""
        self._started = 0.0

    def __getstate__(self) -> dict[str, Any]:
        # AutoGluon pickles its trainer, callbacks included, after every model; a display cannot be pickled.
        return {**self.__dict__, "_display": None}

    def _before_model_fit(self, *, model: Any, **_: Any) -> tuple[bool, bool]:
        self._name, self._started = model.name, time.monotonic()
        if self._display:
            self._display.start_model(model.name)
        return False, False

    def _after_model_fit(self, *, trainer: Any, model_names: list[str], **_: Any) -> bool:
        seconds = time.monotonic() - self._started
        result = self._describe(trainer, model_names[0]) if model_names else "left out"
        if self._display:
            self._display.finish_model(self._name, f"{result} ({seconds:.1f} s)")
        return False

    def _describe(self, trainer: Any, model: str) -> str:
        score = trainer.get_model_attribute(model=model, attribute="val_score")
        if score is None:
            return "fitted"
        return f"{trainer.eval_metric.name} {to_natural_sign(trainer.eval_metric, score):.4g}"


def _fit(predictor: TabularPredictor, data: TrainingData, settings: TrainingSettings, display: TrainingDisplay) -> None:
    try:
        predictor.fit(data.train, callbacks=[FitProgress(display)], **_fit_arguments(settings))
    except (ValueError, AssertionError, RuntimeError, OSError, MemoryError) as fault:
        reason = (str(fault).strip().splitlines() or [type(fault).__name__])[0].rstrip(".")
        raise TrainingRefused(f"AutoGluon could not train on this data: {reason}.") from fault


def _fit_arguments(settings: TrainingSettings) -> dict[str, Any]:
    return {
        "time_limit": settings.time_limit_seconds,
        "hyperparameters": dict(settings.hyperparameters),
        "num_bag_folds": settings.bag_folds,
        "num_bag_sets": settings.bag_sets,
        "num_stack_levels": 0,
        "num_cpus": settings.cpus,
        "num_gpus": settings.gpus,
        "memory_limit": settings.memory_gb,
        "ag_args_ensemble": _choose_fold_strategy(),
        "raise_on_no_models_fitted": False,
        "verbosity": 0,
    }


def _choose_fold_strategy() -> dict[str, str]:
    """Folds on the Ray cluster that is named, else one after the other: a cluster for one training is a surprise."""
    has_cluster = _RAY_VARIABLE in os.environ
    return {"fold_fitting_strategy": "parallel_distributed" if has_cluster else "sequential_local"}


@contextmanager
def _use_resources(settings: TrainingSettings) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in (_THREADS_VARIABLE, _MEMORY_VARIABLE, *_DISTRIBUTED)}
    os.environ[_THREADS_VARIABLE] = str(settings.cpus)
    if _RAY_VARIABLE in os.environ:
        os.environ.update(_DISTRIBUTED)
    try:
        with threadpool_limits(limits=settings.cpus):
            yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _describe_failures(predictor: TabularPredictor) -> str:
    failures = predictor.model_failures()
    if failures.empty:
        return " The time or memory limit left no room for any; raise --time-limit or --memory-gb."
    reasons = [f"{row['model']}: {row['exc_type']}: {row['exc_str']}" for _, row in failures.head(5).iterrows()]
    return " " + " ".join(str(reason).splitlines()[0].rstrip(".") + "." for reason in reasons)
