"""The programs of docs/clients against the real server: what they print, when they ask again, and when they give up."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.flows.clients.fronts import busy_front, silent_server
from tests.flows.clients.programs import CLIENTS, PLACE, RUNNABLE, Client, describe_what_is_not_run
from tests.server import RunningServer

every_client = pytest.mark.parametrize("client", RUNNABLE, ids=lambda client: client.file)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clients")
    for client in RUNNABLE:
        client.prepare(path)
    return path


@pytest.fixture(scope="module")
def sample(plan_server: RunningServer, plan_key: str) -> dict[str, Any]:
    row: dict[str, Any] = plan_server.get("/model/schema", plan_key).json()["sample"]
    return row


@pytest.fixture(scope="module")
def row(sample: dict[str, Any], place: Path) -> Path:
    path = place / "row.json"
    path.write_text(json.dumps(sample), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def expected(plan_server: RunningServer, plan_key: str, sample: dict[str, Any]) -> str:
    answer = plan_server.predict([sample], plan_key).json()
    prediction = answer["predictions"][0]
    return f"prediction {prediction}, probability {answer['probabilities'][0][prediction]:.4f}\n"


@every_client
def test_a_client_prints_prediction_and_probability(
    client: Client, plan_server: RunningServer, plan_key: str, place: Path, row: Path, expected: str
) -> None:
    assert client.run(place, row, url=plan_server.url, key=plan_key) == (0, expected, "")


@every_client
def test_a_client_says_what_does_not_fit_and_in_which_request(
    client: Client, plan_server: RunningServer, plan_key: str, place: Path, sample: dict[str, Any]
) -> None:
    wrong = place / f"{client.file}.wrong.json"
    wrong.write_text(json.dumps({**sample, "visits": "many"}), encoding="utf-8")

    code, output, errors = client.run(place, wrong, url=plan_server.url, key=plan_key)

    assert (code, output) == (1, "")
    assert "invalid_rows" in errors
    assert "Expected a whole number, got text that is not a number." in errors
    assert re.search(r"request(?:_id\":\s*\")? ?[0-9a-f]{32}", errors)


@every_client
def test_a_client_waits_as_long_as_a_busy_server_asks_for(
    client: Client, plan_server: RunningServer, plan_key: str, place: Path, row: Path, expected: str
) -> None:
    with busy_front(plan_server.url, refusals=1, retry_after=1) as front:
        code, output, _ = client.run(place, row, url=front.url, key=plan_key)

    assert (code, output) == (0, expected)
    first, second = front.asked_at
    assert second - first >= 1


@every_client
def test_a_client_does_not_wait_for_an_hour(
    client: Client, plan_server: RunningServer, plan_key: str, place: Path, row: Path
) -> None:
    with busy_front(plan_server.url, refusals=1, retry_after=3600) as front:
        code, output, errors = client.run(place, row, url=front.url, key=plan_key)

    assert (code, output) == (1, "")
    assert "overloaded" in errors
    assert len(front.asked_at) == 1


def test_no_client_waits_for_ever_for_an_answer(plan_key: str, place: Path, row: Path) -> None:
    with silent_server() as url:
        begun = time.monotonic()
        processes = [client.start(place, row, url=url, key=plan_key) for client in RUNNABLE]
        ended = [(process.communicate(timeout=100), process.returncode) for process in processes]

    assert [(output, code) for (output, _), code in ended] == [("", 1)] * len(RUNNABLE)
    assert [errors for (_, errors), _ in ended if not errors] == []
    assert time.monotonic() - begun < 60


def test_each_client_is_shown_on_the_page_as_it_is() -> None:
    page = (PLACE / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```(\w+)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    programs = [(PLACE / client.file).read_text(encoding="utf-8") for client in CLIENTS]
    assert [program for program in programs if program not in [code for _, code in shown]] == []


def test_what_cannot_be_run_here_is_named() -> None:
    files = {path.name for path in PLACE.iterdir()} - {"README.md", "row.json"}
    assert files == {client.file for client in CLIENTS}
    named = describe_what_is_not_run()
    assert [client.file for client in CLIENTS if client.file in named] == [
        client.file for client in CLIENTS if client not in RUNNABLE
    ]
