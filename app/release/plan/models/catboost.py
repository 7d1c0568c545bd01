"""Exports AutoGluon's CatBoost models: trees, borders and target statistics as arrays, evaluated without CatBoost."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from app.release.plan.columns import EncodedColumn, PlanRefused
from app.release.plan.models.catboost_ctrs import (
    Arrays,
    CtrTables,
    Hashes,
    ModelInputs,
    evaluate_ctrs,
    limit_in_float64,
    read_keys,
)

_CHILD = ("autogluon.tabular.models.catboost.catboost_model", "CatBoostModel")
_MISSING = "__NaN__"
_DEEPEST = 16
_PROOF_ROWS = 300
_LINKS = {
    ("binary", "Logloss"): "sigmoid",
    ("binary", "CrossEntropy"): "sigmoid",
    ("multiclass", "MultiClass"): "softmax",
    ("multiclass", "MultiClassOneVsAll"): "sigmoid",
}
_OTHER_THAN_RAW = ("Poisson", "Tweedie", "RMSEWithUncertainty")
_FILES = {"structure": "npz", "leaves": "leaves.npy", "ctrs": "ctrs.npy"}


@dataclass(frozen=True)
class _Layout:
    """How the model's features lie in the matrix, in the order of CatBoost's features.

    Attributes:
        columns: Their indexes in the matrix.
        inputs: Which of them are numbers and which are categories.
        fill: What stands for a missing value of each: NaN fails every split, infinity passes every one.
    """

    columns: list[int]
    inputs: ModelInputs
    fill: npt.NDArray[np.float64]


def export_catboost(model: Any, columns: Sequence[EncodedColumn], directory: Path, name: str) -> dict[str, Any]:
    """Write the arrays of a fitted CatBoostModel and return its document.

    `<name>.npz` holds the structure, `<name>.leaves.npy` the leaf values and `<name>.ctrs.npy` the target statistics.

    Raises:
        PlanRefused: The model does something that the arrays do not say.
    """
    if (type(model).__module__, type(model).__qualname__) != _CHILD:
        raise PlanRefused(f"{type(model).__qualname__} is not AutoGluon's CatBoost model")
    if model._model_specific_feature_generators is not None:
        raise PlanRefused("the CatBoost model has feature generators of its own")
    source = _read_model(model.model)
    link = _find_link(model.problem_type, source)
    layout = _lay_out(model, source, columns)
    ctrs = _collect_ctrs(source, layout.inputs)
    splits = _Splits(source, layout)
    structure, leaves = _export_trees(source, splits)
    structure |= {"fill": layout.fill, **splits.arrays(), **ctrs.arrays()}
    _prove(model.model, layout.inputs, {**structure, "leaves": leaves, "ctrs": ctrs.table()}, source["scale_and_bias"])
    np.savez(directory / f"{name}.npz", **structure)  # type: ignore[arg-type]
    np.save(directory / f"{name}.leaves.npy", leaves)
    np.save(directory / f"{name}.ctrs.npy", ctrs.table())
    scale, bias = source["scale_and_bias"]
    return {
        "columns": layout.columns,
        "files": {part: f"{name}.{suffix}" for part, suffix in _FILES.items()},
        "trees": "oblivious" if "oblivious_trees" in source else "nested",
        "link": link,
        "scale": scale,
        "bias": bias,
        "one_column": model.problem_type in ("binary", "regression"),
    }


def _read_model(model: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.json"
        model.save_model(str(path), format="json")
        try:
            source: dict[str, Any] = orjson.loads(path.read_bytes())
        except orjson.JSONDecodeError as error:
            raise PlanRefused(f"CatBoost's description of its model is not JSON: {error}") from error
    if not source.get("oblivious_trees") and not source.get("trees"):
        raise PlanRefused("the CatBoost model has no trees")
    return source


def _find_link(problem_type: str, source: Mapping[str, Any]) -> str:
    loss = source["model_info"]["params"]["loss_function"]["type"]
    dimensions = len(source["scale_and_bias"][1])
    if problem_type in ("regression", "quantile") and loss not in _OTHER_THAN_RAW:
        link = "identity"
    else:
        link = _LINKS.get((problem_type, loss), "")
    if not link or (dimensions > 1) == (problem_type in ("binary", "regression")):
        raise PlanRefused(f"CatBoost's loss {loss} with {dimensions} outputs is outside the plan for {problem_type}")
    return link


def _lay_out(model: Any, source: Mapping[str, Any], columns: Sequence[EncodedColumn]) -> _Layout:
    info, names = source["features_info"], list(model.model.feature_names_)
    places = {column.name: place for place, column in enumerate(columns)}
    floats, categories = info.get("float_features") or [], info.get("categorical_features") or []
    if len(floats) + len(categories) != len(names):
        raise PlanRefused("the CatBoost model reads texts or embeddings")
    if set(names) - set(places):
        raise PlanRefused(f"the CatBoost model reads columns that the features lack: {set(names) - set(places)}")
    fill = np.full(len(names), np.nan)
    for feature in floats:
        if columns[places[names[feature["flat_feature_index"]]]].levels is not None:
            raise PlanRefused("the CatBoost model reads a category as a number")
        if feature["nan_value_treatment"] == "AsTrue":
            fill[feature["flat_feature_index"]] = np.inf
    for feature in categories:
        name = names[feature["flat_feature_index"]]
        fill[feature["flat_feature_index"]] = _count_levels(model, columns[places[name]])
    positions = [_flat_positions(features) for features in (floats, categories)]
    codes = tuple(int(fill[position]) + 1 for position in positions[1])
    inputs = ModelInputs(floats=positions[0], categories=positions[1], codes=codes)
    return _Layout(columns=[places[name] for name in names], inputs=inputs, fill=fill)


def _flat_positions(features: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    if [feature["feature_index"] for feature in features] != list(range(len(features))):
        raise PlanRefused("CatBoost counts its features in an unknown way")
    return tuple(feature["flat_feature_index"] for feature in features)


def _count_levels(model: Any, column: EncodedColumn) -> int:
    """The number of levels, which is also the code of a missing value, if AutoGluon maps levels to codes plainly."""
    mapping = (model._category_mapping or {}).get(column.name, {})
    levels = range(column.levels or 0)
    if column.levels is None or dict(mapping) != dict(zip([*levels, _MISSING], [*levels, len(levels)], strict=True)):
        raise PlanRefused(f"the CatBoost model does not read the levels of {column.name} as their codes")
    return column.levels


def _collect_ctrs(source: Mapping[str, Any], inputs: ModelInputs) -> CtrTables:
    """The statistics in CatBoost's order and, after them, the tests of categories for one value."""
    info = source["features_info"]
    ctrs = info.get("ctrs") or []
    tables = CtrTables(inputs, [ctr["elements"] for ctr in ctrs])
    data = source.get("ctr_data") or {}
    keys: dict[str, Hashes] = {}
    for ctr in ctrs:
        known = read_keys(data[ctr["identifier"]])
        keys[repr(ctr["elements"])] = np.union1d(keys.get(repr(ctr["elements"]), known), known)
    for ctr in ctrs:
        tables.add_statistic(ctr, data[ctr["identifier"]], keys[repr(ctr["elements"])])
    for category, value in _category_values(info):
        tables.add_category_test(category, value)
    return tables


