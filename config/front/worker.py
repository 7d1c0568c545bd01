"""gunicorn's threaded worker with a door for the doorman, a thread for health, and an end for predictions that hang."""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import os
import select
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from config.front.answers import NOT_IN_TIME, write_refusal
from config.front.connection import Connection, has_read_all
from config.front.date_header import format_date_once_a_second
from config.front.desk import Desk, take
from config.front.lingering import Lingering
from config.front.listener import Listener
from config.front.turn import SECONDS_OF_PATIENCE, Turn
from config.front.unreadable import AnswersUnreadable
from config.front.watchdog import NoWatchdog, Watchdog, describe_place
from config.survival.attendance import Attendance
from config.survival.whole_answers import send_whole_answers

_SECONDS_BETWEEN_LOOKS = 0.2
_REPLACED = 1
# What the listening sockets of a server that is shut may still hold.
_MOST_LEFT = 4096


class Worker(AnswersUnreadable, ThreadWorker):  # type: ignore[misc]
    """A worker takes connections from the listening sockets, and those that the doorman hands on.

    A thread that has answered takes the next connection itself, if one waits, and goes on: to have the loop of the
    worker do it, as gunicorn does, wakes two threads for each request.

    Health has a thread of its own: it is answered while all others are at predictions.

    A prediction that hangs ends its worker: its caller is answered 504, the worker takes nothing more, answers what
    else it has, and exits, whereupon gunicorn starts another. Where the hanging call keeps the interpreter to itself,
    none of that can be done, and a timer that needs no interpreter ends the process.

    Attributes:
        desk: Set before the fork.
        place: Its own at the desk; set before the fork.
        attendance: Where it says how far it is; set before the fork.
        turn: Held by the thread that is at a request.
        most_requests: After so many it asks to be replaced; set before the fork.
        metrics_path, metrics_slot: Where it counts; set before the fork.
        watchdog: Set when the application is loaded.
    """

    alive: bool
    desk: Desk
    place: int
    attendance: Attendance
    most_requests: float
    metrics_path: Path
    metrics_slot: int

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.watchdog: Watchdog = NoWatchdog()
        self.hung_after_seconds = 0
        self._is_at_desk = False
        self._connections: dict[int, TConn] = {}
        self._counting = threading.Lock()
        self.turn = Turn(self._look_at_door)
        self._abandoned: set[int] = set()
        self._next_look = 0.0
        self._sending = select.epoll()
        self._lingering = Lingering(self._sending)

    def init_process(self) -> None:
        send_whole_answers()
        format_date_once_a_second()
        # gunicorn searches for thirty settings at each request, in three steps; this way it finds them in the first.
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        self._health_thread = ThreadPoolExecutor(1, thread_name_prefix="health")
        super().init_process()

    def handle_exit(self, sig: int, frame: Any) -> None:
        if not self.booted and os.getppid() != self.ppid:
            os._exit(0)
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """An end at once also while it boots: what it loads might catch another one."""
        if not self.booted:
            os._exit(0)
        super().handle_quit(sig, frame)

    def handle_abort(self, sig: int, frame: Any) -> None:
        """gunicorn ends with this a worker that takes too long to boot."""
        if not self.booted:
            os._exit(_REPLACED)
        super().handle_abort(sig, frame)

    def run(self) -> None:
        self._door = select.epoll()
        # In this order: whoever waits for a turn has waited longer than those in the kernel.
        self._openings: dict[int, Callable[[], Connection | None]] = {self.desk.turns[1].fileno(): self._take_turn}
        for listener in self.sockets:
            listener.setblocking(False)
            self._openings[listener.fileno()] = partial(self._accept, Listener(listener), listener.getsockname())
        for descriptor in self._openings:
            self._door.register(descriptor, select.EPOLLIN)
        self.poller.register(self._sending, selectors.EVENT_READ, self._go_on_lingering)
        self._come_to_desk()
        # First: who has been silent for long is taken for stopped as soon as it serves.
        self.notify()
        self.attendance.come(self.place)
        super().run()
        if self._abandoned:
            self._exit()
        self.attendance.leave(self.place)

    def set_accept_enabled(self, enabled: bool) -> None:
        """gunicorn calls this where it may take more, or no more. One door for all sockets; a turn keeps it shut."""
        if enabled != self._accepting and self._is_at_desk and not (enabled and self.turn.is_taken()):
            if enabled:
                self.poller.register(self._door, selectors.EVENT_READ, self._open_door)
            else:
                self.poller.unregister(self._door)
            self._accepting: bool = enabled
        if self._is_at_desk and not self.alive:
            self._leave_desk()

    def enqueue_req(self, conn: TConn) -> None:
        """A thread answers it, and whatever waits after that."""
        self.turn.promise()
        self.tpool.submit(self._serve, conn)

    def _serve(self, conn: TConn) -> None:
        following: TConn | None = conn
        while following is not None:
            conn = following
            try:
                wants_more = self._handle_in_turn(conn)
            except BaseException as fault:  # The loop of the worker raises it, SystemExit included.
                self._give_back(conn, fault=fault)
                return
            if wants_more:
                self._give_back(conn, result=wants_more)
                return
            self._part(conn)
            following = self._take_next() if self._goes_on() else None
        self.method_queue.defer(self._free_place)

    def _goes_on(self) -> bool:
        """Not while another thread waits with a request: the fewer are at it, the less they wake each other."""
        return self.alive and self._is_at_desk and not self.turn.is_wanted()

    def _handle_in_turn(self, conn: TConn) -> Any:
        # Who is slow from the start gets none.
        if conn.wait_for_data(SECONDS_OF_PATIENCE):
            self.turn.take()
        try:
            return self.handle(conn)
        finally:
            self.turn.leave()

    def _give_back(self, conn: TConn, *, result: Any = None, fault: BaseException | None = None) -> None:
        """Let gunicorn do what it does after each request, in its loop."""
        ended = Future[Any]()
        if fault is None:
            ended.set_result(result)
        else:
            ended.set_exception(fault)
        self.method_queue.defer(super().finish_request, conn, ended)

    def _part(self, conn: TConn) -> None:
        """Close it, or have it wait, where it holds up nobody, until its client has done so."""
        if has_read_all(conn):
            conn.close()
        else:
            self.method_queue.defer(self._lingering.admit, conn.sock, time.monotonic())

    def _free_place(self) -> None:
        self.nr_conns -= 1

    def _take_next(self) -> Connection | None:
        """What waits at the door, for the thread that has answered the last one; its place stays taken.

        Fallback: where that fails, for want of descriptors, the loop of the worker tries it again and says so.
        """
        with contextlib.suppress(OSError):
            ready = {descriptor for descriptor, _ in self._door.poll(0)}
            for descriptor, opening in self._openings.items():
                if descriptor in ready:
                    conn = opening()
                    if conn is not None:
                        return conn
        return None

    def handle(self, conn: TConn) -> Any:
        thread = threading.get_ident()
        self._connections[thread] = conn
        try:
            return super().handle(conn)
        finally:
            del self._connections[thread]

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """gunicorn itself waits here, for up to 2 s and in the loop that takes all requests, until a client closes."""
        if fs.cancelled() or fs.exception() or fs.result():
            super().finish_request(conn, fs)
            return
        self._part(conn)
        self._free_place()

    def is_parent_alive(self) -> bool:
        # Only ever set to False: a signal may do so at any moment, and its word must not be taken back.
        if not super().is_parent_alive():
            self.alive = False
        return self.alive

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """With a request under way it is looked for hung ones also when nothing else happens.

        Where the door is shut because of a turn, somebody may hold that for too long.
        """
        if self.nr_conns:
            timeout = _SECONDS_BETWEEN_LOOKS
            if not self._accepting and self.nr_conns < self.worker_connections:
                timeout = SECONDS_OF_PATIENCE
        super().wait_for_and_dispatch_events(timeout)

    def notify(self) -> None:
        """gunicorn calls this at every turn of its loops, at least once a second."""
        super().notify()
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + _SECONDS_BETWEEN_LOOKS
            self._look_for_hung()
            if self.nr >= self.most_requests:
                self.attendance.tire(self.place)
        self._lingering.close_late(now)
        if self._abandoned and self.nr_conns <= len(self._abandoned):
            self._exit()

    def _come_to_desk(self) -> None:
        self.poller.register(self.desk.health[1], selectors.EVENT_READ, self._take_health)
        self.desk.come(self.place)
        self._is_at_desk = True

    def _leave_desk(self) -> None:
        if self._accepting:
            self.poller.unregister(self._door)
            self._accepting = False
        self.poller.unregister(self.desk.health[1])
        self.desk.go(self.place)
        self._is_at_desk = False
        if self.desk.is_shut or os.getppid() != self.ppid:
            self._take_the_last()
        # At once: while it is open here, nobody else can listen at its address, and connections would wait in vain.
        for listener in self.sockets:
            listener.close()

    def _take_the_last(self) -> None:
        """No other worker goes on, so take all that wait, though they will wait here."""
        for opening in self._openings.values():
            for _ in range(_MOST_LEFT):
                if not self._admit(opening()):
                    break

    def _open_door(self, _door: Any) -> None:
        # What waits there is taken by whichever worker is free first.
        if self.turn.is_taken():
            self.set_accept_enabled(False)
            return
        ready = {descriptor for descriptor, _ in self._door.poll(0)}
        for descriptor, opening in self._openings.items():
            if descriptor in ready and self.nr_conns < self.worker_connections:
                self._admit(opening())

    def _look_at_door(self) -> None:
        """Have the loop open it again."""
        if not self._accepting:
            self.method_queue.defer(lambda: None)

    def _admit(self, conn: Connection | None) -> bool:
        if conn is None:
            return False
        self.nr_conns += 1
        self.enqueue_req(conn)
        return True

    def _take_turn(self) -> Connection | None:
        return self._count_in(self._receive(self.desk.turns[1]))

    def _accept(self, listener: Listener, name: Any) -> Connection | None:
        try:
            connection, client = listener.accept()
        except OSError as fault:
            # Another one was faster, its client has gone, or this worker listens no more.
            if fault.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED, errno.EBADF):
                return None
            raise
        return self._count_in(Connection(self.cfg, connection, client, name))

    def _count_in(self, conn: Connection | None) -> Connection | None:
        if conn is not None:
            with self._counting:
                self.desk.taken[self.place] += 1
        return conn

    def _take_health(self, end: socket.socket) -> None:
        conn = self._receive(end)
        if conn is not None:
            self.nr_conns += 1
            future = self._health_thread.submit(self.handle, conn)
            future.add_done_callback(partial(self._end_health, conn))

    def _end_health(self, conn: TConn, future: Future[Any]) -> None:
        self.method_queue.defer(self.finish_request, conn, future)

    def _receive(self, end: socket.socket) -> Connection | None:
        """Take a connection that the doorman has put there; None when another worker was faster."""
        connection = take(end)
        if connection is None:
            return None
        try:
            return Connection(self.cfg, connection, connection.getpeername(), connection.getsockname())
        except OSError:  # Its client has gone.
            connection.close()
            return None

    def _go_on_lingering(self, _sending: Any) -> None:
        now = time.monotonic()
        for descriptor, _ in self._sending.poll(0):
            self._lingering.go_on(descriptor, now)

    def _look_for_hung(self) -> None:
        if self.hung_after_seconds:
            # Set anew all the time; it goes off when this loop cannot run for that long.
            faulthandler.dump_traceback_later(self.hung_after_seconds, exit=True, file=sys.stderr)
        for thread in self.watchdog.find_hung():
            if thread not in self._abandoned:
                self._abandon(thread)

    def _abandon(self, thread: int) -> None:
        self.log.error(
            "A prediction has taken %.0f s and counts as hung: its caller is answered 504 and this worker is replaced. "
            "It is in %s.",
            self.watchdog.measure_seconds(thread),
            describe_place(thread),
        )
        conn = self._connections.get(thread)
        if conn is not None:
            _answer_in_its_place(conn)
        self._abandoned.add(thread)
        self.desk.hung[self.place] += 1
        self.alive = False

    def _exit(self) -> None:
        """Without waiting for threads, which an ordinary exit would do: some will never end."""
        self.log.info("Worker exiting (pid: %s): %s hung.", self.pid, len(self._abandoned))
        os._exit(_REPLACED)


def _answer_in_its_place(conn: TConn) -> None:
    """Send 504 on the connection of a hanging thread. Whatever that thread still sends reaches nobody."""
    request = getattr(conn.parser, "mesg", None)
    names = dict(request.headers) if request is not None else {}
    try:
        conn.sock.send(write_refusal(NOT_IN_TIME, request_id=names.get("X-REQUEST-ID")), socket.MSG_DONTWAIT)
        conn.sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # Its client has gone.
