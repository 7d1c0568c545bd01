"""Exports AutoGluon's linear models: how scikit-learn prepares their columns, and their coefficients, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.release.plan.columns import EncodedColumn, PlanRefused, name_class

Float64 = npt.NDArray[np.float64]

_MODEL = "autogluon.tabular.models.lr.lr_model.LinearModel"
_TRANSFORMER = "sklearn.compose._column_transformer.ColumnTransformer"
_PIPELINE = "sklearn.pipeline.Pipeline"
_ONE_HOT = "autogluon.tabular.models.lr.lr_preprocessing_utils.OheFeaturesGenerator"
_GENERATOR = "autogluon.features.generators.one_hot_encoder.OneHotEncoderFeatureGenerator"
_LEVELS = "autogluon.features.generators.one_hot_encoder.CatToInt"
_ENCODER = "sklearn.preprocessing._encoders.OneHotEncoder"
_IMPUTER = "sklearn.impute._base.SimpleImputer"
_SCALER = "sklearn.preprocessing._data.StandardScaler"
_QUANTILES = "sklearn.preprocessing._data.QuantileTransformer"
_ESTIMATORS = {
    "binary": ("sigmoid", {"sklearn.linear_model._logistic.LogisticRegression"}),
    "multiclass": ("softmax", {"sklearn.linear_model._logistic.LogisticRegression"}),
    "regression": (
        "identity",
        {"sklearn.linear_model._ridge.Ridge", "sklearn.linear_model._coordinate_descent.Lasso"},
    ),
}
# What the arithmetic of runtime/plan takes for granted of each fitted part.
_SETTINGS: dict[str, dict[str, Any]] = {
    _TRANSFORMER: {"remainder": "drop", "transformer_weights": None},
    _ENCODER: {"handle_unknown": "ignore", "drop_idx_": None, "min_frequency": None, "max_categories": None},
    _IMPUTER: {"add_indicator": False, "keep_empty_features": False},
    _SCALER: {"with_mean": True, "with_std": True},
    _QUANTILES: {"output_distribution": "normal"},
}


def export_linear(model: Any, columns: Sequence[EncodedColumn], directory: Path, name: str) -> dict[str, Any]:
    """Write the arrays of a fitted LinearModel to `<name>.npz` and return its document.

    Raises:
        PlanRefused: The model prepares its columns, or joins them, in a way that these arrays cannot say.
    """
    link, coefficients, intercept = _read_estimator(model)
    left = _Coefficients(coefficients)
    blocks = _merge_scaled([_export_block(entry, columns, left) for entry in _list_transformers(model._pipeline)])
    left.check_none_left()
    arrays = {f"{number}.{key}": array for number, block in enumerate(blocks) for key, array in block.arrays.items()}
    fill = np.concatenate([block.fill for block in blocks])
    np.savez(directory / f"{name}.npz", intercept=intercept, fill=fill, **arrays)  # type: ignore[arg-type]
    return {
        "columns": [place for block in blocks for place in block.places],
        "arrays": f"{name}.npz",
        "blocks": [{"kind": block.kind, "columns": len(block.places), "dtype": block.dtype} for block in blocks],
        "link": link,
    }


@dataclass(frozen=True)
class _Block:
    """Neighbouring columns that are prepared in one way.

    Attributes:
        places: Which columns of the matrix.
        dtype: The width of number that scikit-learn prepares them in.
        fill: What stands for NaN in each.
    """

    kind: str
    places: list[int]
    dtype: str
    fill: npt.NDArray[Any]
    arrays: dict[str, npt.NDArray[Any]]


class _Coefficients:
    """Hands the coefficients to the blocks, in the order in which the estimator reads its inputs."""

    def __init__(self, coefficients: Float64) -> None:
        self._coefficients = coefficients
        self._taken = 0

    def take(self, count: int) -> Float64:
        start, self._taken = self._taken, self._taken + count
        return self._coefficients[start : self._taken]

    def check_none_left(self) -> None:
        if self._taken != len(self._coefficients):
            raise PlanRefused("The linear model has another number of coefficients than of prepared inputs.")


def _read_estimator(model: Any) -> tuple[str, Float64, Float64]:
    """The link from scores to answers, coefficients (inputs, outputs) and intercept (outputs,)."""
    _check_class(model, _MODEL)
    estimator = model.model
    link, known = _ESTIMATORS.get(model.problem_type, ("", set()))
    if name_class(estimator) not in known:
        raise PlanRefused(f"Plans know no linear model for {model.problem_type} by {name_class(estimator)}.")
    if model._compiler is not None:
        raise PlanRefused("The linear model is compiled by another library.")
    coefficients = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64)).T
    outputs = coefficients.shape[1]
    if link == "softmax":
        _check_multinomial(estimator, outputs)
    elif outputs != 1:
        raise PlanRefused(f"A linear model for {model.problem_type} has {outputs} outputs.")
    # Adding a positive zero turns a negative one around, so that no sum depends on where it started.
    return link, coefficients, np.broadcast_to(np.asarray(estimator.intercept_, dtype=np.float64), (outputs,)) + 0.0


def _check_multinomial(estimator: Any, outputs: int) -> None:
    """Older scikit-learn fits one classifier per class on request, whose answers are joined without a softmax."""
    form = getattr(estimator, "multi_class", "deprecated")
    if outputs < 3 or estimator.solver == "liblinear" or form not in ("auto", "deprecated", "multinomial"):
        raise PlanRefused("The linear model joins its classes in another way than by a softmax.")


def _list_transformers(pipeline: Any) -> list[tuple[str, Any, Any]]:
    _check_class(pipeline, _TRANSFORMER)
    return [entry for entry in pipeline.transformers_ if entry[0] != "remainder"]


def _export_block(entry: tuple[str, Any, Any], columns: Sequence[EncodedColumn], left: _Coefficients) -> _Block:
    title, pipeline, names = entry
    _check_class(pipeline, _PIPELINE)
    steps = [step for _, step in pipeline.steps]
    export = _EXPORTS.get(tuple(name_class(step) for step in steps))
    if export is None:
        kinds = ", ".join(type(step).__name__ for step in steps)
        raise PlanRefused(f"The linear model prepares its {title} columns in a way that plans do not know ({kinds}).")
    for step in steps:
        _check_settings(step)
    places = {column.name: place for place, column in enumerate(columns)}
    missing = [name for name in names if name not in places]
    if missing:
        raise PlanRefused(f"The linear model reads {missing[0]}, which the features do not bring.")
    return export(steps, [places[name] for name in names], columns, left)


def _export_one_hot(
    steps: Sequence[Any], places: list[int], columns: Sequence[EncodedColumn], left: _Coefficients
) -> _Block:
    """Instead of zeros and ones: the coefficients that each code of each column adds, the last for a missing one."""
    generator = steps[0].encoder_
    _check_class(generator, _GENERATOR)
    levels, encoder = generator._cat_feat_gen, generator._ohe
    _check_class(levels, _LEVELS)
    _check_class(encoder, _ENCODER)
    tables = []
    for position, (place, categories) in enumerate(zip(places, encoder.categories_, strict=True)):
        count = columns[place].levels
        if count is None or np.asarray(categories).dtype.kind not in "iu":
            raise PlanRefused(f"The linear model encodes {columns[place].name}, which is no category.")
        taken = left.take(len(categories))
        inputs = _find_inputs(levels, position, categories, count)
        tables.append(np.vstack([taken, np.zeros((1, taken.shape[1]))])[inputs])
    sizes = np.array([len(table) for table in tables])
    arrays = {"table": np.vstack(tables), "offsets": np.cumsum(sizes) - sizes}
    return _Block("one_hot", places, "float64", sizes - 1.0, arrays)


def _find_inputs(levels: Any, position: int, categories: npt.NDArray[Any], count: int) -> list[int]:
    """For each code and then for a missing one: which of the column's inputs is 1; the one past the end for none."""
    known = set(np.asarray(levels.cats[position]).tolist())
    inputs = {code: place for place, code in enumerate(np.asarray(categories).tolist())}
    codes = [*range(count), int(levels.fillna_val)]
    # AutoGluon counts what a fold has not seen as missing, and scikit-learn ignores "missing" when no row of it was.
    return [inputs.get(code if code in known else int(levels.infrequent_val), len(inputs)) for code in codes]