def _category_values(info: Mapping[str, Any]) -> list[tuple[int, int]]:
    features = info.get("categorical_features") or []
    return [(feature["feature_index"], value) for feature in features for value in feature.get("values") or []]


class _Splits:
    """Numbers the splits of a model, each once: which value they look at and the limit that it must exceed."""

    def __init__(self, source: Mapping[str, Any], layout: _Layout) -> None:
        info = source["features_info"]
        ctrs = info.get("ctrs") or []
        tests = _category_values(info)
        self._floats = layout.inputs.floats
        self._first_ctr = len(layout.columns)
        self._tests = {test: self._first_ctr + len(ctrs) + place for place, test in enumerate(tests)}
        self._ctr_borders = [(place, border) for place, ctr in enumerate(ctrs) for border in ctr["borders"] or []]
        self._skipped = len(tests) + sum(len(each["borders"] or []) for each in info.get("float_features") or [])
        self._numbers: dict[tuple[int, float], int] = {}

    def number(self, split: Mapping[str, Any]) -> int:
        return self._numbers.setdefault(self._describe(split), len(self._numbers))

    def arrays(self) -> Arrays:
        """One more split than there are, which no value passes: it fills up trees that are less deep than others."""
        described = [*self._numbers, (0, np.inf)]
        return {
            "split_source": np.array([source for source, _ in described], dtype=np.int32),
            "split_limit": np.array([limit for _, limit in described]),
        }

    @property
    def never(self) -> int:
        """The number of the split that no value passes; it is known when all trees have been read."""
        return len(self._numbers)

    def _describe(self, split: Mapping[str, Any]) -> tuple[int, float]:
        kind = split["split_type"]
        if kind == "FloatFeature":
            return self._floats[split["float_feature_index"]], limit_in_float64(split["border"])
        if kind == "OneHotFeature":
            return self._tests[split["cat_feature_index"], split["value"]], 0.5
        if kind != "OnlineCtr":
            raise PlanRefused(f"CatBoost's split {kind} is outside the plan")
        place, border = self._ctr_borders[split["split_index"] - self._skipped]
        if border != split["border"]:
            raise PlanRefused("CatBoost counts its splits in an unknown way")
        return self._first_ctr + place, border


def _export_trees(source: Mapping[str, Any], splits: _Splits) -> tuple[Arrays, npt.NDArray[np.float64]]:
    dimensions = len(source["scale_and_bias"][1])
    if "oblivious_trees" in source:
        arrays, leaves = _export_oblivious(source["oblivious_trees"], splits)
    else:
        arrays, leaves = _export_nested(source["trees"], splits)
    return arrays, np.array(leaves, dtype=np.float64).reshape(-1, dimensions)


