"""Looks after what waits at the listening sockets, in a process of its own, and refuses early what would be late.

Workers take connections themselves. Only when more wait than they take within some milliseconds does the doorman take
the oldest of these: to hand on health, to let others wait for their turn, or to refuse them at once.
"""

from __future__ import annotations

import math
import resource
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from config.front.answers import NOT_IN_TIME, OVERLOADED, STOPPING, Refusal, write_refusal
from config.front.desk import Desk, put, take
from config.front.doorman.heads import RequestStart, read_start
from config.front.doorman.line import Held, Line
from config.front.doorman.pace import Pace
from config.front.doorman.queues import observe_queue
from config.front.doorman.waiting_room import WaitingRoom
from config.front.lingering import Lingering
from config.front.listener import Listener

_TICK_SECONDS = 0.005
# Of each tick a third of a millisecond goes to waking up; nobody is handed on then, only refused.
_TICK_SECONDS_STANDING = 0.01
# What may wait in the kernel, where workers take it at no further cost and nobody can refuse the youngest.
_SECONDS_IN_KERNEL = 0.02
# More comes than can be answered when so many are refused, of those taken, in this many windows one after the other.
_WINDOW_SECONDS, _WINDOWS_OF_BURST = 1.0, 2
_LEAST_REFUSED_SHARE = 0.1
# With a queue in the kernel, that nobody takes any is no news until then.
_SECONDS_OF_PAUSE = 1.0
_MOST_HELD = 1000
# More than there is room for at the desk.
_MOST_HANDED_ON = 64
_MOST_AT_ONCE = 256
_FIRST_BYTES = 4096
# Some dozens of rows. With more larger ones among those that come, small ones go first.
_SMALL_BYTES = 10_000
_LARGE_SHARE, _LARGE_COUNT = 0.1, 4
_READ_BYTES = 1 << 16
_SECONDS_OF_SILENCE = 5.0
_SECONDS_BETWEEN_LINES = 10.0
_UNKNOWN = RequestStart(is_health=False, request_id=None, timeout_ms=None, expected_bytes=0)


