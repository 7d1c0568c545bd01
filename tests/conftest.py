"""What holds for every test: settings of the caller do not count, and the build server lets no test be skipped."""

from __future__ import annotations

import os

import pytest

from config.settings import describe_settings

pytest_plugins = ("tests.no_skips", "tests.fixtures")


def pytest_configure(config: pytest.Config) -> None:
    for name, _, _ in describe_settings():
        os.environ.pop(name, None)
