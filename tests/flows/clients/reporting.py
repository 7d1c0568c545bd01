"""A pytest plugin: names the clients of docs/clients that could not be run on this machine."""

from __future__ import annotations

import pytest

from tests.flows.clients.programs import describe_what_is_not_run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    sentence = describe_what_is_not_run()
    if sentence:
        terminalreporter.write_line(f"Clients of docs/clients that were {sentence}")
