"""A pytest plugin: with CI=true in the environment, a skipped test fails the run."""

from __future__ import annotations

import os

import pytest


def _count_skipped(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", ())) if reporter and os.environ.get("CI") == "true" else 0


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if exitstatus == pytest.ExitCode.OK and _count_skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    skipped = _count_skipped(config)
    if skipped:
        terminalreporter.write_line(f"FAILED: {skipped} skipped, and with CI=true every test has to run", red=True)
