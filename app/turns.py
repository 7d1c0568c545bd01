"""Threads of a server may answer in turn; what waits or takes long steps aside and lets others go on meanwhile."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Turn(Protocol):
    def aside(self) -> AbstractContextManager[None]: ...


class NoTurn:
    """All go on at once."""

    def aside(self) -> AbstractContextManager[None]:
        return nullcontext()


class Turns:
    """Those of this process. Until it is told of some, there are none."""

    def __init__(self) -> None:
        self._turn: Turn = NoTurn()

    def share(self, turn: Turn) -> None:
        """Step aside from this one from now on."""
        self._turn = turn

    def aside(self) -> AbstractContextManager[None]:
        """Until the end of the block the present thread does not hold the turn."""
        return self._turn.aside()


# Of the whole process, as its interpreter is.
TURNS = Turns()
