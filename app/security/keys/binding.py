"""Keys bound to networks: one that comes from elsewhere is refused, and told to the operator, for it may be stolen."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from app.errors import Forbidden
from app.security.keys.networks import lies_within, read_address
from app.security.keys.store import ApiKey

SECONDS_BETWEEN_LINES = 60.0

logger = logging.getLogger(__name__)


class NetworkCheck:
    """Holds keys to their networks. `refusals` counts; the log gets a line a minute for each key, whoever insists."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_line_at: dict[str, float] = {}
        self.refusals = 0

    def check(self, key: ApiKey, address: str | None) -> None:
        """Let a key pass that is bound to nothing, or to a network in which the address lies.

        Only a key that was verified may come here: a guesser must not learn which keys are bound.

        Raises:
            Forbidden
        """
        if key.networks and not lies_within(address, key.networks):
            self.refusals += 1
            self._tell(key, address)
            raise Forbidden("This key may not be used from this address.", code="network_not_permitted")

    def _tell(self, key: ApiKey, address: str | None) -> None:
        now = self._clock()
        if now >= self._next_line_at.get(key.id, 0.0):
            self._next_line_at[key.id] = now + SECONDS_BETWEEN_LINES
            place = read_address(address) or "an unknown address"
            logger.warning("API key %s was used from %s, outside of its networks, and refused", key.id, place)
