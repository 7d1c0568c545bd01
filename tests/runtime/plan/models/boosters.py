"""Boosters of AutoGluon fitted alone, on columns as its feature steps leave them, and rows to ask them about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from hypothesis import strategies as st

from app.release.plan.columns import EncodedColumn

Matrix = npt.NDArray[np.float64]

COLUMNS = (
    EncodedColumn("amount"),
    EncodedColumn("balance {eur}"),
    EncodedColumn("tiny"),
    EncodedColumn("visits"),
    EncodedColumn("city", levels=5),
    EncodedColumn("shop", levels=70),
    EncodedColumn("unused"),
)
FEATURES = ("city", "amount", "shop", "balance {eur}", "visits", "tiny")
CLASSES = 3
LEVELS = (0.1, 0.5, 0.9)
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


def make_matrix(rows: int = 600, *, seed: int = 0) -> Matrix:
    """Columns in the order of COLUMNS: missing values, zeros, values that LightGBM takes for zero, many categories."""
    rng = np.random.default_rng(seed)
    tiny = rng.choice([0.0, 3e-36, -3e-36, 2e-35, -2e-35, 1e-20, -1.0, 1.0], rows)
    matrix = np.column_stack(
        [
            rng.normal(50, 20, rows).round(2),
            rng.integers(-20, 20, rows) / 4,
            tiny,
            rng.integers(0, 40, rows),
            rng.integers(0, 5, rows),
            rng.integers(0, 70, rows),
            rng.normal(0, 1, rows),
        ]
    )
    for column in (0, 4, 5):
        matrix[rng.random(rows) < 0.1, column] = np.nan
    return matrix


def make_frame(matrix: Matrix) -> pd.DataFrame:
    """The same rows as AutoGluon's models read them."""
    frame = {}
    for column, values in zip(COLUMNS, matrix.T, strict=True):
        codes = np.nan_to_num(values, nan=-1)
        frame[column.name] = (
            values
            if column.levels is None
            else pd.Categorical.from_codes(codes.astype(int), list(range(column.levels)))
        )
    return pd.DataFrame(frame)[list(FEATURES)]


def make_labels(matrix: Matrix, problem_type: str) -> pd.Series:
    rng = np.random.default_rng(1)
    known = np.nan_to_num(matrix)
    score = known[:, 0] / 20 + known[:, 1] + np.sign(known[:, 2]) + (known[:, 5] % 7) / 3 + (known[:, 4] == 2) * 2
    score += rng.normal(0, 0.5, len(score))
    if problem_type == "binary":
        return pd.Series((score > np.median(score)).astype(int))
    if problem_type == "multiclass":
        return pd.Series(pd.qcut(score, CLASSES, labels=False))
    # No label is negative: some objectives are defined for these only.
    return pd.Series(score - score.min() + 0.1)


def fit_booster(
    kind: type[Any], problem_type: str, path: Path, hyperparameters: Mapping[str, Any], *, validate: bool = False
) -> Any:
    """A fitted child model of AutoGluon; with validation data it stops at its best iteration."""
    matrix, unseen = make_matrix(), make_matrix(200, seed=7)
    model = kind(
        path=str(path),
        name="booster",
        problem_type=problem_type,
        hyperparameters={**hyperparameters, "ag.quantile_levels": list(LEVELS)},
    )
    held_out = {"X_val": make_frame(unseen), "y_val": make_labels(unseen, problem_type)} if validate else {}
    model.fit(
        X=make_frame(matrix),
        y=make_labels(matrix, problem_type),
        num_classes=CLASSES if problem_type == "multiclass" else None,
        num_cpus=1,
        num_gpus=0,
        verbosity=0,
        **held_out,
    )
    return model


def draw_matrices(thresholds: Sequence[float]) -> st.SearchStrategy[Matrix]:
    """Rows made of thresholds and their neighbours, real values, extremes, zeros, missing and unseen values."""
    near = [step for cut in thresholds for step in (cut, np.nextafter(cut, -np.inf), np.nextafter(cut, np.inf))]
    edges = [np.nan, 0.0, -0.0, 5e-324, -5e-324, 1e-40, 1e-35, -1e-35, 3.4e38, -3.4e38, 1e300, -1e300]
    numbers = st.one_of(
        st.sampled_from([*near, *edges]),
        # Within bounds: without them draws are rejected now and then, and hypothesis warns of how long a matrix is.
        st.floats(-LARGEST_FLOAT32, LARGEST_FLOAT32, width=32),
        st.integers(-30, 120).map(float),
    )
    cells = [
        numbers if column.levels is None else st.sampled_from([np.nan, *map(float, range(column.levels))])
        for column in COLUMNS
    ]
    return st.lists(st.tuples(*cells), min_size=1, max_size=70).map(lambda rows: np.array(rows, np.float64))
