"""How a load test says no before it has sent any load: one plain sentence, for the person at the command line."""

from __future__ import annotations


class LoadRefused(Exception):
    """Nothing can be measured: the rows are not readable, the server is not there, or it refuses every request."""


class InvalidTarget(LoadRefused):
    """An address or a key that no request can be made of. A usage error."""
