"""Who gets in, on the running server with its two workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.flows.conftest import open_keys
from tests.server import RunningServer

GUARDED = [("POST", "/predict"), ("GET", "/model/info"), ("GET", "/model/schema")]
PUBLIC = ["/health", "/health/live", "/health/ready", "/openapi.json", "/docs"]


def call(server: RunningServer, method: str, path: str, key: str | None) -> requests.Response:
    headers = {} if key is None else {"X-API-Key": key}
    return requests.request(method, server.url + path, headers=headers, json={"data": []}, timeout=30)


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_without_a_key_nothing_is_told(server: RunningServer, method: str, path: str) -> None:
    answer = call(server, method, path, None)
    assert (answer.status_code, answer.json()["error"]) == (401, "missing_api_key")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_key_without_the_permission_gets_403(
    server: RunningServer, shared_home: Path, make_key: Callable[..., str], method: str, path: str
) -> None:
    answer = call(server, method, path, make_key(shared_home, "feedback"))
    assert (answer.status_code, answer.json()["error"]) == (403, "permission_denied")


@pytest.mark.parametrize("path", PUBLIC)
def test_what_is_public_needs_no_key(server: RunningServer, path: str) -> None:
    assert call(server, "GET", path, None).status_code == 200


def statuses_until(server: RunningServer, key: str, seconds: float) -> Iterator[int]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield server.get("/model/info", key).status_code


def test_a_revoked_key_is_refused_by_every_worker_within_a_second(
    server: RunningServer, shared_home: Path, make_key: Callable[..., str]
) -> None:
    key = make_key(shared_home)
    assert set(statuses_until(server, key, 0.5)) == {200}
    open_keys(shared_home).revoke(key.split("_")[1])
    time.sleep(1)
    assert set(statuses_until(server, key, 1.0)) == {401}
