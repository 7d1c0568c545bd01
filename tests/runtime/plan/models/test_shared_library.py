"""Libraries are found and opened without their packages, and their failures become sentences."""

from __future__ import annotations

import ctypes

import pytest

from app.errors import PredictionFailed, ReleaseUnusable
from app.runtime.plan.models.shared_library import SharedLibrary


def open_lightgbm() -> SharedLibrary:
    library = SharedLibrary("lightgbm", "lib_lightgbm.so", last_error="LGBM_GetLastError")
    library.declare("LGBM_BoosterCreateFromModelfile", (ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p))
    return library


def open_a_file_that_is_not_there(library: SharedLibrary) -> int:
    iterations, booster = ctypes.c_int(), ctypes.c_void_p()
    code: int = library.brief.LGBM_BoosterCreateFromModelfile(
        b"/nowhere.txt", ctypes.byref(iterations), ctypes.byref(booster)
    )
    return code


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(ReleaseUnusable, match=r"^no_such_package is not installed$"):
        SharedLibrary("no_such_package", "lib.so", last_error="error")


def test_a_package_without_its_library_is_named() -> None:
    with pytest.raises(ReleaseUnusable, match=r"^lightgbm is installed without lib_other.so$"):
        SharedLibrary("lightgbm", "lib_other.so", last_error="error")


def test_a_library_without_the_function_expected_is_refused() -> None:
    with pytest.raises(ReleaseUnusable, match=r"^the library of lightgbm cannot be opened: .*no_such_function"):
        SharedLibrary("lightgbm", "lib_lightgbm.so", last_error="no_such_function")


def test_a_failed_load_says_what_the_library_says() -> None:
    library = open_lightgbm()
    with pytest.raises(ReleaseUnusable, match=r"^lightgbm cannot read its model: .*/nowhere\.txt"):
        library.check_load(open_a_file_that_is_not_there(library))


def test_a_failed_prediction_keeps_what_the_library_says_from_the_caller() -> None:
    library = open_lightgbm()
    with pytest.raises(PredictionFailed) as failure:
        library.check_prediction(open_a_file_that_is_not_there(library))
    assert failure.value.detail == "The model could not predict these rows."
    assert "/nowhere.txt" in str(failure.value.__cause__)


def test_a_call_that_went_well_raises_nothing() -> None:
    open_lightgbm().check_load(0)
    open_lightgbm().check_prediction(0)
