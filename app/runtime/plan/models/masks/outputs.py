"""From the sums of trees to answers, operation by operation as LightGBM and XGBoost compute them, so bit by bit equal.

exp comes from the C library, as theirs does: NumPy has its own, which differs in the last bit.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Sums = npt.NDArray[Any]
Output = Callable[[Sums], Sums]

# PyDLL: giving up the interpreter for 20 ns would cost more than the call.
_exp_float32 = ctypes.PyDLL(None).expf
_exp_float32.argtypes = (ctypes.c_float,)
_exp_float32.restype = ctypes.c_float
_LARGEST_EXPONENT_OF_XGBOOST = float(np.float32(88.7))


def make_output(document: Mapping[str, Any]) -> Output:
    """The last step of a booster, by its document: {"kind": ..., and what this kind needs}."""
    kind = document["kind"]
    if kind == "logistic":
        slope: float = document["slope"]
        return lambda sums: _take_logistic(sums, slope)
    return _OUTPUTS[kind]


def _take_sums(sums: Sums) -> Sums:
    return sums


def _take_only_sum(sums: Sums) -> Sums:
    return sums[:, 0]


def _take_logistic(sums: Sums, slope: float) -> Sums:
    return np.array([1.0 / (1.0 + _exp(-slope * score)) for score in sums[:, 0].tolist()])


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _take_softmax(sums: Sums) -> Sums:
    return _normalize(sums, math.exp)


def _take_logistic_float32(sums: Sums) -> Sums:
    scores = np.minimum(-sums[:, 0], np.float32(_LARGEST_EXPONENT_OF_XGBOOST))
    answers = np.array(list(map(_exp_float32, scores.tolist())), np.float32)
    answers += np.float32(1.0)
    np.divide(np.float32(1.0), answers, out=answers)
    return answers


def _take_softmax_float32(sums: Sums) -> Sums:
    return _normalize(sums, _exp_float32)


def _normalize(sums: Sums, exp: Callable[[float], float]) -> Sums:
    """Softmax over each row; the powers are added in float64 in the order of the classes."""
    if len(sums) == 1:
        return _normalize_row(sums[0].tolist(), exp, sums.dtype.type)
    differences = sums - sums.max(axis=1, keepdims=True)
    powers: Sums = np.array(list(map(exp, differences.ravel().tolist())), sums.dtype).reshape(sums.shape)
    # cumsum adds one after the other; sum() would add in pairs.
    totals = powers.cumsum(axis=1, dtype=np.float64)[:, -1:]
    powers /= totals.astype(powers.dtype, copy=False)
    return powers


def _normalize_row(scores: list[float], exp: Callable[[float], float], dtype: type[np.floating[Any]]) -> Sums:
    """The same without NumPy's cost per call: float64 holds enough of a float32 result to round it as float32 would."""
    largest = max(scores)
    powers = [exp(score - largest) for score in scores]
    total = 0.0
    # Not sum(): since Python 3.12 it makes up for what the additions lose.
    for power in powers:
        total += power
    rounded = float(dtype(total))
    return np.array([[power / rounded for power in powers]], dtype)


_OUTPUTS: Mapping[str, Output] = {
    "sums": _take_sums,
    "only_sum": _take_only_sum,
    "softmax": _take_softmax,
    "logistic_float32": _take_logistic_float32,
    "softmax_float32": _take_softmax_float32,
}
