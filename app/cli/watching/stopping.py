"""How commands end that go on until somebody ends them."""

from __future__ import annotations

import signal
import threading


def stop_at_signals() -> threading.Event:
    """An event that SIGTERM and Ctrl-C set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Whoever started it in the background may have had it ignore Ctrl-C, which a terminal sends to everybody.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: stop.set())
    return stop
