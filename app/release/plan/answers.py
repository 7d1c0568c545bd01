"""What a plan's numbers mean: labels, classes and the decision threshold of a predictor."""

from __future__ import annotations

from typing import Any

from app.release.plan.columns import PlanRefused, name_class
from app.release.schema import Scalar

_CLEANERS = "autogluon.core.data.label_cleaner"
_BINARY = f"{_CLEANERS}.LabelCleanerBinary"
_CLASSES = {f"{_CLEANERS}.LabelCleanerMulticlass", f"{_CLEANERS}.LabelCleanerMulticlassToBinary"}
_NUMBERS = f"{_CLEANERS}.LabelCleanerDummy"


def export_answers(predictor: Any) -> dict[str, Any]:
    """Describe how the numbers of a predictor's best model become answers.

    Raises:
        PlanRefused: for labels and label cleaners that plans do not know.
    """
    cleaner = predictor._learner.label_cleaner
    kind = name_class(cleaner)
    if predictor.problem_type == "quantile" and kind == _NUMBERS:
        return {"kind": "quantile", "names": [str(level) for level in predictor.quantile_levels]}
    if predictor.problem_type == "regression" and kind == _NUMBERS:
        return {"kind": "number"}
    labels = predictor.class_labels
    named = {"names": [str(label) for label in labels], "labels": [_read_label(label) for label in labels]}
    if predictor.problem_type == "binary" and kind == _BINARY:
        return {"kind": "binary", **named, **_describe_threshold(predictor.decision_threshold)}
    if predictor.problem_type == "multiclass" and kind in _CLASSES:
        trained = list(cleaner.label_index_to_keep) if cleaner.invalid_class_count else None
        return {"kind": "class", **named, "trained": trained}
    raise PlanRefused(f"Labels of a {predictor.problem_type} model are cleaned by {kind}, which plans do not know.")


def _describe_threshold(threshold: Any) -> dict[str, Any]:
    if type(threshold).__name__ not in ("float", "int", "float64"):
        raise PlanRefused(f"The decision threshold is a {type(threshold).__name__}.")
    return {"threshold": float(threshold), "threshold_in_float64": type(threshold).__name__ == "float64"}


def _read_label(label: Any) -> Scalar:
    plain = label.item() if hasattr(label, "item") else label
    if not isinstance(plain, (str, int, float, bool)):
        raise PlanRefused(f"A class is a {type(plain).__name__}: it has no form in JSON.")
    return plain
