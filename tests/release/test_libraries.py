from __future__ import annotations

import pytest

from app.release.libraries import find_version_fault, list_installed_libraries

MADE_WITH = {"python": "3.11.7", "autogluon.tabular": "1.6.3", "lightgbm": "4.7.0"}


def test_the_installed_libraries_fit_themselves() -> None:
    installed = list_installed_libraries()
    assert {"python", "autogluon.tabular", "lightgbm", "catboost", "pandas"} <= installed.keys()
    assert find_version_fault(installed, installed) is None


def test_another_patch_version_is_left_to_the_golden_rows() -> None:
    assert find_version_fault(MADE_WITH, {**MADE_WITH, "python": "3.11.9", "lightgbm": "4.7.1"}) is None


@pytest.mark.parametrize(
    ("installed", "reason"),
    [
        ({"autogluon.tabular": "1.6.2"}, "made with autogluon.tabular 1.6.3, installed is 1.6.2"),
        ({"python": "3.12.1"}, "made with python 3.11.7, installed is 3.12.1"),
        ({"lightgbm": "4.8.0"}, "made with lightgbm 4.7.0, installed is 4.8.0"),
    ],
)
def test_another_version_is_named(installed: dict[str, str], reason: str) -> None:
    fault = find_version_fault(MADE_WITH, {**MADE_WITH, **installed})
    assert fault is not None
    assert reason in fault


def test_a_library_that_is_not_installed_is_named() -> None:
    assert find_version_fault({"catboost": "1.2.10"}, {}) == "it needs catboost 1.2.10, which is not installed"
