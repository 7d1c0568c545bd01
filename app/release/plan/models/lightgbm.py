"""Exports AutoGluon's LightGBM models: as tables of masks, or as LightGBM's text where a table cannot hold them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.release.plan.columns import EncodedColumn, PlanRefused, name_class
from app.release.plan.models.masks.inputs import find_places
from app.release.plan.models.masks.lightgbm_text import LightGBMText
from app.release.plan.models.masks.table import MaskTable

_MODEL = "autogluon.tabular.models.lgb.lgb_model.LGBModel"
_BOOSTER = "lightgbm.basic.Booster"
_BY_LEVEL = "autogluon.tabular.models.lgb.lgb_utils.QuantileBooster"
_PROBLEM_TYPES = ("binary", "multiclass", "regression", "quantile")
# Objectives whose answers are the sums of the trees.
_SUMS = {"regression", "regression_l1", "huber", "fair", "quantile", "mape"}
# Objectives whose last step is left to LightGBM's library.
_NATIVE = {"multiclassova", "poisson", "gamma", "tweedie", "cross_entropy"}


def export_lightgbm(model: Any, columns: Sequence[EncodedColumn], directory: Path, name: str) -> dict[str, Any]:
    """Write the boosters of a fitted LGBModel and return its document.

    Raises:
        PlanRefused: The model computes in a way that is not known here.
    """
    if name_class(model) != _MODEL or model.problem_type not in _PROBLEM_TYPES:
        raise PlanRefused(f"{model.name} is no LightGBM model of a kind that plans know.")
    places = find_places(model, columns)
    boosters = _list_boosters(model)
    for booster in boosters:
        _check_categories(booster, [columns[place] for place in places], model.name)
    # Without a number of iterations both the text and AutoGluon's prediction stop at the best one.
    written = [booster.model_to_string() for booster in boosters]
    texts = [LightGBMText(text) for text in written]
    for text in texts:
        _check_shape(text, model, len(places))
    document = _export_table(texts, model.problem_type, columns, places, directory, name)
    return document or _export_texts(written, model.problem_type, places, directory, name)


def _list_boosters(model: Any) -> list[Any]:
    boosters = [model.model]
    if model.problem_type == "quantile":
        if name_class(model.model) != _BY_LEVEL:
            raise PlanRefused(f"{model.name} predicts quantiles in an unknown way.")
        boosters = [model.model.model_dict[level] for level in model.model.quantile_levels]
    if any(name_class(booster) != _BOOSTER for booster in boosters):
        raise PlanRefused(f"{model.name} holds something other than LightGBM boosters.")
    return boosters


def _check_categories(booster: Any, read: Sequence[EncodedColumn], name: str) -> None:
    """The booster must know categories by the codes that the matrix holds."""
    expected = [list(range(column.levels)) for column in read if column.levels is not None]
    if [list(known) for known in booster.pandas_categorical or []] != expected:
        raise PlanRefused(f"{name} numbers its categories in a way of its own.")


def _check_shape(text: LightGBMText, model: Any, features: int) -> None:
    objective = text.objective[0] if text.objective else "one of the caller's own"
    if objective not in {"binary", "multiclass", *_SUMS, *_NATIVE}:
        raise PlanRefused(f"{model.name} was trained for an objective that plans do not know ({objective}).")
    if text.chains != (model.num_classes if model.problem_type == "multiclass" else 1):
        raise PlanRefused(f"{model.name} answers with an unexpected number of values.")
    if text.features != features:
        raise PlanRefused(f"{model.name} reads another number of columns than it has features.")


def _export_table(
    texts: Sequence[LightGBMText],
    problem_type: str,
    columns: Sequence[EncodedColumn],
    places: Sequence[int],
    directory: Path,
    name: str,
) -> dict[str, Any] | None:
    """None when a table cannot hold these trees, or would be too large."""
    output = _describe_output(texts, problem_type)
    if output is None or not all(text.only_sums for text in texts):
        return None
    levels = {place: column.levels for place, column in enumerate(columns) if column.levels is not None}
    chains = [chain for text in texts for chain in text.read_chains(places)]
    table = MaskTable(chains, levels=levels, zero_is_missing=False, dtype=np.float64)
    return {"table": table.write(directory, name), "output": output} if table.fits else None


def _describe_output(texts: Sequence[LightGBMText], problem_type: str) -> dict[str, Any] | None:
    objective, *options = texts[0].objective
    if objective == "binary":
        slopes = [option.partition(":")[2] for option in options if option.startswith("sigmoid:")]
        return {"kind": "logistic", "slope": float(slopes[0])}
    if objective == "multiclass":
        return {"kind": "softmax"}
    if objective in _SUMS and "sqrt" not in options:
        return {"kind": "sums" if problem_type == "quantile" else "only_sum"}
    return None


def _export_texts(
    written: Sequence[str], problem_type: str, places: Sequence[int], directory: Path, name: str
) -> dict[str, Any]:
    files = [f"{name}.{number}.txt" for number in range(len(written))]
    for file, text in zip(files, written, strict=True):
        (directory / file).write_text(text, encoding="utf-8")
    return {"columns": list(places), "files": files, "by_level": problem_type == "quantile"}