class Doorman:
    """Why a process: in a worker, where each system call lets another thread go first, a refusal would take as long as
    half an answer; and what waits here survives a worker that is killed.

    Args:
        most_wait_seconds: The longest expected wait that a request is let into; its own timeout may be shorter.
        timeout_seconds: What a request has that asks for none.
        places: How many requests all workers take at once.

    Raises:
        QueueUnknown: where the kernel does not tell how many connections wait.
    """

    def __init__(
        self,
        listeners: Sequence[Any],
        desk: Desk,
        *,
        most_wait_seconds: float,
        timeout_seconds: float,
        places: int,
        log: Any,
    ) -> None:
        self._queues = [(Listener(listener), observe_queue(listener)) for listener in listeners]
        self._desk = desk
        self._most_wait_seconds = most_wait_seconds
        self._timeout_seconds = timeout_seconds
        self._places = places
        self._log = log
        self._pace = Pace()
        self._poll = select.epoll()
        self._held = Line()
        self._handed_on: deque[Held] = deque(maxlen=_MOST_HANDED_ON)
        self._most_held = min(_MOST_HELD, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)
        self._silent = WaitingRoom(self._poll, seconds=_SECONDS_OF_SILENCE)
        self._lingering = Lingering(self._poll)
        self._unread = bytearray(_READ_BYTES)
        self._in_kernel = 0
        self._had_waiting = False
        self._is_standing = False
        self._window_end = 0.0
        self._full_windows = 0
        self._refused_in_window = 0
        self._taken_before = 0
        self._refused = 0
        self._next_line = 0.0
        self._placed = self._placed_large = 0

    def run(self, stop: int) -> None:
        """Work until the descriptor `stop` becomes readable; then refuse what still waits.

        Where the server is shut in an orderly way, workers answer what has arrived, and only who is held is refused.
        """
        self._poll.register(stop, select.EPOLLIN)
        self._poll.register(self._desk.closing, select.EPOLLIN)
        for listener, _ in self._queues:
            self._poll.register(listener.fileno(), select.EPOLLIN | select.EPOLLET)
        is_busy = False
        while True:
            for descriptor, _ in self._poll.poll(0 if is_busy else self._count_idle_seconds()):
                if descriptor == self._desk.closing:
                    self._refuse_held()
                    return
                if descriptor == stop:
                    self._finish()
                    return
                self._go_on(descriptor)
            time.sleep(_TICK_SECONDS_STANDING if self._is_standing else _TICK_SECONDS)
            is_busy = self._attend()

    def _count_idle_seconds(self) -> float | None:
        """Until something that was handed on is due: it may still lie at the desk."""
        due = self._held.next_due
        return None if due == math.inf else max(0.0, due - time.monotonic())

    def close(self) -> None:
        self._silent.close_late(math.inf)
        self._lingering.close_late(math.inf)
        self._poll.close()
        for _, queue in self._queues:
            queue.close()

    def _attend(self) -> bool:
        """Take what is too much, hand on what is held; tell whether there is anything to look after."""
        now = time.monotonic()
        lengths = [queue.measure() for _, queue in self._queues]
        self._in_kernel = sum(lengths)
        has_waiting = bool(self._in_kernel or self._held)
        self._pace.note(taken=self._desk.count_taken(), at=now, waited=self._had_waiting and has_waiting)
        self._had_waiting = has_waiting and self._desk.is_attended()
        self._dismiss_late(now)
        self._hand_on()
        self._judge_queue(now)
        room = self._count_room(now)
        for (listener, _), length in zip(self._queues, lengths, strict=True):
            self._take(listener, min(length - room, _MOST_AT_ONCE), now)
        self._silent.close_late(now)
        self._lingering.close_late(now)
        self._report(now)
        return has_waiting or bool(self._silent) or bool(self._lingering)

    def _judge_queue(self, now: float) -> None:
        """Tell a burst, which is let in and answered a little later, from more than the workers can do.

        Then a queue here would stand, and make every answer later but not one more of them (Nichols and Jacobson,
        "Controlling Queue Delay", 2012). Workers find enough in the kernel, soon, and nobody has to hand it on.
        """
        if now < self._window_end:
            return
        taken = self._desk.count_taken()
        is_full = self._refused_in_window > _LEAST_REFUSED_SHARE * (taken - self._taken_before)
        self._full_windows = self._full_windows + 1 if is_full else 0
        self._is_standing = self._full_windows >= _WINDOWS_OF_BURST
        self._window_end, self._refused_in_window, self._taken_before = now + _WINDOW_SECONDS, 0, taken
        self._placed, self._placed_large = self._placed // 2, self._placed_large // 2

    def _count_room(self, now: float) -> int:
        """How many may wait in the kernel: none while others wait here, or while no worker takes any."""
        longest_pause = _SECONDS_OF_PAUSE if self._is_standing else _SECONDS_IN_KERNEL
        if self._held or now - self._pace.moved_at > longest_pause:
            return 0
        room = int(self._pace.per_second * _SECONDS_IN_KERNEL)
        return max(room, self._places) if self._is_standing else room

    def _take(self, listener: Listener, count: int, now: float) -> None:
        for _ in range(count):
            try:
                connection, _ = listener.accept()
            except OSError:  # A worker was faster, or too many files are open.
                return
            self._place(connection, now)

    def _place(self, connection: socket.socket, now: float) -> None:
        try:
            received = connection.recv(_FIRST_BYTES, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        except BlockingIOError:
            self._silent.admit(connection, now)
            return
        except OSError:
            received = b""
        if not received:
            connection.close()
            return
        start = read_start(received)
        if start.is_health and put(self._desk.health[0], connection):
            connection.close()
            return
        goes_first = self._goes_first(start)
        if not start.is_health and self._may_wait(start, goes_first=goes_first):
            self._held.admit(Held(connection, start, now + self._find_timeout(start)), goes_first=goes_first)
        else:
            self._refused_in_window += 1
            self._refuse(connection, start, OVERLOADED, now)

    def _goes_first(self, start: RequestStart) -> bool:
        """Whether it is small, and there are large ones, which keep workers busy for a hundred times as long.

        Whose share of the workers is used up only a worker can tell, from the moment that it sees somebody else.
        """
        is_large = start.expected_bytes > _SMALL_BYTES
        self._placed += 1
        self._placed_large += is_large
        return not is_large and self._placed_large > max(_LARGE_COUNT, _LARGE_SHARE * self._placed)

    def _may_wait(self, start: RequestStart, *, goes_first: bool) -> bool:
        """Whether it is worth while. Until the first worker is ready nobody knows how long it will be."""
        ahead = self._held.count_ahead(goes_first=goes_first) + (0 if goes_first else self._in_kernel)
        is_soon = self._pace.estimate_seconds(ahead) <= min(self._most_wait_seconds, self._find_timeout(start))
        may = (is_soon and (goes_first or not self._is_standing)) or not self._desk.is_attended()
        return may and len(self._held) < self._most_held

    def _find_timeout(self, start: RequestStart) -> float:
        return self._timeout_seconds if start.timeout_ms is None else start.timeout_ms / 1000

    def _hand_on(self) -> None:
        while (held := self._held.look()) is not None and put(self._desk.turns[0], held.connection):
            self._held.leave()
            held.connection.close()
            self._handed_on.append(held)

    def _take_back(self, now: float) -> None:
        """Take from the desk what no worker has taken yet: the last of what this doorman, or one before, handed on."""
        connections = []
        while connection := take(self._desk.turns[1]):
            connections.append(connection)
        for connection in reversed(connections):
            unknown = Held(connection, _UNKNOWN, now + self._timeout_seconds)
            held = self._handed_on.pop() if self._handed_on else unknown
            self._held.readmit(replace(held, connection=connection))

    def _dismiss_late(self, now: float) -> None:
        if now < self._held.next_due:
            return
        self._take_back(now)
        for held in self._held.dismiss_late(now):
            self._refuse(held.connection, held.start, NOT_IN_TIME, now)

    def _refuse(self, connection: socket.socket, start: RequestStart, refusal: Refusal, now: float) -> None:
        self._refused += 1
        self._desk.count_refusal(refusal.code)
        seconds = None
        if refusal is not NOT_IN_TIME:
            seconds = max(1, math.ceil(self._pace.estimate_seconds(len(self._held))))
        answer = write_refusal(refusal, request_id=start.request_id, retry_after_seconds=seconds)
        try:
            # Bytes that nobody has read would turn the end of the connection into a reset, and the answer be lost.
            received = connection.recv_into(self._unread, 0, socket.MSG_DONTWAIT)
            # More is the end of the connection: both travel as one.
            connection.send(answer, socket.MSG_DONTWAIT | socket.MSG_MORE)
            if received >= start.expected_bytes:
                connection.close()
                return
        except OSError:
            connection.close()
            return
        self._lingering.admit(connection, now)

    def _go_on(self, descriptor: int) -> None:
        if descriptor in self._silent:
            self._place(self._silent.release(descriptor), time.monotonic())
        elif descriptor in self._lingering:
            self._lingering.go_on(descriptor, time.monotonic())

    def _finish(self) -> None:
        """The workers have gone: nobody will take what waits."""
        now = time.monotonic()
        self._refuse_held()
        self._most_held = 0
        for listener, queue in self._queues:
            self._take(listener, queue.measure(), now)

    def _refuse_held(self) -> None:
        now = time.monotonic()
        while self._held:
            held = self._held.leave()
            self._refuse(held.connection, held.start, STOPPING, now)

    def _report(self, now: float) -> None:
        if self._refused and now >= self._next_line:
            self._log.warning(
                "Refused %s requests: more were waiting than the workers take in %g s; they take about %.0f a second.",
                self._refused,
                self._most_wait_seconds,
                self._pace.per_second,
            )
            self._refused, self._next_line = 0, now + _SECONDS_BETWEEN_LINES