def _export_oblivious(trees: Sequence[Mapping[str, Any]], splits: _Splits) -> tuple[Arrays, list[float]]:
    """For every tree the splits of its levels, 8 or 16 of them, and where its leaves start."""
    numbered = [[splits.number(split) for split in tree["splits"] or []] for tree in trees]
    depth = max(len(levels) for levels in numbered)
    if depth > _DEEPEST:
        raise PlanRefused(f"CatBoost's trees are {depth} levels deep")
    levels = np.full((len(trees), 8 if depth <= 8 else 16), splits.never, dtype=np.int32)
    for row, tree in zip(levels, numbered, strict=True):
        row[: len(tree)] = tree
    starts = np.cumsum([0, *(1 << len(tree) for tree in numbered[:-1])])
    return {"tree_split": levels, "leaf_start": starts}, [value for tree in trees for value in tree["leaf_values"]]


def _export_nested(trees: Sequence[Mapping[str, Any]], splits: _Splits) -> tuple[Arrays, list[float]]:
    """Nodes with their two successors, inner ones first; a leaf is its own successor."""
    nodes: list[tuple[int, int, int]] = []
    leaves: list[Any] = []
    depths = [0]

    def add(tree: Mapping[str, Any], depth: int) -> int:
        if "split" not in tree:
            leaves.append(tree["value"])
            depths[0] = max(depths[0], depth)
            return -len(leaves)
        place = len(nodes)
        nodes.append((0, 0, 0))
        nodes[place] = splits.number(tree["split"]), add(tree["left"], depth + 1), add(tree["right"], depth + 1)
        return place

    roots = np.array([add(tree, 0) for tree in trees])
    inner = np.array(nodes, dtype=np.int64).reshape(-1, 3)
    inner[:, 1:] = _number_leaves(inner[:, 1:], after=len(nodes))
    own = np.arange(len(nodes), len(nodes) + len(leaves))
    return {
        "node_split": inner[:, 0],
        "left": np.append(inner[:, 1], own),
        "right": np.append(inner[:, 2], own),
        "root": _number_leaves(roots, after=len(nodes)),
        "depth": np.array(depths[0]),
    }, leaves


def _number_leaves(nodes: npt.NDArray[np.int64], *, after: int) -> npt.NDArray[np.int64]:
    return np.where(nodes < 0, after - 1 - nodes, nodes)


def _prove(model: Any, inputs: ModelInputs, arrays: Arrays, scale_and_bias: Sequence[Any]) -> None:
    """Compare what the arrays say with what CatBoost says, on rows of codes and of numbers at and beside the limits."""
    rows = _make_rows(inputs, arrays)
    asked = rows.astype(object)
    for position in inputs.categories:
        asked[:, position] = [int(code) for code in np.fmin(rows[:, position], arrays["fill"][position])]
    expected = np.asarray(model.predict(asked, prediction_type="RawFormulaVal", thread_count=1))
    scale, bias = scale_and_bias
    answers = _evaluate(arrays, rows) * scale + bias
    if not np.array_equal(answers, expected.reshape(answers.shape)):
        raise PlanRefused("the arrays made of the CatBoost model do not answer as the model does")


def _make_rows(inputs: ModelInputs, arrays: Arrays) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(0)
    rows = np.empty((_PROOF_ROWS, len(arrays["fill"])))
    sources = np.concatenate([arrays["split_source"], arrays["bit_source"]])
    limits = np.concatenate([arrays["split_limit"], arrays["bit_limit"]])
    for position in inputs.floats:
        own = limits[(sources == position) & np.isfinite(limits)]
        beside = [np.nextafter(own, -np.inf), np.nextafter(own, np.inf)]
        rows[:, position] = rng.choice(np.concatenate([own, *beside, [np.nan, 0.0, 3.4e38, -3.4e38]]), _PROOF_ROWS)
    for position, codes in zip(inputs.categories, inputs.codes, strict=True):
        rows[:, position] = rng.choice([*range(codes - 1), np.nan], _PROOF_ROWS)
    return rows


def _evaluate(arrays: Arrays, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The sum of the trees, the plain way; the runtime has its own, so that a mistake would have to be made twice."""
    values = np.fmin(rows, arrays["fill"])
    values = np.hstack([values, evaluate_ctrs(arrays, values)])
    passes = values[:, arrays["split_source"]] > arrays["split_limit"]
    if "tree_split" in arrays:
        splits = arrays["tree_split"]
        leaf = arrays["leaf_start"] + (passes[:, splits] << np.arange(splits.shape[1])).sum(axis=2)
    else:
        leaf = _walk(arrays, passes) - len(arrays["node_split"])
    summed: npt.NDArray[np.float64] = np.cumsum(arrays["leaves"][leaf], axis=1)[:, -1]
    return summed


def _walk(arrays: Arrays, passes: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    splits = np.append(arrays["node_split"], np.zeros(len(arrays["leaves"]), dtype=np.int64))
    node = np.tile(arrays["root"], (len(passes), 1))
    for _ in range(int(arrays["depth"])):
        answer = np.take_along_axis(passes, splits[node], axis=1)
        node = np.where(answer, arrays["right"][node], arrays["left"][node])
    return node
