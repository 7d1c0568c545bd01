"""XGBoost boosters: through tables of masks, or in XGBoost's own library where there is no table for them."""

from __future__ import annotations

import ctypes
import functools
import json
import weakref
from collections.abc import Iterator, Mapping, Sequence
from ctypes import c_char_p, c_uint64, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.runtime.plan.joint import AskRow, leave_alone
from app.runtime.plan.models.masks.booster import MaskedBooster, join_boosters
from app.runtime.plan.models.shared_library import SharedLibrary

Matrix = npt.NDArray[np.float64]

_FUNCTIONS: Mapping[str, Sequence[Any]] = {
    "XGBoosterCreate": (c_void_p, c_uint64, c_void_p),
    "XGBoosterFree": (c_void_p,),
    "XGBoosterLoadModel": (c_void_p, c_char_p),
    "XGBoosterSetParam": (c_void_p, c_char_p, c_char_p),
    # booster, array, settings, matrix, out: shape, out: dimensions, out: answers
    "XGBoosterPredictFromDense": (c_void_p, c_char_p, c_char_p, *(c_void_p,) * 4),
}


class XGBoostModel:
    """What AutoGluon's XGBoostModel answers."""

    def __init__(self, document: Mapping[str, Any], directory: Path) -> None:
        self._booster = MaskedBooster(document, directory) if "table" in document else _Native(document, directory)

    def predict(self, matrix: Matrix) -> npt.NDArray[Any]:
        return self._booster.predict(matrix)

    @classmethod
    def join(cls, models: Sequence[XGBoostModel]) -> Iterator[tuple[Sequence[XGBoostModel], AskRow]]:
        """Groups of models, and what answers for all of a group at once for one row."""
        yield from join_boosters({model: own for model in models if isinstance(own := model._booster, MaskedBooster)})
        yield from leave_alone([model for model in models if not isinstance(model._booster, MaskedBooster)])


class _Native:
    """One booster in XGBoost's library. Threads may share it: XGBoost keeps the answers by thread."""

    def __init__(self, document: Mapping[str, Any], directory: Path) -> None:
        self._library = _open_xgboost()
        self._inputs = _Inputs(document)
        self._chains: int = document["chains"]
        self._settings = _describe_prediction(document["iterations"])
        self._booster = self._load(directory / document["file"])
        # The first prediction configures the booster, which only one thread may do.
        self._answer(np.zeros((1, document["width"]), np.float32))

    def predict(self, matrix: Matrix) -> npt.NDArray[np.float32]:
        return self._answer(self._inputs.encode(matrix))

    def _answer(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        shape, dimensions, answers = c_void_p(), c_uint64(), c_void_p()
        library = self._library.brief if len(values) == 1 else self._library.long
        code = library.XGBoosterPredictFromDense(
            self._booster,
            _describe_array(values),
            self._settings,
            None,
            ctypes.byref(shape),
            ctypes.byref(dimensions),
            ctypes.byref(answers),
        )
        self._library.check_prediction(code)
        # Copied, because the next prediction of this thread overwrites it.
        copied = np.empty((len(values), self._chains), np.float32)
        ctypes.memmove(copied.ctypes.data, answers, copied.nbytes)
        return copied[:, 0] if self._chains == 1 else copied

    def _load(self, path: Path) -> c_void_p:
        booster, library = c_void_p(), self._library.brief
        self._library.check_load(library.XGBoosterCreate(None, 0, ctypes.byref(booster)))
        weakref.finalize(self, library.XGBoosterFree, booster)
        self._library.check_load(library.XGBoosterLoadModel(booster, str(path).encode()))
        self._library.check_load(library.XGBoosterSetParam(booster, b"nthread", b"1"))
        return booster


class _Inputs:
    """The matrix as XGBoost read it in training: one-hot categories, and NaN for everything that is zero."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._width: int = document["width"]
        self._places = [place for place, _ in document["numbers"]]
        self._columns = [column for _, column in document["numbers"]]
        self._categories = [(item["column"], np.array(item["places"])) for item in document["categories"]]

    def encode(self, matrix: Matrix) -> npt.NDArray[np.float32]:
        # One column more, for levels that have none.
        values = np.full((len(matrix), self._width + 1), np.nan)
        values[:, self._places] = matrix[:, self._columns]
        values[values == 0] = np.nan
        rows = np.arange(len(matrix))
        for column, places in self._categories:
            codes = np.nan_to_num(matrix[:, column], nan=-1).astype(np.intp)
            values[rows, places[codes]] = 1
        # XGBoost too makes infinity of what 32 bits cannot hold.
        with np.errstate(over="ignore"):
            return values[:, :-1].astype(np.float32, order="C")


def _describe_prediction(iterations: int) -> bytes:
    settings = {"type": 0, "training": False, "iteration_begin": 0, "iteration_end": iterations}
    return json.dumps({**settings, "missing": float("nan"), "strict_shape": False, "cache_id": 0}).encode()


def _describe_array(values: npt.NDArray[np.float32]) -> bytes:
    rows, columns = values.shape
    return (
        f'{{"data": [{values.ctypes.data}, true], "shape": [{rows}, {columns}], "typestr": "{values.dtype.str}", '
        '"strides": null, "version": 3}'
    ).encode()


@functools.cache
def _open_xgboost() -> SharedLibrary:
    library = SharedLibrary("xgboost", "libxgboost.so", last_error="XGBGetLastError")
    for function, arguments in _FUNCTIONS.items():
        library.declare(function, arguments)
    return library
