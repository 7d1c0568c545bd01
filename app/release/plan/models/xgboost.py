"""Exports AutoGluon's XGBoost models: as tables of masks, or as XGBoost's own file where a table cannot hold them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from app.release.plan.columns import EncodedColumn, PlanRefused, name_class
from app.release.plan.models.masks.inputs import find_places
from app.release.plan.models.masks.one_hot import Input, list_inputs
from app.release.plan.models.masks.table import MaskTable
from app.release.plan.models.masks.xgboost_json import XGBoostJson

_MODEL = "autogluon.tabular.models.xgboost.xgboost_model.XGBoostModel"
_ESTIMATORS = {"xgboost.sklearn.XGBClassifier", "xgboost.sklearn.XGBRegressor"}
_BOOSTER = "xgboost.core.Booster"
# The last step by objective; None leaves it to XGBoost's library.
_OUTPUTS: dict[str, dict[str, str | None]] = {
    "binary": {"binary:logistic": "logistic_float32"},
    "multiclass": {"multi:softprob": "softmax_float32"},
    "regression": {
        "reg:squarederror": "only_sum",
        "reg:absoluteerror": "only_sum",
        "reg:pseudohubererror": "only_sum",
        "reg:squaredlogerror": "only_sum",
        "count:poisson": None,
        "reg:gamma": None,
        "reg:tweedie": None,
    },
}


def export_xgboost(model: Any, columns: Sequence[EncodedColumn], directory: Path, name: str) -> dict[str, Any]:
    """Write the booster of a fitted XGBoostModel and return its document.

    Raises:
        PlanRefused: The model computes in a way that is not known here.
    """
    if name_class(model) != _MODEL or model.problem_type not in _OUTPUTS:
        raise PlanRefused(f"{model.name} is no XGBoost model of a kind that plans know.")
    inputs = list_inputs(model, find_places(model, columns), columns)
    booster = _find_booster(model)
    source = XGBoostJson(orjson.loads(booster.save_raw("json")), name=model.name)
    _check_shape(source, model, inputs)
    output = _OUTPUTS[model.problem_type][source.objective]
    if output is not None:
        levels = {place: column.levels for place, column in enumerate(columns) if column.levels is not None}
        chains = source.read_chains(inputs, levels, _ask_for_intercept(booster, source))
        table = MaskTable(chains, levels=levels, zero_is_missing=True, dtype=np.float32)
        if table.fits:
            return {"table": table.write(directory, name), "output": {"kind": output}}
    return _export_file(booster, source, inputs, columns, (directory, name))


def _find_booster(model: Any) -> Any:
    estimator = model.model
    if name_class(estimator) not in _ESTIMATORS or not np.isnan(estimator.missing):
        raise PlanRefused(f"{model.name} holds an XGBoost estimator of an unknown kind.")
    booster = estimator.get_booster()
    if name_class(booster) != _BOOSTER:
        raise PlanRefused(f"{model.name} holds something other than an XGBoost booster.")
    return booster


def _check_shape(source: XGBoostJson, model: Any, inputs: Sequence[Input]) -> None:
    if source.objective not in _OUTPUTS[model.problem_type]:
        raise PlanRefused(f"{model.name} was trained for an objective that plans do not know ({source.objective}).")
    if source.chains != (model.num_classes if model.problem_type == "multiclass" else 1):
        raise PlanRefused(f"{model.name} answers with an unexpected number of values.")
    if source.features != len(inputs):
        raise PlanRefused(f"{model.name} reads another number of columns than its encoding makes.")


def _ask_for_intercept(booster: Any, source: XGBoostJson) -> list[float]:
    """What the sums start from, asked of XGBoost itself: how it is stored differs by objective and version."""
    silent = type(booster)(model_file=bytearray(orjson.dumps(source.without_trees())))
    margin = silent.inplace_predict(np.zeros((1, source.features), np.float32), predict_type="margin")
    intercept: list[float] = np.asarray(margin).ravel().tolist()
    if len(intercept) != source.chains:
        raise PlanRefused("XGBoost starts its sums in a way that plans do not know.")
    return intercept


def _export_file(
    booster: Any,
    source: XGBoostJson,
    inputs: Sequence[Input],
    columns: Sequence[EncodedColumn],
    target: tuple[Path, str],
) -> dict[str, Any]:
    directory, name = target
    booster.save_model(directory / f"{name}.ubj")
    return {
        "file": f"{name}.ubj",
        "iterations": source.iterations,
        "chains": source.chains,
        "width": len(inputs),
        "numbers": [[place, item.column] for place, item in enumerate(inputs) if not item.levels],
        "categories": [
            {"column": column, "places": _list_places_of_levels(inputs, column, columns[column].levels or 0)}
            for column in sorted({item.column for item in inputs if item.levels})
        ],
    }


def _list_places_of_levels(inputs: Sequence[Input], column: int, levels: int) -> list[int]:
    """The input that each code sets to 1, at last that of a missing one; one past all inputs where there is none."""
    places = {level: place for place, item in enumerate(inputs) if item.column == column for level in item.levels}
    return [places.get(level, len(inputs)) for level in [*range(levels), -1]]
