"""LightGBM boosters: through tables of masks, or in LightGBM's own library where there is no table for them."""

from __future__ import annotations

import ctypes
import functools
import weakref
from collections.abc import Iterator, Mapping, Sequence
from ctypes import c_char_p, c_int, c_int32, c_int64, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.errors import ReleaseUnusable
from app.runtime.plan.joint import AskRow, leave_alone
from app.runtime.plan.models.masks.booster import MaskedBooster, join_boosters
from app.runtime.plan.models.shared_library import SharedLibrary

Matrix = npt.NDArray[np.float64]

_NORMAL_PREDICTION, _FLOAT64, _ROW_MAJOR = 0, 1, 1
_ALL_TREES = (0, -1)
_ONE_THREAD = b"num_threads=1"
_FUNCTIONS: Mapping[str, Sequence[Any]] = {
    "LGBM_BoosterCreateFromModelfile": (c_char_p, c_void_p, c_void_p),
    "LGBM_BoosterFree": (c_void_p,),
    "LGBM_BoosterGetNumClasses": (c_void_p, c_void_p),
    "LGBM_BoosterGetNumFeature": (c_void_p, c_void_p),
    # booster, kind of prediction, first iteration, iterations, type of numbers, columns, parameters, out: handle
    "LGBM_BoosterPredictForMatSingleRowFastInit": (c_void_p, *(c_int,) * 4, c_int32, c_char_p, c_void_p),
    # handle, values, out: length, out: answers
    "LGBM_BoosterPredictForMatSingleRowFast": (c_void_p,) * 4,
    "LGBM_FastConfigFree": (c_void_p,),
    # booster, values, type of numbers, rows, columns, row-major, kind, first iteration, iterations, parameters,
    # out: length, out: answers
    "LGBM_BoosterPredictForMat": (
        c_void_p,
        c_void_p,
        c_int,
        c_int32,
        c_int32,
        *(c_int,) * 4,
        c_char_p,
        *(c_void_p,) * 2,
    ),
}


class LightGBMModel:
    """What AutoGluon's LGBModel answers: one booster, or one for each quantile level."""

    def __init__(self, document: Mapping[str, Any], directory: Path) -> None:
        self._booster = MaskedBooster(document, directory) if "table" in document else _make_native(document, directory)

    def predict(self, matrix: Matrix) -> npt.NDArray[Any]:
        return self._booster.predict(matrix)

    @classmethod
    def join(cls, models: Sequence[LightGBMModel]) -> Iterator[tuple[Sequence[LightGBMModel], AskRow]]:
        """Groups of models, and what answers for all of a group at once for one row."""
        yield from join_boosters({model: own for model in models if isinstance(own := model._booster, MaskedBooster)})
        yield from leave_alone([model for model in models if not isinstance(model._booster, MaskedBooster)])


class _NativeBooster:
    """One booster in LightGBM's library.

    Threads may share it: the entry point for one row takes a lock around its buffer, and is called with the interpreter
    held, so nobody waits for it.
    """

    def __init__(self, path: Path, columns: Sequence[int]) -> None:
        self._library = _open_lightgbm()
        self._columns = list(columns)
        self._booster = self._load(path)
        self._classes = self._count("LGBM_BoosterGetNumClasses")
        features = self._count("LGBM_BoosterGetNumFeature")
        if features != len(self._columns):
            raise ReleaseUnusable(f"{path.name} reads {features} columns, its plan names {len(self._columns)}")
        self._one_row = self._prepare_one_row()
        # What it writes is always the number of classes.
        self._length = ctypes.addressof(length := c_int64())
        self._held = length

    def predict(self, matrix: Matrix) -> Matrix:
        # take() rather than an index: the result is row-major.
        values = matrix.take(self._columns, axis=1)
        answers = np.empty((len(values), self._classes), np.float64)
        if len(values) == 1:
            code = self._library.brief.LGBM_BoosterPredictForMatSingleRowFast(
                self._one_row, values.ctypes.data, self._length, answers.ctypes.data
            )
        else:
            code = self._predict_many(values, answers)
        self._library.check_prediction(code)
        return answers[:, 0] if self._classes == 1 else answers

    def _predict_many(self, values: Matrix, answers: Matrix) -> Any:
        return self._library.long.LGBM_BoosterPredictForMat(
            self._booster,
            values.ctypes.data,
            _FLOAT64,
            *values.shape,
            _ROW_MAJOR,
            _NORMAL_PREDICTION,
            *_ALL_TREES,
            _ONE_THREAD,
            self._length,
            answers.ctypes.data,
        )

    def _load(self, path: Path) -> c_void_p:
        booster, iterations = c_void_p(), c_int()
        self._library.check_load(
            self._library.brief.LGBM_BoosterCreateFromModelfile(
                str(path).encode(), ctypes.byref(iterations), ctypes.byref(booster)
            )
        )
        weakref.finalize(self, self._library.brief.LGBM_BoosterFree, booster)
        return booster

    def _count(self, function: str) -> int:
        count = c_int()
        self._library.check_load(getattr(self._library.brief, function)(self._booster, ctypes.byref(count)))
        return count.value

    def _prepare_one_row(self) -> c_void_p:
        handle = c_void_p()
        self._library.check_load(
            self._library.brief.LGBM_BoosterPredictForMatSingleRowFastInit(
                self._booster,
                _NORMAL_PREDICTION,
                *_ALL_TREES,
                _FLOAT64,
                len(self._columns),
                _ONE_THREAD,
                ctypes.byref(handle),
            )
        )
        # Finalizers run in the reverse order of their making: this one before the booster's.
        weakref.finalize(self, self._library.brief.LGBM_FastConfigFree, handle)
        return handle


class _BoosterOfEachLevel:
    def __init__(self, boosters: Sequence[_NativeBooster]) -> None:
        self._boosters = boosters

    def predict(self, matrix: Matrix) -> Matrix:
        return np.column_stack([booster.predict(matrix) for booster in self._boosters])


def _make_native(document: Mapping[str, Any], directory: Path) -> _NativeBooster | _BoosterOfEachLevel:
    boosters = [_NativeBooster(directory / file, document["columns"]) for file in document["files"]]
    return _BoosterOfEachLevel(boosters) if document["by_level"] else boosters[0]


@functools.cache
def _open_lightgbm() -> SharedLibrary:
    library = SharedLibrary("lightgbm", "lib_lightgbm.so", last_error="LGBM_GetLastError")
    for function, arguments in _FUNCTIONS.items():
        library.declare(function, arguments)
    return library
