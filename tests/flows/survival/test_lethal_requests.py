"""A request that ends its worker, on the real server: it takes two of them at most, and others are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
import requests

from tests.api.builders import ROW
from tests.flows.survival.dying import CRASHES, EXITS, IS_KILLED
from tests.server import RunningServer, running_server, wait_until

APPLICATION = "tests.flows.survival.dying:make_dying()"
PATIENCE = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("dying"), workers=2, application=APPLICATION) as server:
        yield server


@pytest.fixture(scope="module")
def key(server: RunningServer, make_key: Callable[..., str]) -> str:
    return make_key(server.log_path.parent, "predict", "metrics")


@pytest.mark.parametrize("tenure", [CRASHES, IS_KILLED, EXITS])
def test_a_request_that_ends_its_worker_is_refused_after_two(server: RunningServer, key: str, tenure: int) -> None:
    rows = [{**ROW, "tenure": tenure}]
    deaths, refused = read(server, key, "gluonserve_worker_deaths_total"), read(server, key, "gluonserve_lethal_bodies")
    for count in (1, 2):
        with pytest.raises(requests.ConnectionError):
            server.predict(rows, key)
        wait_until(partial(has_recovered, server, key, deaths + count), seconds=PATIENCE)
    before = server.workers()
    for _ in range(5):
        answer = server.predict(rows, key)
        assert (answer.status_code, answer.json()["error"]) == (422, "lethal_request")
        assert server.predict([ROW], key).status_code == 200
    assert server.workers() == before
    assert read(server, key, "gluonserve_worker_deaths_total") == deaths + 2
    assert read(server, key, "gluonserve_lethal_bodies") == refused + 1
    told = [event for event in server.log_events() if "answered 422" in event["message"]]
    assert [event["level"] for event in told] == ["ERROR"] * int(refused + 1)


def has_recovered(server: RunningServer, key: str, deaths: float) -> bool:
    """A worker that has just ended counts among the workers until the master has seen its end."""
    is_counted = server.is_ready() and read(server, key, "gluonserve_worker_deaths_total") == deaths
    return is_counted and len(server.workers()) == 2


def read(server: RunningServer, key: str, metric: str) -> float:
    (line,) = [line for line in server.get("/metrics", key).text.splitlines() if line.startswith(f"{metric} ")]
    return float(line.split()[1])
