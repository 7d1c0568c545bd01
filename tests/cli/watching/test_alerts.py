"""`gluonserve alerts` and what `gluonserve monitor --once` sends, with an HTTPS endpoint that is real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from tests.flows.monitoring.receiving import HOST, Authority, Endpoint, make_authority, running_endpoint

RULES = """
spacing_minutes: 0
cool_down_minutes: 0
repeat_hours: 12
rules:
  - {name: always, figure: disk_free_percent, below: 101, advice: Nothing to do.}
"""


class Installation:
    """A home whose alerts go to an endpoint."""

    def __init__(self, home: Path, authority: Authority, port: int) -> None:
        rules = home / "rules.yaml"
        rules.write_text(RULES, encoding="utf-8")
        self.environment = {
            "GLUONSERVE_HOME": str(home),
            "GLUONSERVE_ALERT_RULES": str(rules),
            "GLUONSERVE_ALERT_DESTINATIONS": f"jsons://{HOST}:{port}/hook-secret",
            "GLUONSERVE_ALERT_NETWORKS": "127.0.0.1/32",
            **authority.environment,
        }

    def run(self, *arguments: str, **environment: str) -> Result:
        return CliRunner(env={**self.environment, **environment}).invoke(main, arguments)


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def installation(tmp_path: Path, endpoint: Endpoint) -> Iterator[Installation]:
    authority = make_authority(tmp_path)
    with running_endpoint(endpoint, authority.context) as port:
        yield Installation(tmp_path, authority, port)


def test_a_test_message_is_sent_and_what_it_came_to_is_told(installation: Installation, endpoint: Endpoint) -> None:
    taken = installation.run("alerts", "test")
    endpoint.status = 404
    refused = installation.run("alerts", "test")

    assert (taken.exit_code, taken.stdout) == (0, "1 JSON: the message was taken\n")
    assert (refused.exit_code, refused.stdout) == (1, "1 JSON: it answered with HTTP status 404\n")
    assert len(endpoint.bodies) == 2
    assert "This is a test that somebody asked for" in endpoint.bodies[0]["message"]


def test_an_alert_of_one_look_is_sent_and_listed(installation: Installation, endpoint: Endpoint) -> None:
    assert installation.run("alerts", "list").stdout == "Nothing is wrong, and nothing was.\n"

    assert installation.run("monitor", "--once").exit_code == 0
    assert installation.run("monitor", "--once").exit_code == 0
    listed = installation.run("alerts", "list", "--json")
    table = installation.run("alerts", "list")

    assert [body["title"].partition("] ")[2] for body in endpoint.bodies] == ["warning: always"]
    (alert,) = orjson.loads(listed.stdout)
    assert (alert["rule"], alert["state"], alert["severity"]) == ("always", "firing", "warning")
    assert alert["deliveries"] == [{"destination": "1 JSON", "state": "delivered", "attempts": 1, "error": None}]
    assert "1 JSON: delivered" in table.stdout
    assert "hook-secret" not in listed.stdout + table.stdout


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"GLUONSERVE_ALERT_DESTINATIONS": "hunter2"},
            "GLUONSERVE_ALERT_DESTINATIONS: it is no address, and no file that can be read "
            "(No such file or directory).",
        ),
        (
            {"GLUONSERVE_ALERT_DESTINATIONS": "nonsense://hunter2"},
            "GLUONSERVE_ALERT_DESTINATIONS: destination 1 is no address that apprise knows.",
        ),
        (
            {"GLUONSERVE_ALERT_DESTINATIONS": ""},
            "There is no destination: name some in GLUONSERVE_ALERT_DESTINATIONS.",
        ),
        (
            {"GLUONSERVE_ALERT_RULES": "/nowhere/rules.yaml"},
            "The alert rules /nowhere/rules.yaml cannot be read: No such file or directory.",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_sentence(
    installation: Installation, environment: dict[str, str], sentence: str
) -> None:
    result = installation.run("alerts", "test", **environment)

    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {sentence}\n")
