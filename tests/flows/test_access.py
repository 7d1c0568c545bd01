"""Who gets in, on the running server with its two workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
import requests

from tests.flows.conftest import open_keys
from tests.server import RunningServer, wait_until

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


def statuses_until(
    server: RunningServer, key: str | None, seconds: float, headers: Mapping[str, str] = MappingProxyType({})
) -> Iterator[int]:
    sent = {**headers, **({} if key is None else {"X-API-Key": key})}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield requests.get(f"{server.url}/model/info", headers=sent, timeout=30).status_code


def test_a_revoked_key_is_refused_by_every_worker_within_a_second(
    server: RunningServer, shared_home: Path, make_key: Callable[..., str]
) -> None:
    key = make_key(shared_home)
    assert set(statuses_until(server, key, 0.5)) == {200}
    open_keys(shared_home).revoke(key.split("_")[1])
    time.sleep(1)
    assert set(statuses_until(server, key, 1.0)) == {401}


@pytest.mark.parametrize("way", ["the token", "its key"])
def test_a_token_is_good_for_every_worker_until_it_or_its_key_is_revoked(
    server: RunningServer, shared_home: Path, make_key: Callable[..., str], way: str
) -> None:
    key = make_key(shared_home)
    made = requests.post(f"{server.url}/auth/token", headers={"X-API-Key": key}, timeout=30).json()
    bearer = {"Authorization": f"Bearer {made['token']}"}
    assert set(statuses_until(server, None, 0.5, bearer)) == {200}
    if way == "the token":
        revoked = requests.post(f"{server.url}/auth/revoke", headers=bearer, timeout=30)
        assert revoked.json() == {"revoked": made["token_id"]}
    else:
        open_keys(shared_home).revoke(key.split("_")[1])
    time.sleep(1)
    assert set(statuses_until(server, None, 1.0, bearer)) == {401}


def test_a_key_made_by_http_works_in_every_worker_until_it_is_revoked_by_http(
    server: RunningServer, shared_home: Path, make_key: Callable[..., str]
) -> None:
    operator = {"X-API-Key": make_key(shared_home, "admin")}
    wish = {"owner": "analysts", "roles": ["analyst"], "networks": ["127.0.0.0/8"]}
    created = requests.post(f"{server.url}/keys", headers=operator, json=wish, timeout=30).json()
    assert set(statuses_until(server, created["key"], 0.5)) == {200}

    revoked = requests.delete(f"{server.url}/keys/{created['id']}", headers=operator, timeout=30)
    assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    time.sleep(1)
    assert set(statuses_until(server, created["key"], 1.0)) == {401}


def test_a_key_bound_to_another_network_is_refused_by_every_worker(
    server: RunningServer, shared_home: Path, make_key: Callable[..., str]
) -> None:
    operator = {"X-API-Key": make_key(shared_home, "admin")}
    wish = {"owner": "analysts", "roles": ["analyst"], "networks": ["10.0.0.0/8"]}
    created = requests.post(f"{server.url}/keys", headers=operator, json=wish, timeout=30).json()
    assert set(statuses_until(server, created["key"], 0.5)) == {403}


def test_the_list_tells_when_a_key_was_last_used(
    server: RunningServer, shared_home: Path, make_key: Callable[..., str]
) -> None:
    key = make_key(shared_home, "admin")
    assert call(server, "GET", "/models", key).status_code == 200

    def was_used() -> bool:
        listed = requests.get(f"{server.url}/keys", headers={"X-API-Key": key}, timeout=30).json()["keys"]
        return any(each["id"] == key[4:12] and each["last_used_at"] for each in listed)

    wait_until(was_used, seconds=10)
