"""What of a request may be kept: each field as it came, as a keyed hash, or not at all. Who keeps it is elsewhere."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Any, Literal

Treatment = Literal["keep", "hash", "drop"]

_PURPOSE = b"gluonserve: values of requests"
_HASH_CHARACTERS = 32


class InputKeeper:
    """Turns a row into what may be kept of it; what to do with which field is decided once, not for each row.

    A hash is an HMAC under the secret of the installation and the name of the field: equal values of a field have equal
    hashes, so that they can be counted and joined, and without the secret nobody can try values out.
    """

    def __init__(
        self,
        features: Iterable[str],
        *,
        fields: Mapping[str, Treatment],
        others: Treatment,
        secret: str,
    ) -> None:
        """Decide for each feature of the model.

        Args:
            features: The names that the model knows.
            fields: What to do with the fields that are named here, also when the model does not know them.
            others: What to do with all other features. What else a caller sends is never kept.
        """
        treatments = {**dict.fromkeys(features, others), **fields}
        self._kept = tuple(name for name, treatment in treatments.items() if treatment == "keep")
        self._hashed = tuple(
            (name, _start_hash(secret, name)) for name, treatment in treatments.items() if treatment == "hash"
        )

    def keep(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return what may be kept of a checked row, which may lack fields. A missing value stays null, also hashed."""
        kept = {name: row[name] for name in self._kept if name in row}
        for name, started in self._hashed:
            if name in row:
                kept[name] = None if row[name] is None else _hash(started, row[name])
        return kept


def _start_hash(secret: str, field: str) -> hmac.HMAC:
    """The part that all values of a field have in common: to start anew for each value takes three times as long."""
    # One key a field: the same number in two fields does not tell that the fields have to do with each other.
    key = hmac.digest(secret.encode(), _PURPOSE + b"\0" + field.encode(), "sha256")
    return hmac.new(key, digestmod="sha256")


def _hash(started: hmac.HMAC, value: object) -> str:
    whole = started.copy()
    whole.update(_write_value(value))
    return whole.hexdigest()[:_HASH_CHARACTERS]


def _write_value(value: object) -> bytes:
    """Write equal values alike: 5 and 5.0 are one number, and text is trimmed as the check of rows does it."""
    if isinstance(value, bool):
        return b"boolean " + (b"1" if value else b"0")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float):
        return b"number " + repr(value).encode()
    return b"text " + str(value).strip().encode("utf-8", "surrogatepass")
