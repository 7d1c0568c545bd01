"""Whether what was fitted, what will be released and what is installed here belong together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import orjson
from autogluon.tabular import TabularPredictor

from app.release.files import read_json
from app.release.libraries import find_version_fault, list_installed_libraries
from app.release.plan import PLAN_FILE
from app.release.store import PLAN
from app.training.gate.checks import Check
from app.training.gate.footprint import Trial

_ALWAYS_NEEDED = frozenset({"autogluon.tabular", "numpy", "pandas", "scikit-learn"})
# The library below each family of models, by AutoGluon's names; all other families need scikit-learn alone.
_NEEDED_BY_FAMILY = {"GBM": {"lightgbm"}, "CAT": {"catboost"}, "XGB": {"xgboost", "xgboost-cpu"}}


def check_versions_of_fit(predictor: TabularPredictor) -> tuple[Check, Check]:
    """Python and libraries of the fit against those of this host, which a release will demand of every server.

    A library that no model of the predictor needs may differ.
    """
    recorded = _read_versions_of_fit(Path(predictor.path))
    installed = list_installed_libraries()
    python = {name: version for name, version in recorded.items() if name == "python"}
    needed = _list_needed_libraries(predictor)
    libraries = {name: version for name, version in recorded.items() if name in needed}
    return check_versions("python_version", python, installed), check_versions("library_versions", libraries, installed)


def check_versions_of_plan(staged: Path) -> Check:
    """The versions that a staged plan demands against those of this host."""
    if not (staged / PLAN).is_dir():
        return Check(name="plan_versions", passed=True, note="there is no plan")
    plan: Any = read_json(staged / PLAN / PLAN_FILE)
    return check_versions("plan_versions", plan["libraries"], list_installed_libraries())


def check_versions(name: str, made_with: Mapping[str, str], installed: Mapping[str, str]) -> Check:
    fault = find_version_fault(made_with, installed)
    listed = ", ".join(f"{library} {version}" for library, version in sorted(made_with.items()))
    return Check(name=name, passed=fault is None, note=fault or listed or "the predictor does not say")


def check_trial(trial: Trial) -> tuple[Check, Check]:
    """Loading in a new process, and what the golden rows were answered there."""
    loads = Check(
        name="loads", passed=trial.load_fault is None, note=trial.load_fault or "loaded and answered in a new process"
    )
    if trial.footprint is None:
        return loads, Check(name="golden_rows", passed=False, note="not replayed: the release could not be loaded")
    fault = trial.golden_fault
    return loads, Check(name="golden_rows", passed=fault is None, note=fault or "answered alike in a new process")


def _read_versions_of_fit(directory: Path) -> dict[str, str]:
    """What AutoGluon wrote down when it saved the predictor.

    Fallback: nothing where it wrote nothing down, which the check says; such a predictor was never refused.
    """
    try:
        metadata: Any = read_json(directory / "metadata.json")
        return {"python": str(metadata["py_version_micro"]), **metadata["packages"]}
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return {}


def _list_needed_libraries(predictor: TabularPredictor) -> Collection[str]:
    trainer = predictor._trainer
    models = trainer.get_minimum_model_set(predictor.model_best)
    families = {trainer.get_model_attribute(model, "type_inner").ag_key for model in models}
    return _ALWAYS_NEEDED.union(*(_NEEDED_BY_FAMILY.get(family, set()) for family in families))
