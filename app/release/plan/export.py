"""The compiled plan of a predictor, written to a directory: the whole of it, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import copyfile
from typing import Any

from app.release.files import write_json
from app.release.plan import PLAN_FILE, PLAN_FORMAT
from app.release.plan.answers import export_answers
from app.release.plan.columns import EncodedColumn, PlanRefused, name_class
from app.release.plan.ensemble import export_ensemble
from app.release.plan.features import export_features
from app.release.plan.models.catboost import export_catboost
from app.release.plan.models.forest import export_forest
from app.release.plan.models.lightgbm import export_lightgbm
from app.release.plan.models.linear import export_linear
from app.release.plan.models.xgboost import export_xgboost
from app.release.schema import FeatureSchema

ExportModel = Callable[[Any, Sequence[EncodedColumn], Path, str], dict[str, Any]]

_MODELS = "autogluon.tabular.models"
_FAMILIES: dict[str, tuple[str, ExportModel]] = {
    f"{_MODELS}.lgb.lgb_model.LGBModel": ("lightgbm", export_lightgbm),
    f"{_MODELS}.catboost.catboost_model.CatBoostModel": ("catboost", export_catboost),
    f"{_MODELS}.xgboost.xgboost_model.XGBoostModel": ("xgboost", export_xgboost),
    f"{_MODELS}.rf.rf_model.RFModel": ("forest", export_forest),
    f"{_MODELS}.xt.xt_model.XTModel": ("forest", export_forest),
    f"{_MODELS}.lr.lr_model.LinearModel": ("linear", export_linear),
}
_REASONS = {
    # Which of several training rows at one distance counts follows from the order in which a tree is searched, or from
    # the rounding of matrix products; with whole numbers such ties are the rule, and nobody knows the rows to come.
    f"{_MODELS}.knn.knn_model.KNNModel": "which chooses among equally near rows in scikit-learn's own order",
}
# The distributions whose code a family runs in at prediction.
_LIBRARIES = {"lightgbm": ("lightgbm",), "xgboost": ("xgboost", "xgboost-cpu")}


class ExportedModels:
    """Models exported once, by name, for the plans of several ensembles of one predictor under one schema."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._documents: dict[str, dict[str, Any]] = {}

    def export(
        self, export: ExportModel, model: Any, columns: Sequence[EncodedColumn], target: Path, name: str
    ) -> dict[str, Any]:
        """Write the files of a model into `target` and return its document."""
        kept = self._directory / name
        if name not in self._documents:
            kept.mkdir(parents=True, exist_ok=True)
            self._documents[name] = export(model, columns, kept, name)
        for file in kept.iterdir():
            copyfile(file, target / file.name)
        return self._documents[name]


def export_plan(
    predictor: Any, schema: FeatureSchema, directory: Path, *, exported: ExportedModels | None = None
) -> None:
    """Write the plan of a predictor whose models are held in memory.

    Args:
        predictor: A fitted `TabularPredictor`.
        schema: The features of the release; their order is that of the rows a plan predicts.
        directory: An existing, empty directory.
        exported: Models of this predictor under this schema that need not be exported again.

    Raises:
        PlanRefused: with the reason, when any part of the predictor is outside what plans reproduce.
    """
    try:
        steps, columns = export_features(predictor._learner.feature_generator, schema)
        exporter = _ModelExporter(columns, directory, exported)
        ensemble = export_ensemble(predictor._trainer, predictor.model_best, exporter.export)
        answers = export_answers(predictor)
    except (AttributeError, KeyError, TypeError, IndexError, ValueError) as fault:
        raise PlanRefused(f"AutoGluon's parts are not as plans know them ({type(fault).__name__}: {fault}).") from fault
    document = {
        "format": PLAN_FORMAT,
        "libraries": exporter.list_libraries(),
        "features": steps,
        "ensemble": ensemble,
        "answers": answers,
    }
    write_json(directory / PLAN_FILE, document)


class _ModelExporter:
    """Exports one model after the other and remembers their families."""

    def __init__(self, columns: Sequence[EncodedColumn], directory: Path, exported: ExportedModels | None) -> None:
        self._columns = columns
        self._directory = directory
        self._exported = exported
        self._families: set[str] = set()

    def export(self, model: Any, name: str) -> dict[str, Any]:
        known = _FAMILIES.get(name_class(model))
        if known is None:
            reason = _REASONS.get(name_class(model), "a family without a plan")
            raise PlanRefused(f"{name} is a {type(model).__name__}, {reason}.")
        family, export = known
        self._families.add(family)
        if self._exported:
            return {"family": family, **self._exported.export(export, model, self._columns, self._directory, name)}
        return {"family": family, **export(model, self._columns, self._directory, name)}

    def list_libraries(self) -> dict[str, str]:
        """The version of each library that executes a part of the plan, by distribution."""
        names = {name for family in self._families for name in _LIBRARIES.get(family, ())}
        return {"numpy": version("numpy"), **{name: found for name in sorted(names) if (found := _find_version(name))}}


def _find_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
