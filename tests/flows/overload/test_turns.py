"""The only worker has a thread that holds the turn and does not step aside: the others are answered all the same."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import orjson
import pytest
import requests

from tests.api.builders import ROW
from tests.bench.load.requests import frame_request
from tests.flows.faults.rig.traffic import find_address
from tests.flows.overload.hanging import IS_SLOW
from tests.server import RunningServer, running_server

APPLICATION = "tests.flows.overload.hanging:make_hanging()"
ASKED = 20
# The worker has four threads.
HOLDERS = 3


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, workers=1, application=APPLICATION) as started:
        yield started


@pytest.mark.parametrize("missing_bytes", [10, 0])
def test_callers_who_send_no_end_and_predictions_that_take_long_stop_nobody(
    server: RunningServer, tmp_path: Path, make_key: Callable[..., str], missing_bytes: int
) -> None:
    key = make_key(tmp_path)
    request = frame_request(orjson.dumps({"data": [{**ROW, "tenure": IS_SLOW}]}), key)
    with ExitStack() as held:
        holders = [held.enter_context(socket.create_connection(find_address(server.url))) for _ in range(HOLDERS)]
        for holder in holders:
            holder.sendall(request[: len(request) - missing_bytes])
        for _ in range(ASKED):
            answer = requests.post(
                f"{server.url}/predict", json={"data": [ROW]}, headers={"X-API-Key": key}, timeout=30
            )
            assert answer.status_code == 200
        # They were all the while at their requests.
        for holder in holders:
            holder.sendall(request[len(request) - missing_bytes :])
            assert holder.recv(1 << 16)[9:12] == b"200"
