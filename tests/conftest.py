"""What holds for every test: settings of the caller do not count, and the build server lets no test be skipped."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import hypothesis
import pytest

from config.settings import describe_settings
from tests.manifests import SIGNER

pytest_plugins = ("tests.no_skips", "tests.fixtures", "tests.flows.clients.reporting")

_SIGNING_KEY = "GLUONSERVE_SIGNING_KEY"

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("without-deadline", deadline=None)
hypothesis.settings.load_profile("without-deadline")


def pytest_configure(config: pytest.Config) -> None:
    for name, _, _ in describe_settings():
        os.environ.pop(name, None)
    # Releases of the fixtures are opened by every command and server that a test starts.
    path = Path(tempfile.mkdtemp(prefix="gluonserve-tests-")) / "signing.key"
    SIGNER.write(path)
    os.environ[_SIGNING_KEY] = str(path)
    os.environ["GLUONSERVE_TRUSTED_KEYS"] = SIGNER.public_key.text


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(Path(os.environ[_SIGNING_KEY]).parent, ignore_errors=True)
