"""The text of an API key: gsk_<8 id>_<32 secret>_<6 checksum>. Making and reading it needs no database."""

from __future__ import annotations

import re
import secrets
import string
import zlib
from dataclasses import dataclass, field

KEY_LENGTH = 52

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_LENGTH = 8
_SECRET_LENGTH = 32
_CHECKSUM_LENGTH = 6
_ID = re.compile(r"[0-9a-z]{8}")
_KEY = re.compile(r"gsk_([0-9a-z]{8})_([0-9A-Za-z]{32})_([0-9A-Za-z]{6})")


@dataclass(frozen=True)
class KeyText:
    """The parts of a key as its holder sent it."""

    id: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        body = f"gsk_{self.id}_{self.secret}"
        return f"{body}_{_checksum(body)}"


def make_key_text() -> KeyText:
    """Draw a key: 41 bits of id, in letters that people can read out, and 190 bits of secret."""
    id = "".join(secrets.choice(string.digits + string.ascii_lowercase) for _ in range(_ID_LENGTH))
    return KeyText(id, "".join(secrets.choice(_BASE62) for _ in range(_SECRET_LENGTH)))


def read_key_text(text: str) -> KeyText | None:
    """Return the parts of a key, or None for a wrong shape or checksum: most typing errors end here."""
    match = _KEY.fullmatch(text) if len(text) == KEY_LENGTH else None
    if match is None:
        return None
    id, secret, checksum = match.groups()
    return KeyText(id, secret) if checksum == _checksum(f"gsk_{id}_{secret}") else None


def is_key_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def _checksum(body: str) -> str:
    remainder, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        remainder, digit = divmod(remainder, len(_BASE62))
        digits = _BASE62[digit] + digits
    return digits
