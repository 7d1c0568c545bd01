"""Lets models share their inputs: the folds of a bag would each prepare the same rows in the same way."""

from __future__ import annotations

import pickle
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

_PACKAGE = "autogluon.tabular.models."
# These classes prepare rows by nothing but what is compared below. Models of others go on as they are.
_CLASSES = {"CatBoostModel", "LGBModel", "XGBoostModel", "RFModel", "XTModel"}
# What tells of training and of the estimator. All else must be equal.
_NOT_READ = {"model", "name", "path", "path_root", "params_trained", "random_seed", "val_score", "compile_time"}
_NOT_READ |= {
    "fit_time",
    "predict_time",
    "predict_1_time",
    "_predict_n_size",
    "_fit_metadata",
    "_memory_usage_estimate",
}
# Only XGBoost's way depends on a parameter; forests that differ in their criterion share.
_PARAMETERS = {"params", "params_aux", "_user_params", "_user_params_aux", "nondefault_params"}
# What AutoGluon asks of a model: alone, and as a fold of a bag, which has done the first step for all its folds.
_USUAL_OPTIONS: tuple[dict[str, Any], ...] = ({}, {"preprocess_nonadaptive": False})

_Prepare = Callable[..., Any]


class SharedInputs:
    """What models of equal preparation made of the rows of the pass under way. For one pass at a time: its owner locks.

    Each input is made as AutoGluon and the library of the model make it, once in place of once per model.
    """

    def __init__(self, models: Iterable[Any]) -> None:
        self._prepared: dict[tuple[int, bool], tuple[Any, Any]] = {}
        groups: dict[bytes, list[Any]] = defaultdict(list)
        for model in models:
            preparation = _describe_preparation(model)
            if preparation is not None:
                groups[preparation].append(model)
        for number, group in enumerate(groups.values()):
            prepare = _make_preparation(group[0])
            for model in group:
                model.preprocess = self._share(number, prepare, otherwise=model.preprocess)

    def forget(self) -> None:
        """At the end of a pass: keep nobody's rows."""
        self._prepared.clear()

    def _share(self, group: int, prepare: _Prepare, *, otherwise: _Prepare) -> _Prepare:
        def prepare_once(X: Any, **options: Any) -> Any:  # noqa: N803 - the name that AutoGluon calls it by
            if options not in _USUAL_OPTIONS:
                return otherwise(X, **options)
            key = group, not options
            known = self._prepared.get(key)
            if known is None or known[0] is not X:
                known = self._prepared[key] = (X, prepare(X, **options))
            return known[1]

        return prepare_once


def _describe_preparation(model: Any) -> bytes | None:
    """Equal for models that prepare rows alike; None for those that nothing is known of."""
    kind = type(model)
    if kind.__name__ not in _CLASSES or not kind.__module__.startswith(_PACKAGE):
        return None
    left_out = _NOT_READ if kind.__name__ == "XGBoostModel" else _NOT_READ | _PARAMETERS
    state = {name: value for name, value in sorted(vars(model).items()) if name not in left_out}
    if state.get("_label_encoder") is not None:
        state["_label_encoder"] = {**vars(state["_label_encoder"]), "fit_time": None}
    try:
        return pickle.dumps((kind, state, _read_library_options(model)))
    except Exception:
        return None


def _read_library_options(model: Any) -> Any:
    """What the library reads of a model when it takes a DataFrame over."""
    if type(model).__name__ == "CatBoostModel":
        return model.model._get_cat_feature_indices()
    if type(model).__name__ == "LGBModel":
        return model.model.pandas_categorical
    return None


def _make_preparation(model: Any) -> _Prepare:
    """As AutoGluon prepares rows for this model, and then what its library would make of the DataFrame each time."""
    prepare, options = model.preprocess, _read_library_options(model)
    if type(model).__name__ == "CatBoostModel":
        make_pool, codes = _find_library(model).Pool, _CategoryCodes(model)
        return lambda rows, **known: make_pool(codes.prepare(rows, **known), cat_features=options, thread_count=1)
    if type(model).__name__ == "LGBModel":
        make_matrix = _find_library(model)._data_from_pandas
        return lambda rows, **known: make_matrix(prepare(rows, **known), "auto", "auto", options)[0]
    return prepare  # type: ignore[no-any-return]


def _find_library(model: Any) -> Any:
    """The module that defines the estimator: it was loaded with the model, and only where there is one."""
    return sys.modules[type(model.model).__module__]


class _CategoryCodes:
    """CatBoost's codes of categories, looked up: AutoGluon takes half a millisecond per column to compute them.

    It replaces each category by a number, each column and row by itself. So it is asked once for every category.
    """

    def __init__(self, model: Any) -> None:
        self._ask: _Prepare = model.preprocess
        self._columns: list[str] = model._category_features or []
        self._types: list[Any] | None = None
        self._codes: dict[str, Any] = {}

    def prepare(self, rows: Any, **options: Any) -> Any:
        types = rows.dtypes.tolist()
        if types != self._types:
            self._types, self._codes = types, self._ask_for_codes(rows, options)
        columns = {name: rows[name] for name in rows.columns}
        columns |= {name: codes[rows[name].cat.codes.to_numpy()] for name, codes in self._codes.items()}
        return pd.DataFrame(columns, copy=False)

    def _ask_for_codes(self, rows: Any, options: dict[str, Any]) -> dict[str, Any]:
        """The code of each category by its position, and at the end that of a missing one, whose position is -1."""
        levels = {name: len(rows[name].cat.categories) for name in self._columns}
        asked = rows.iloc[np.zeros(max(levels.values(), default=0) + 1, dtype=int)].reset_index(drop=True)
        for name, count in levels.items():
            positions = np.full(len(asked), -1)
            positions[:count] = range(count)
            asked[name] = pd.Categorical.from_codes(positions, dtype=rows[name].dtype)
        answered = self._ask(asked, **options)
        return {name: answered[name].astype(np.int64).to_numpy()[[*range(count), -1]] for name, count in levels.items()}
