"""Takes connections from a listening socket in fewer steps than Python's own `accept`."""

from __future__ import annotations

import socket
from typing import Any


class Listener:
    """Looks up once of what family and type its connections are; `socket.accept` does at each, by two enumerations.

    Args:
        listener: A socket, or what gunicorn wraps one in.
    """

    def __init__(self, listener: Any) -> None:
        self._socket: socket.socket = getattr(listener, "sock", listener)
        self._family, self._type = int(self._socket.family), int(self._socket.type)

    def fileno(self) -> int:
        return self._socket.fileno()

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection, and the address of its client.

        Raises:
            OSError: when there is none, or none can be taken.
        """
        descriptor, client = self._socket._accept()  # type: ignore[attr-defined]
        return socket.socket(self._family, self._type, 0, descriptor), client
