"""Which library versions a release was made with, and whether those installed can be trusted with it."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

# Everything that an answer is computed with. AutoGluon itself reads only its own version and refuses any other.
_EXACT = ("autogluon.tabular",)
_SAME_MINOR = ("python", "numpy", "pandas", "scikit-learn", "lightgbm", "catboost", "xgboost", "xgboost-cpu")


def list_installed_libraries() -> dict[str, str]:
    """Versions of all libraries that a prediction may depend on, those not installed left out."""
    installed = {"python": platform.python_version()}
    for name in (*_EXACT, *_SAME_MINOR[1:]):
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            continue
    return installed


def find_version_fault(recorded: Mapping[str, str], installed: Mapping[str, str]) -> str | None:
    """Say which library stands in the way; None when the release may be opened.

    AutoGluon must be the same to the letter, the others in major and minor version: golden rows decide about patches.
    """
    return next(list_version_faults(recorded, installed), None)


def list_version_faults(recorded: Mapping[str, str], installed: Mapping[str, str]) -> Iterator[str]:
    """Every library that stands in the way."""
    for name, wanted in recorded.items():
        found = installed.get(name)
        if found is None:
            yield f"it needs {name} {wanted}, which is not installed"
        elif not _is_compatible(name, wanted, found):
            yield f"it was made with {name} {wanted}, installed is {found}"


def _is_compatible(name: str, wanted: str, found: str) -> bool:
    if name in _EXACT:
        return wanted == found
    return wanted.split(".")[:2] == found.split(".")[:2]
