from __future__ import annotations

import os
import signal

from config.survival.ending import is_ending


def test_a_process_is_ending_from_its_death_on_whether_or_not_anybody_has_noticed() -> None:
    process = os.fork()
    if process == 0:
        signal.pause()
    try:
        assert not is_ending(process)
    finally:
        os.kill(process, signal.SIGKILL)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    assert is_ending(process)
    os.waitpid(process, 0)
    assert is_ending(process)


def test_this_process_is_not_ending() -> None:
    assert not is_ending(os.getpid())