def _export_scaled(
    steps: Sequence[Any], places: list[int], columns: Sequence[EncodedColumn], left: _Coefficients
) -> _Block:
    imputer, scaler = steps if len(steps) == 2 else (None, steps[0])
    places, fill, dtype = _read_imputer(imputer, places, columns)
    arrays = {
        "mean": np.asarray(scaler.mean_, dtype=dtype),
        "scale": np.asarray(scaler.scale_, dtype=dtype),
        "coefficients": left.take(len(places)),
    }
    _check_lengths(arrays, places)
    return _Block("scaled", places, dtype, fill, arrays)


def _export_quantiles(
    steps: Sequence[Any], places: list[int], columns: Sequence[EncodedColumn], left: _Coefficients
) -> _Block:
    imputer, transformer = steps
    places, fill, dtype = _read_imputer(imputer, places, columns)
    quantiles = np.ascontiguousarray(np.asarray(transformer.quantiles_, dtype=np.float64).T)
    references = np.asarray(transformer.references_, dtype=np.float64)
    arrays = {
        "quantiles": quantiles,
        "slopes": _find_slopes(quantiles, references),
        "coefficients": left.take(len(places)),
    }
    _check_lengths(arrays, places)
    return _Block("quantiles", places, dtype, fill, {**arrays, "references": references})


