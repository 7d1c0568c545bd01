"""Whether the server has been told to end: then it is not ready, though it still answers."""

from __future__ import annotations

from collections.abc import Callable

from app.errors import Unavailable


class Drain:
    """Open for as long as nobody says otherwise."""

    def __init__(self) -> None:
        self._is_draining: Callable[[], bool] = lambda: False

    def share(self, is_draining: Callable[[], bool]) -> None:
        """Ask this from now on."""
        self._is_draining = is_draining

    def require_open(self) -> None:
        """Raises: Unavailable: when the server is about to end."""
        if self._is_draining():
            raise Unavailable("The server is stopping: ask another one.", code="draining")
