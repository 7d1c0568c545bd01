"""Features that take no unseen values for now, by version: one small file of the store, which all workers follow."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from app.errors import ReleaseUnusable
from app.release.files import read_json, write_json
from app.release.pointer import Stamp, read_stamp
from app.release.store import ReleaseStore

logger = logging.getLogger(__name__)

REJECTED = "REJECTED"
NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """A feature of a version whose unseen categories and numbers out of range are refused, whatever the setting says.

    Attributes:
        since: UTC, ISO 8601.
        by: Who asked for it, as it stands in the audit table.
    """

    version: str
    feature: str
    since: str
    by: str
    reason: str = ""


def read_rejections(directory: Path) -> tuple[Rejection, ...]:
    """All rejections of a store.

    Raises:
        ReleaseUnusable: when the file exists and cannot be read.
    """
    try:
        values: Any = read_json(directory / REJECTED)
        return tuple(Rejection(**value) for value in values["rejections"])
    except FileNotFoundError:
        return ()
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as fault:
        raise ReleaseUnusable(
            f"The file {REJECTED} of the model store cannot be read ({type(fault).__name__}). "
            "Begin a new one with: gluonserve features accept --all"
        ) from fault


def write_rejections(directory: Path, rejections: Sequence[Rejection]) -> None:
    """Replace all rejections of a store; a reader sees the old ones or the new ones, also after a crash."""
    write_json(directory / REJECTED, {"rejections": [asdict(one) for one in rejections]})


class RejectedFeatures:
    """Follows the file of a store: `follow` is one `stat` as long as nothing has changed.

    Fallback: while the file cannot be read, what it said before holds; logged once.

    Attributes:
        rejections: All that the file says.
    """

    def __init__(self, store: ReleaseStore) -> None:
        self.rejections: tuple[Rejection, ...] = ()
        self._store = store
        self._path = os.fspath(store.path / REJECTED)
        self._stamp: Stamp | None = None
        self._features: dict[str, frozenset[str]] = {}

    def follow(self) -> None:
        # Read before the file: if that is replaced in between, the next look finds another stamp.
        stamp = read_stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._adopt(read_rejections(self._store.path))
        except ReleaseUnusable as fault:
            logger.error("%s What it said before goes on.", fault)

    def reader_of(self, version: str) -> Callable[[], frozenset[str]]:
        """What tells the features of a version at the moment that it is asked."""
        return lambda: self._features.get(version, NONE)

    def _adopt(self, rejections: tuple[Rejection, ...]) -> None:
        features: dict[str, frozenset[str]] = {}
        for one in rejections:
            features[one.version] = features.get(one.version, NONE) | {one.feature}
        self.rejections, self._features = rejections, features
