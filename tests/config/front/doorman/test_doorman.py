"""The doorman at a real socket, in a thread, with tests in place of workers: they take when they want to."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from config.front.desk import Desk, take
from config.front.doorman.doorman import Doorman
from tests.server import wait_until

PATIENCE = 10
BODY = b'{"data":[]}'
REQUEST = b"POST /predict HTTP/1.1\r\nHost: a\r\nX-Request-ID: order-17\r\nContent-Length: 11\r\n%s\r\n" + BODY
PLAIN, HURRIED = REQUEST % b"", REQUEST % b"X-Request-Timeout-Ms: 100\r\n"
LARGE = PLAIN.replace(b"Content-Length: 11", b"Content-Length: 3000000")
HEALTH = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"


class Door:
    """A listening socket with a doorman, and clients."""

    def __init__(self, listener: socket.socket, *, most_wait_seconds: float) -> None:
        self.desk = Desk()
        self.desk.come(0)
        self.clients: list[socket.socket] = []
        self._listener = listener
        self._stop, self._stopping = os.pipe()
        self._doorman = doorman = Doorman(
            [listener],
            self.desk,
            most_wait_seconds=most_wait_seconds,
            timeout_seconds=60,
            places=8,
            log=logging.getLogger("doorman"),
        )
        self._thread = threading.Thread(target=doorman.run, args=(self._stop,))
        self._thread.start()

    def send(self, *requests: bytes) -> list[socket.socket]:
        clients = []
        for request in requests:
            client = socket.socket(self._listener.family)
            client.settimeout(PATIENCE)
            client.connect(self._listener.getsockname())
            client.sendall(request)
            clients.append(client)
        self.clients.extend(clients)
        return clients

    def waiting(self) -> list[Any]:
        return list(self._doorman._held)

    def is_standing(self) -> bool:
        return self._doorman._is_standing

    def stop(self) -> None:
        if self._thread.is_alive():
            os.write(self._stopping, b".")
            # A doorman without anything to do wakes for that.
            self._thread.join(PATIENCE)

    def close(self) -> None:
        self.stop()
        self._doorman.close()
        self.desk.close()
        for client in self.clients:
            client.close()
        for descriptor in (self._stop, self._stopping):
            os.close(descriptor)


@pytest.fixture(params=[socket.AF_INET, socket.AF_UNIX])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(request.param) as listening:
        listening.bind(("127.0.0.1", 0) if request.param == socket.AF_INET else str(tmp_path / "socket"))
        listening.listen(500)
        listening.setblocking(False)
        yield listening


@pytest.fixture
def make_door(listener: socket.socket) -> Iterator[Callable[..., Door]]:
    doors = []

    def make(*, most_wait_seconds: float = 60) -> Door:
        doors.append(Door(listener, most_wait_seconds=most_wait_seconds))
        return doors[-1]

    yield make
    for door in doors:
        door.close()


@pytest.fixture
def make_standing_door(make_door: Callable[..., Door], monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Door]:
    """A door with a queue of one kind of request, that is no burst any more."""
    monkeypatch.setattr("config.front.doorman.doorman._WINDOW_SECONDS", 0.3)

    def make(request: bytes) -> Door:
        door = make_door(most_wait_seconds=0.1)
        wait_until(lambda: bool(door.send(*[request] * 30)) and door.is_standing(), seconds=PATIENCE)
        return door

    return make


def read(client: socket.socket) -> tuple[str, dict[str, str], Any]:
    """The whole answer, up to the end of the connection: its status, headers and document."""
    received = b""
    while chunk := client.recv(65536):
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return status, dict(line.split(": ", 1) for line in lines), orjson.loads(body)


def take_next(end: socket.socket) -> bytes:
    """What a worker would read of the next connection that the doorman puts there."""
    taken: list[socket.socket] = []

    def has_come() -> bool:
        connection = take(end)
        taken.extend([connection] if connection else [])
        return bool(taken)

    wait_until(has_come, seconds=PATIENCE)
    with taken[0]:
        taken[0].settimeout(PATIENCE)
        return taken[0].recv(65536)


def test_who_waits_keeps_the_turn_and_is_handed_on_unread(make_door: Callable[..., Door]) -> None:
    door = make_door()
    requests = [PLAIN.replace(b"order-17", b"order-%02d" % number) for number in range(40)]
    door.send(*requests)
    assert [take_next(door.desk.turns[1]) for _ in range(30)] == requests[:30]


def test_what_no_worker_takes_is_looked_at_however_little_it_is(make_door: Callable[..., Door]) -> None:
    door = make_door()
    door.send(HEALTH)
    assert take_next(door.desk.health[1]) == HEALTH


def test_nobody_is_let_into_a_wait_that_is_too_long(make_door: Callable[..., Door]) -> None:
    door = make_door(most_wait_seconds=0.02)
    clients = door.send(*[PLAIN] * 60)
    status, headers, document = read(clients[30])
    assert status == "HTTP/1.1 503 Service Unavailable"
    assert int(headers["Retry-After"]) >= 1
    assert headers["X-Request-ID"] == "order-17"
    assert document["error"] == "overloaded"


def test_before_a_worker_is_ready_everybody_may_wait(make_door: Callable[..., Door]) -> None:
    door = make_door(most_wait_seconds=0.02)
    door.desk.go(0)
    door.send(*[PLAIN] * 60)
    wait_until(lambda: len(door.waiting()) > 50, seconds=PATIENCE)
    assert [take_next(door.desk.turns[1]) for _ in range(60)] == [PLAIN] * 60


def test_a_hurried_request_is_refused_where_others_wait(make_door: Callable[..., Door]) -> None:
    door = make_door()
    door.send(*[PLAIN] * 80)
    (hurried,) = door.send(HURRIED)
    assert read(hurried)[2]["error"] == "overloaded"


def test_who_waits_for_longer_than_it_has_is_answered_504(make_door: Callable[..., Door]) -> None:
    door = make_door()
    door.send(*[PLAIN] * 14)
    wait_until(lambda: len(door.waiting()) > 0, seconds=PATIENCE)
    (hurried,) = door.send(HURRIED)
    status, headers, document = read(hurried)
    assert (status, document["error"]) == ("HTTP/1.1 504 Gateway Timeout", "deadline_exceeded")
    assert "Retry-After" not in headers


def test_what_lies_at_the_desk_is_not_forgotten(make_door: Callable[..., Door]) -> None:
    (hurried,) = make_door().send(HURRIED)
    assert read(hurried)[2]["error"] == "deadline_exceeded"


def test_small_ones_go_before_large_ones_also_on_top_of_a_queue_that_stands(
    make_standing_door: Callable[[bytes], Door],
) -> None:
    door = make_standing_door(LARGE)
    large = door.send(*[LARGE] * 30)
    door.send(PLAIN)
    assert read(large[0])[2]["error"] == "overloaded"
    # Some were let in before the queue stood.
    before = list(iter(lambda: take_next(door.desk.turns[1]), PLAIN))
    assert len(before) < 20


def test_some_large_ones_among_small_ones_make_no_difference(make_door: Callable[..., Door]) -> None:
    door = make_door()
    requests = [LARGE, *[PLAIN] * 39]
    door.send(*requests)
    assert [take_next(door.desk.turns[1]) for _ in range(30)] == requests[:30]


def test_health_passes_all_that_wait(make_door: Callable[..., Door]) -> None:
    door = make_door(most_wait_seconds=0.02)
    door.send(*[PLAIN] * 60, HEALTH)
    assert take_next(door.desk.health[1]) == HEALTH


def test_a_refused_client_that_is_still_sending_reads_its_answer(make_door: Callable[..., Door]) -> None:
    door = make_door(most_wait_seconds=0.02)
    door.send(*[PLAIN] * 60)
    (large,) = door.send(LARGE)
    for _ in range(20):
        large.sendall(b" " * 10_000)
    assert read(large)[2]["error"] == "overloaded"


def test_who_says_nothing_is_asked_later(make_door: Callable[..., Door]) -> None:
    door = make_door()
    (silent,) = door.send(b"")
    door.send(*[PLAIN] * 40)
    assert take_next(door.desk.turns[1]) == PLAIN
    silent.sendall(HEALTH)
    assert take_next(door.desk.health[1]) == HEALTH


def test_at_the_end_everybody_who_waits_is_told(make_door: Callable[..., Door]) -> None:
    door = make_door()
    clients = door.send(*[PLAIN] * 40)
    take_next(door.desk.turns[1])
    threading.Thread(target=door.stop).start()
    assert {read(client)[2]["error"] for client in clients[20:]} == {"unavailable"}


def test_who_comes_on_top_of_a_queue_that_stands_is_refused_until_it_has_gone(
    make_standing_door: Callable[[bytes], Door],
) -> None:
    door = make_standing_door(PLAIN)
    refused = door.send(PLAIN)[0]
    assert read(refused)[2]["error"] == "overloaded"
    while door.waiting():
        take_next(door.desk.turns[1])
    # A doorman with nobody at the door sleeps, and looks again when somebody comes.
    wait_until(lambda: bool(door.send(PLAIN)) and not door.is_standing(), seconds=PATIENCE)
