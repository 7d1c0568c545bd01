"""What lies in Redis is believed only with the seal of this installation."""

from __future__ import annotations

import hashlib
import hmac

_SEAL_BYTES = 16
_PURPOSE = b"gluonserve: answers in a shared cache\0"


class Seal:
    """Ties an answer to the name of its row with a secret that Redis does not know."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(_PURPOSE + secret.encode()).digest()

    def close(self, name: bytes, answer: bytes) -> bytes:
        return self._compute(name, answer) + answer

    def open(self, name: bytes, sealed: bytes) -> bytes | None:
        """The answer; None when it is not what was sealed for this row."""
        seal, answer = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
        return answer if hmac.compare_digest(seal, self._compute(name, answer)) else None

    def _compute(self, name: bytes, answer: bytes) -> bytes:
        # All names have the same length, so that no other name and answer make the same bytes.
        return hashlib.blake2b(name + answer, digest_size=_SEAL_BYTES, key=self._key).digest()
