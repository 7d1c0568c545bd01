"""Calls of a real Redis that hangs, dies and comes back."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator

import pytest

from app.redis_link.link import CALL_TIMEOUT_SECONDS, RedisGone, RedisLink, RedisUnusable
from tests.redis_link.server import RedisServer

PASSWORD = "a-password-of-redis"


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer(password=PASSWORD) as server:
        yield server


@pytest.fixture
def link(redis_server: RedisServer) -> Iterator[RedisLink]:
    # A busy machine may take longer than 50 ms to answer at all; only what a frozen server costs is about the limit.
    link = RedisLink(redis_server.url, timeout_seconds=2)
    yield link
    link.close()


def call(link: RedisLink) -> bool:
    return bool(link.call(lambda client: client.ping()))


def answers(link: RedisLink) -> bool:
    try:
        return call(link)
    except RedisGone:
        return False


def test_what_redis_answers_comes_back(link: RedisLink) -> None:
    assert call(link)
    assert (link.outages, link.failed_calls) == (0, 0)


def test_a_dead_redis_is_given_up_logged_once_and_found_again(
    redis_server: RedisServer, link: RedisLink, caplog: pytest.LogCaptureFixture
) -> None:
    assert call(link)
    redis_server.kill()
    assert [answers(link) for _ in range(50)] == [False] * 50
    redis_server.start()
    time.sleep(1)
    assert [answers(link) for _ in range(5)] == [True] * 5
    assert (link.outages, link.failed_calls) == (1, 50)
    assert [(record.levelno, record.name) for record in caplog.records] == [
        (logging.ERROR, "app.redis_link.link"),
        (logging.WARNING, "app.redis_link.link"),
    ]
    assert PASSWORD not in caplog.text


def test_a_redis_that_hangs_costs_one_timeout_and_then_nothing(redis_server: RedisServer) -> None:
    link = RedisLink(redis_server.url)
    redis_server.freeze()
    try:
        began = time.perf_counter()
        assert not answers(link)
        first, began = time.perf_counter() - began, time.perf_counter()
        assert [answers(link) for _ in range(100)] == [False] * 100
        others = time.perf_counter() - began
    finally:
        redis_server.thaw()
    assert first >= CALL_TIMEOUT_SECONDS
    assert others < first
    assert link.outages == 1


def test_a_wrong_password_is_an_outage_and_no_failure_of_the_service(redis_server: RedisServer) -> None:
    link = RedisLink(redis_server.url.replace(PASSWORD, "wrong"), timeout_seconds=2)
    assert not answers(link)


def test_a_process_that_was_forked_makes_its_own_connection(link: RedisLink) -> None:
    mine = link.call(lambda client: client.client_id())
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(link.call(lambda client: client.client_id())).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(reading, 100)) != mine
    assert link.call(lambda client: client.client_id()) == mine
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", "redis://:secret@host:port/0", ""])
def test_an_address_that_is_none_is_refused_in_a_sentence_without_it(url: str) -> None:
    with pytest.raises(RedisUnusable) as refusal:
        RedisLink(url)
    assert "REDIS_URL" in str(refusal.value)
    assert "secret" not in str(refusal.value)
