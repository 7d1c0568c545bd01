from __future__ import annotations

import select
import socket

from config.front.doorman.waiting_room import WaitingRoom


def test_who_waits_too_long_is_closed_and_who_is_released_is_not() -> None:
    with select.epoll() as poll:
        room = WaitingRoom(poll, seconds=5)
        pairs = [socket.socketpair() for _ in range(3)]
        for number, (near, _) in enumerate(pairs):
            room.admit(near, now=float(number))
        descriptors = [near.fileno() for near, _ in pairs]
        released = room.release(descriptors[1])
        room.close_late(now=5.5)
        assert [descriptor in room for descriptor in descriptors] == [False, False, True]
        assert [near.fileno() == -1 for near, _ in pairs] == [True, False, False]
        assert released is pairs[1][0]
        for pair in pairs:
            for end in pair:
                end.close()
