"""Tokens that nobody may get in with, by name: each is made from what an attacker has, and some from what none has."""

from __future__ import annotations

from tests.security.tokens.hostile.claims import CLAIMS
from tests.security.tokens.hostile.forge import Forge, MakeToken
from tests.security.tokens.hostile.headers import HEADERS
from tests.security.tokens.hostile.shapes import SHAPES
from tests.security.tokens.hostile.signatures import SIGNATURES

HOSTILE: dict[str, MakeToken] = {
    **{f"shape: {name}": make for name, make in SHAPES.items()},
    **{f"signature: {name}": make for name, make in SIGNATURES.items()},
    **{f"header: {name}": make for name, make in HEADERS.items()},
    **{f"claims: {name}": make for name, make in CLAIMS.items()},
}

__all__ = ["HOSTILE", "Forge", "MakeToken"]