def _find_slopes(quantiles: Float64, references: Float64) -> Float64:
    """The slope from each quantile to the next; 0 between equal ones and after the last, where none is used."""
    widths = np.diff(quantiles, axis=1)
    if not (np.isfinite(quantiles).all() and np.isfinite(widths).all() and (widths >= 0).all()):
        raise PlanRefused("The quantiles of a linear model are not finite, ascending numbers.")
    rises = np.broadcast_to(np.diff(references), widths.shape)
    with np.errstate(over="ignore"):
        slopes = np.divide(rises, widths, out=np.zeros_like(widths), where=widths > 0)
    if not np.isfinite(slopes).all():
        raise PlanRefused("Quantiles of a linear model are too close to each other for a finite slope.")
    return np.hstack([slopes, np.zeros((len(slopes), 1))])


def _read_imputer(
    imputer: Any, places: list[int], columns: Sequence[EncodedColumn]
) -> tuple[list[int], npt.NDArray[Any], str]:
    """The columns that are left, what fills their gaps, and the width of number that the steps after it count in."""
    for place in places:
        if columns[place].levels is not None:
            raise PlanRefused(f"The linear model takes the category {columns[place].name} for a number.")
    if imputer is None:
        return places, np.full(len(places), np.nan), "float64"
    if imputer.missing_values == imputer.missing_values or imputer._fit_dtype.kind not in "iuf":
        raise PlanRefused("The linear model fills the gaps of something else than numbers.")
    dtype = {"float32": "float32", "float16": "float16"}.get(imputer._fit_dtype.name, "float64")
    if dtype == "float16":
        raise PlanRefused("The linear model counts in 16-bit numbers.")
    fill = np.asarray(imputer.statistics_, dtype=dtype)
    # A column without any value in this fold is left out by scikit-learn.
    kept = ~np.isnan(fill)
    return [place for place, keep in zip(places, kept, strict=True) if keep], fill[kept], dtype


def _merge_scaled(blocks: Sequence[_Block]) -> list[_Block]:
    """Join neighbours that differ only in AutoGluon's name for them: fewer calls for every row."""
    merged: list[_Block] = []
    for block in blocks:
        last = merged[-1] if merged else None
        if last and last.kind == block.kind == "scaled" and last.dtype == block.dtype:
            arrays = {key: np.concatenate([last.arrays[key], block.arrays[key]]) for key in block.arrays}
            fill = np.concatenate([last.fill, block.fill])
            merged[-1] = _Block("scaled", last.places + block.places, block.dtype, fill, arrays)
        else:
            merged.append(block)
    return merged


def _check_class(item: object, expected: str) -> None:
    if name_class(item) != expected:
        raise PlanRefused(f"Inside a linear model there is {name_class(item)} where plans know {expected}.")
    _check_settings(item)


def _check_settings(item: Any) -> None:
    for setting, expected in _SETTINGS.get(name_class(item), {}).items():
        found = getattr(item, setting)
        if found is not expected and found != expected:
            raise PlanRefused(f"The linear model's {type(item).__name__} has {setting} set to {found!r}.")


def _check_lengths(arrays: Mapping[str, npt.NDArray[Any]], places: Sequence[int]) -> None:
    if any(len(array) != len(places) for array in arrays.values()):
        raise PlanRefused("The steps of a linear model were fitted on different columns.")


_Export = Callable[[Sequence[Any], list[int], Sequence[EncodedColumn], _Coefficients], _Block]
_EXPORTS: dict[tuple[str, ...], _Export] = {
    (_ONE_HOT,): _export_one_hot,
    (_IMPUTER, _SCALER): _export_scaled,
    (_SCALER,): _export_scaled,
    (_IMPUTER, _QUANTILES): _export_quantiles,
}
