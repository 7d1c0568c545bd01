"""What is to be forgotten, said in one small file of the model store that all workers follow."""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from app.release.files import read_json, write_json
from app.release.pointer import Stamp, read_stamp

CLEARED = "CLEARED"
_LOCK = ".clearing.lock"
_MOST_ORDERS = 100

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClearingOrder:
    """Every worker is to forget the answers of all releases whose `name:version` a pattern fits.

    Attributes:
        token: Tells it from all others.
    """

    token: str
    pattern: str


def order_clearing(store: Path, pattern: str) -> None:
    """Have all workers forget answers; they follow within a tenth of a second.

    Raises:
        OSError: when the store cannot be written.
    """
    with (store / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        orders = (*read_orders(store), ClearingOrder(secrets.token_hex(8), pattern))
        write_json(store / CLEARED, {"orders": [asdict(order) for order in orders[-_MOST_ORDERS:]]})


def read_orders(store: Path) -> tuple[ClearingOrder, ...]:
    """Fallback: none where the file is not there or cannot be read; the next order begins a new one."""
    try:
        values: Any = read_json(store / CLEARED)
        return tuple(ClearingOrder(**value) for value in values["orders"])
    except FileNotFoundError:
        return ()
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as fault:
        logger.warning("The file %s of the model store cannot be read (%s).", CLEARED, type(fault).__name__)
        return ()


class ClearingFollower:
    """Follows the file of a store: one `stat` as long as nothing has changed."""

    def __init__(self, store: Path, clear: Callable[[str], None]) -> None:
        """Args: clear: Forgets the answers of the releases that a pattern fits."""
        self._store = store
        self._path = os.fspath(store / CLEARED)
        self._clear = clear
        # What was ordered before this process began was about others.
        self._stamp: Stamp | None = read_stamp(self._path)
        self._followed = {order.token for order in read_orders(store)}

    def follow(self) -> None:
        # Read before the file: if that is replaced in between, the next look finds another stamp.
        stamp = read_stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        orders = read_orders(self._store)
        for order in orders:
            if order.token not in self._followed:
                self._clear(order.pattern)
        self._followed |= {order.token for order in orders}
