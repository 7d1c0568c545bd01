"""The shared object of a boosting library, opened without its Python package, which costs a second and 100 MB."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.errors import PredictionFailed, ReleaseUnusable


class SharedLibrary:
    """One library, opened twice.

    Attributes:
        brief: Calls that keep the interpreter: for one row, where giving it up makes threads queue for milliseconds.
        long: Calls that let other threads run meanwhile: for many rows.
    """

    def __init__(self, package: str, file: str, *, last_error: str) -> None:
        """Open `<package>/lib/<file>`; `last_error` names the function that tells what went wrong.

        Raises:
            ReleaseUnusable: The package is not installed, or its library cannot be opened.
        """
        path = _find_library(package, file)
        try:
            self.brief = ctypes.PyDLL(str(path))
            self.long = ctypes.CDLL(str(path))
            self._last_error = getattr(self.brief, last_error)
        except (OSError, AttributeError) as fault:
            raise ReleaseUnusable(f"the library of {package} cannot be opened", cause=str(fault)) from fault
        self._package = package
        self._last_error.restype = ctypes.c_char_p

    def declare(self, function: str, arguments: Sequence[Any]) -> None:
        """Say the types of a function's arguments; all functions of these libraries return 0 or a failure."""
        for library in (self.brief, self.long):
            declared = getattr(library, function)
            declared.argtypes = tuple(arguments)
            declared.restype = ctypes.c_int

    def check_load(self, code: int) -> None:
        """Raises ReleaseUnusable when a call that opens a model failed."""
        if code:
            raise ReleaseUnusable(f"{self._package} cannot read its model", cause=self._read_last_error())

    def check_prediction(self, code: int) -> None:
        """Raises PredictionFailed when a call failed; what the library says is the cause, not for callers."""
        if code:
            raise PredictionFailed("The model could not predict these rows.") from RuntimeError(self._read_last_error())

    def _read_last_error(self) -> str:
        return str(self._last_error().decode(errors="replace"))


def _find_library(package: str, file: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ReleaseUnusable(f"{package} is not installed")
    for directory in spec.submodule_search_locations:
        path = Path(directory) / "lib" / file
        if path.is_file():
            return path
    raise ReleaseUnusable(f"{package} is installed without {file}")
