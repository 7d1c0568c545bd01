from __future__ import annotations

import threading
import time

from config.front.watchdog import NoWatchdog, Watchdog, describe_place


def test_a_prediction_hangs_after_the_limit_and_after_twice_what_it_was_given() -> None:
    now = time.monotonic()
    started = {
        1: (now - 11, float("inf")),
        2: (now - 9, float("inf")),
        3: (now - 11, now - 6),
        4: (now - 11, now - 1),
        5: (now - 11, now + 50),
    }
    assert Watchdog(started, limit_seconds=10).find_hung() == [1, 3]
    assert NoWatchdog().find_hung() == []


def test_the_place_of_a_thread_is_told_without_values_or_directories() -> None:
    def wait_for_ever(secret: str) -> None:
        begun.set()
        ended.wait()

    begun, ended = threading.Event(), threading.Event()
    thread = threading.Thread(target=wait_for_ever, args=("hunter2",))
    thread.start()
    begun.wait()
    time.sleep(0.05)
    place = describe_place(thread.ident or 0)
    ended.set()
    thread.join()
    assert "wait_for_ever (test_watchdog.py:" in place
    assert "hunter2" not in place
    assert "/" not in place
    assert describe_place(thread.ident or 0) == ""
