"""The setting that says which values of requests may be kept, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Treatment = Literal["keep", "hash", "drop"]

_WHOLE: dict[str, Treatment] = {"all": "keep", "hashed": "hash", "none": "drop"}
_PREFIXES: dict[str, Treatment] = {"hash": "hash", "drop": "drop"}
_EXPECTED = "expected all, hashed or none, or fields separated by commas, as in age,hash:customer_id or all,drop:name"


@dataclass(frozen=True)
class LoggedInputs:
    """How the values of requests are kept.

    Attributes:
        fields: What is done with the fields that the setting names.
        others: What is done with all other fields.
    """

    fields: tuple[tuple[str, Treatment], ...] = ()
    others: Treatment = "drop"


def read_logged_inputs(text: str) -> LoggedInputs:
    """Read `all`, `hashed`, `none`, or fields as in `age,hash:customer_id`; `all,drop:name` is all fields but one.

    Raises:
        ValueError: for an empty item, a field that is named twice, and a word for all fields that is not the first.
    """
    first, *rest = (item.strip() for item in text.split(","))
    items = rest if first in _WHOLE else [first, *rest]
    fields = [_read_field(item) for item in items]
    names = [name for name, _ in fields]
    if len(set(names)) < len(names) or not all(names) or set(names) & set(_WHOLE):
        raise ValueError(_EXPECTED)
    return LoggedInputs(tuple(fields), _WHOLE.get(first, "drop"))


def _read_field(item: str) -> tuple[str, Treatment]:
    prefix, colon, name = item.partition(":")
    if colon and prefix in _PREFIXES:
        return name.strip(), _PREFIXES[prefix]
    return item, "keep"
