"""Opening of a predictor that was trained elsewhere, with a sentence for each reason why it cannot be opened."""

from __future__ import annotations

import json
import pickle
import sys
from importlib.metadata import version
from pathlib import Path

from autogluon.tabular import TabularPredictor

from app.training.refusals import TrainingRefused

_MAIN_FILE = "predictor.pkl"
# What unpickling raises on files that are damaged, missing or of a library that is not installed.
_LOADING_FAULTS = (
    pickle.UnpicklingError,
    EOFError,
    OSError,
    ImportError,
    AttributeError,
    AssertionError,
    LookupError,
    TypeError,
    ValueError,
)


def load_predictor(directory: Path) -> TabularPredictor:
    """Open a predictor's directory with its best model; versions are compared before anything is unpickled.

    Raises:
        TrainingRefused: when it is no predictor, of another version, damaged, or has no model.
    """
    if not (directory / _MAIN_FILE).is_file():
        raise TrainingRefused(f"{directory}: not a predictor of AutoGluon; there is no {_MAIN_FILE} in it.")
    _compare_versions(directory)
    try:
        predictor = TabularPredictor.load(str(directory), verbosity=0)
        fitted = predictor.is_fit and predictor.model_names()
        if fitted:
            predictor.persist(models="best", max_memory=None)
    except _LOADING_FAULTS as fault:
        raise TrainingRefused(f"{directory}: the predictor cannot be loaded ({type(fault).__name__}).") from fault
    if not fitted:
        raise TrainingRefused(f"{directory}: the predictor has no fitted model.")
    return predictor


def _compare_versions(directory: Path) -> None:
    try:
        saved = (directory / "version.txt").read_text(encoding="utf-8").strip()
        python = str(json.loads((directory / "metadata.json").read_text(encoding="utf-8"))["py_version"])
    except (OSError, ValueError, KeyError):
        raise TrainingRefused(f"{directory}: the predictor does not say which version of AutoGluon saved it.") from None
    installed = version("autogluon.tabular")
    if saved != installed:
        raise TrainingRefused(
            f"{directory}: saved by AutoGluon {saved}; {installed} is installed, and only the same version opens it."
        )
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    if python != running:
        raise TrainingRefused(
            f"{directory}: saved under Python {python}; this is {running}, and only the same version opens it."
        )
