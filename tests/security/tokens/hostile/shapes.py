"""Texts that are not three segments of base64url."""

from __future__ import annotations

import json
import string

from tests.security.tokens.hostile.forge import Forge, MakeToken, encode_segment

_ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


def _flip_unused_bits(forge: Forge) -> str:
    """The last of 43 characters carries two bits that decode to nothing: four texts stand for one signature."""
    last = _ALPHABET.index(forge.good[-1])
    return forge.good[:-1] + _ALPHABET[last ^ 1]


def _write_as_json(forge: Forge) -> str:
    header, claims, signature = forge.segments
    return json.dumps({"protected": header, "payload": claims, "signature": signature})


def _break_line(forge: Forge) -> str:
    return forge.good[:100] + "\t" + forge.good[100:]


SHAPES: dict[str, MakeToken] = {
    "empty": lambda _: "",
    "one space": lambda _: " ",
    "two dots": lambda _: "..",
    "one segment": lambda forge: forge.segments[0],
    "two segments": lambda forge: ".".join(forge.segments[:2]),
    "unsigned": lambda forge: ".".join(forge.segments[:2]) + ".",
    "four segments": lambda forge: forge.good + ".AAAA",
    "five segments of an encrypted token": lambda forge: ".".join([forge.segments[0], "", "AAAA", "AAAA", "AAAA"]),
    "without header": lambda forge: "." + ".".join(forge.segments[1:]),
    "without claims": lambda forge: f"{forge.segments[0]}..{forge.segments[2]}",
    "segments in reverse": lambda forge: ".".join(reversed(forge.segments)),
    "last character missing": lambda forge: forge.good[:-1],
    "half of it": lambda forge: forge.good[: len(forge.good) // 2],
    "one character more": lambda forge: forge.good + "A",
    "leading space": lambda forge: " " + forge.good,
    "trailing dot": lambda forge: forge.good + ".",
    "tab inside": _break_line,
    "space around the dots": lambda forge: " . ".join(forge.segments),
    "in quotes": lambda forge: f'"{forge.good}"',
    "in angle brackets": lambda forge: f"<{forge.good}>",
    "twice with a comma": lambda forge: f"{forge.good},{forge.good}",
    "twice with the scheme": lambda forge: f"{forge.good}, Bearer {forge.good}",
    "scheme repeated": lambda forge: f"Bearer {forge.good}",
    "percent encoding": lambda forge: forge.good.replace(".", "%2E"),
    "padded header": lambda forge: ".".join([forge.segments[0] + "==", *forge.segments[1:]]),
    "padded claims": lambda forge: f"{forge.segments[0]}.{forge.segments[1]}=.{forge.segments[2]}",
    "padded signature": lambda forge: forge.good + "=",
    "unused bits of the signature": _flip_unused_bits,
    "the other base64": lambda forge: forge.good.replace("-", "+").replace("_", "/") + "+/",
    "upper case": lambda forge: forge.good.upper(),
    "letter beyond ASCII": lambda forge: forge.good[:-1] + "é",
    "homoglyph of the dot": lambda forge: forge.good.replace(".", "\u00b7"),
    "as JSON": _write_as_json,
    "an API key": lambda forge: f"gsk_{forge.key_id}_{'0' * 32}_000000",
    "4096 characters without dots": lambda _: "a" * 4096,
    "4096 characters of dots": lambda _: "." * 4096,
    "4096 characters with a wrong signature": lambda forge: (
        f"{forge.segments[0]}.{'A' * (4096 - 74 - 43 - 2)}.{'A' * 43}"
    ),
    "4097 characters rightly signed": lambda forge: forge.token(claims=b" " * 3000 + b"{}").ljust(4097, "A"),
    "1 MB": lambda _: "a" * 1_000_000,
    "1 MB of dots": lambda _: "." * 1_000_000,
    "1 MB of claims rightly signed": lambda forge: forge.token(claims=forge.claims(note="a" * 1_000_000)),
    "1 MB behind a good header": lambda forge: f"{forge.segments[0]}.{'A' * 1_000_000}.{'A' * 43}",
    "deep JSON as the header": lambda forge: f"{encode_segment(b'[' * 2000)}.{forge.segments[1]}.{forge.segments[2]}",
}
