"""How AutoGluon joins its models: bags of folds, the weighted ensemble over them, and what each does to its answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.release.plan.columns import PlanRefused, name_class

ExportMember = Callable[[Any, str], dict[str, Any]]

_ENSEMBLES = "autogluon.core.models.ensemble"
_BAGS = {
    f"{_ENSEMBLES}.stacker_ensemble_model.StackerEnsembleModel",
    f"{_ENSEMBLES}.bagged_ensemble_model.BaggedEnsembleModel",
}
_WEIGHTED = f"{_ENSEMBLES}.weighted_ensemble_model.WeightedEnsembleModel"
_GREEDY = "autogluon.core.models.greedy_ensemble"
_WEIGHTERS = {
    f"{_GREEDY}.greedy_weighted_ensemble_model.{model}": f"{_GREEDY}.ensemble_selection.{estimator}"
    for model, estimator in (
        ("GreedyWeightedEnsembleModel", "EnsembleSelection"),
        ("SimpleWeightedEnsembleModel", "SimpleWeightedEnsemble"),
    )
}


def export_ensemble(trainer: Any, name: str, export_member: ExportMember) -> dict[str, Any]:
    """Describe the model `name` of a trainer and everything below it.

    Raises:
        PlanRefused: for stacking above level 1 and for every construction not known here.
    """
    model = trainer.load_model(name)
    if name_class(model) != _WEIGHTED:
        return {"bags": [_export_bag(model, name, export_member)], "weighting": None}
    weighter = _find_weighter(model, name)
    bags = []
    for column in weighter.base_model_names:
        base = model.stack_column_prefix_to_model_map[column]
        bags.append(_export_bag(trainer.load_model(base), base, export_member))
    return {"bags": bags, "weighting": _describe_weighting(weighter, model)}


def _find_weighter(model: Any, name: str) -> Any:
    if len(model.models) != 1 or model.n_children != 1:
        raise PlanRefused(f"{name} averages several weighted ensembles.")
    weighter = model.models[0]
    estimator = _WEIGHTERS.get(name_class(weighter))
    if estimator is None or name_class(weighter.model) != estimator:
        raise PlanRefused(f"{name} joins its models in a way that plans do not know ({type(weighter).__name__}).")
    if len(weighter.base_model_names) != len(weighter.model.weights_):
        raise PlanRefused(f"{name} has another number of weights than of models.")
    return weighter


def _describe_weighting(weighter: Any, model: Any) -> dict[str, Any]:
    weights = weighter.model.weights_
    if any(type(weight).__name__ not in ("float64", "float") for weight in weights):
        raise PlanRefused("The weights of the ensemble are not 64-bit numbers.")
    return {
        "weights": [float(weight) for weight in weights],
        # NumPy keeps the 32 bits of the answers when it multiplies by a plain number, and goes to 64 by one of its own.
        "in_float64": all(type(weight).__name__ == "float64" for weight in weights),
        "normalize": bool(weighter.normalize_pred_probas),
        "calibration": _describe_calibration(weighter),
        "outer_calibration": _describe_calibration(model),
    }


def _export_bag(model: Any, name: str, export_member: ExportMember) -> dict[str, Any]:
    if name_class(model) not in _BAGS:
        return {"name": name, "members": [_export_fold(model, name, export_member)], "calibration": None}
    if model.base_model_names:
        raise PlanRefused(f"{name} is stacked on other models: plans hold one level below the weighted ensemble.")
    if any(isinstance(fold, str) for fold in model.models) or len(model.models) != model.n_children:
        raise PlanRefused(f"The folds of {name} are not in memory.")
    members = [_export_fold(fold, f"{name}-{number}", export_member) for number, fold in enumerate(model.models)]
    return {"name": name, "members": members, "calibration": _describe_calibration(model)}


def _export_fold(model: Any, name: str, export_member: ExportMember) -> dict[str, Any]:
    if model._model_specific_feature_generators is not None:
        raise PlanRefused(f"{name} makes features of its own.")
    return {
        "normalize": bool(model.normalize_pred_probas),
        "calibration": _describe_calibration(model),
        "model": export_member(model, name),
    }


def _describe_calibration(model: Any) -> dict[str, Any] | None:
    """Temperature scaling, else the additions of conformal quantiles; None when answers stay as they are."""
    if model.temperature_scalar is not None:
        return {"temperature": float(model.temperature_scalar)}
    if model.conformalize is not None:
        return {"additions": [float(value) for value in model.conformalize]}
    return None
