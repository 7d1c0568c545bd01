"""A compiled plan from its directory to an executor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from app.errors import ReleaseUnusable
from app.release.files import read_json
from app.release.libraries import find_version_fault, list_installed_libraries
from app.release.plan import PLAN_FILE, PLAN_FORMAT
from app.runtime.plan.answers import make_answers
from app.runtime.plan.encoding import FeatureEncoder
from app.runtime.plan.ensemble import Bag, Calibration, Ensemble, Member, Weighting
from app.runtime.plan.executor import PlanExecutor
from app.runtime.plan.joint import PlanModel
from app.runtime.plan.models.catboost import CatBoostModel
from app.runtime.plan.models.forest import ForestModel
from app.runtime.plan.models.lightgbm import LightGBMModel
from app.runtime.plan.models.linear import LinearModel
from app.runtime.plan.models.xgboost import XGBoostModel
from app.runtime.plan.unpacking import unpacked_arrays

_FAMILIES: Mapping[str, Callable[[Mapping[str, Any], Path], PlanModel]] = {
    "lightgbm": LightGBMModel,
    "catboost": CatBoostModel,
    "xgboost": XGBoostModel,
    "forest": ForestModel,
    "linear": LinearModel,
}


def read_plan(directory: Path, *, shared: Path | None = None) -> PlanExecutor:
    """Load a plan into memory.

    Args:
        shared: Where processes keep its unpacked arrays for each other; without it they are this process's own.

    Raises:
        ReleaseUnusable: when it was written by another version of gluonserve, or needs other libraries.
        Exception: whatever a damaged file makes its reader raise.
    """
    document: Any = read_json(directory / PLAN_FILE)
    if document["format"] != PLAN_FORMAT:
        raise ReleaseUnusable(f"its plan has format {document['format']}, this gluonserve reads format {PLAN_FORMAT}")
    fault = find_version_fault(document["libraries"], list_installed_libraries())
    if fault:
        raise ReleaseUnusable(fault)
    with unpacked_arrays(directory, document.get("arrays"), shared=shared) as arrays:
        ensemble = _read_ensemble(document["ensemble"], arrays)
    return PlanExecutor(FeatureEncoder(document["features"]), ensemble, make_answers(document["answers"]))


def _read_ensemble(document: Mapping[str, Any], directory: Path) -> Ensemble:
    weighting = document["weighting"]
    bags = [
        Bag([_read_member(member, directory) for member in bag["members"]], Calibration(bag["calibration"]))
        for bag in document["bags"]
    ]
    return Ensemble(bags, None if weighting is None else Weighting(weighting))


def _read_member(document: Mapping[str, Any], directory: Path) -> Member:
    model = document["model"]
    return Member(
        _FAMILIES[model["family"]](model, directory), document["normalize"], Calibration(document["calibration"])
    )
