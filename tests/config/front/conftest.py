"""The application of the tests of HTTP: what is said without it is compared with what it says."""

from __future__ import annotations

from tests.api.conftest import services, settings

__all__ = ["services", "settings"]
