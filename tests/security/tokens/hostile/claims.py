"""Claims that ours never make. All are rightly signed, which nobody else could, and are refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.security.tokens.hostile.forge import Forge, MakeToken, write_json

_CHANGES: dict[str, dict[str, Any]] = {
    **{f"without {name}": {"_without": name} for name in ("iss", "aud", "sub", "iat", "exp", "jti", "permissions")},
    "exp 1e30": {"exp": 1e30},
    "exp of 400 digits": {"exp": 10**400},
    "exp negative": {"exp": -1},
    "exp 0": {"exp": 0},
    "exp true": {"exp": True},
    "exp null": {"exp": None},
    "exp in an object": {"exp": {}},
    "iat negative": {"iat": -1},
    "iat true": {"iat": True},
    "iat null": {"iat": None},
    "nbf in the past": {"nbf": 0},
    "nbf true": {"nbf": True},
    "iss of somebody else": {"iss": "https://attacker.example"},
    "iss in a list": {"iss": ["gluonserve"]},
    "iss null": {"iss": None},
    "iss a number": {"iss": 1},
    "iss with a space": {"iss": "gluonserve "},
    "aud of somebody else": {"aud": "billing"},
    "aud in a list": {"aud": ["gluonserve"]},
    "aud in a list with others": {"aud": ["billing", "gluonserve"]},
    "aud an empty list": {"aud": []},
    "aud null": {"aud": None},
    "aud an object": {"aud": {"gluonserve": 1}},
    "sub of no key": {"sub": "zzzzzzzz"},
    "sub a number": {"sub": 12345678},
    "sub in a list": {"sub": ["aaaaaaaa"]},
    "sub null": {"sub": None},
    "sub empty": {"sub": ""},
    "sub SQL": {"sub": "' OR 1=1"},
    "sub of 2000 characters": {"sub": "a" * 2000},
    "jti a number": {"jti": 1},
    "jti empty": {"jti": ""},
    "jti null": {"jti": None},
    "jti of 2000 characters": {"jti": "A" * 2000},
    "jti SQL": {"jti": "' OR '1'='1' -- AAAAA"},
    "permissions in text": {"permissions": "predict"},
    "permissions an object": {"permissions": {"predict": True}},
    "permissions null": {"permissions": None},
    "permissions true": {"permissions": True},
    "permissions empty": {"permissions": []},
    "permissions unknown": {"permissions": ["predict", "root"]},
    "permissions twice": {"permissions": ["predict", "predict"]},
    "permissions in disorder": {"permissions": ["predict", "model_info"]},
    "permissions nested": {"permissions": [["predict"]]},
    "permissions with a wildcard": {"permissions": ["*"]},
    "a claim more": {"admin": True},
    "a claim called __proto__": {"__proto__": {"permissions": ["admin"]}},
    "lone surrogate": {"jti": "\ud800" * 22},
}
# What is said of time counts from when the token is made, which may be long after this file was read.
_MOMENTS: dict[str, Callable[[float], dict[str, Any]]] = {
    "exp in text": lambda now: {"exp": str(int(now) + 900)},
    "exp with a fraction": lambda now: {"exp": now + 900.5},
    "exp in a list": lambda now: {"exp": [int(now) + 900]},
    "iat in text": lambda now: {"iat": str(int(now))},
    "iat with a fraction": lambda now: {"iat": now},
    "nbf far away": lambda now: {"nbf": int(now) + 10**9},
}
_TEXTS: dict[str, Callable[[bytes], bytes]] = {
    "exp twice": lambda text: text[:-1] + b',"exp":99999999999}',
    "permissions twice, the last wins": lambda text: text[:-1] + b',"permissions":["admin"]}',
    "exp NaN": lambda text: _replace_exp(text, b"NaN"),
    "exp Infinity": lambda text: _replace_exp(text, b"Infinity"),
    "exp 1e400": lambda text: _replace_exp(text, b"1e400"),
    "exp 2e9": lambda text: _replace_exp(text, b"2e9"),
    "exp with a leading zero": lambda text: _replace_exp(text, b"0" + _exp_of(text)),
    "spaces": lambda text: text.replace(b",", b", "),
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "no UTF-8": lambda text: text.replace(b"predict", b"\xff"),
    "list": lambda text: b"[" + text + b"]",
    "two documents": lambda text: text + text,
    "number": lambda _: b"1",
    "null": lambda _: b"null",
    "nothing": lambda _: b"{}",
    "empty string": lambda _: b'""',
    "no JSON": lambda _: b"hello",
    "deep list": lambda _: b"[" * 2500,
    "deep object": lambda _: b'{"a":' * 500 + b"1" + b"}" * 500,
    "another token": lambda text: b'"' + text.replace(b'"', b"") + b'"',
}


def _exp_of(text: bytes) -> bytes:
    return text.partition(b'"exp":')[2].partition(b",")[0]


def _replace_exp(text: bytes, value: bytes) -> bytes:
    return text.replace(b'"exp":' + _exp_of(text), b'"exp":' + value)


def _sign_claims(changes: dict[str, Any]) -> MakeToken:
    def make(forge: Forge) -> str:
        return forge.token(claims=forge.claims(**changes))

    return make


def _sign_moment(change: Callable[[float], dict[str, Any]]) -> MakeToken:
    def make(forge: Forge) -> str:
        return forge.token(claims=forge.claims(**change(time.time())))

    return make


def _sign_text(change: Callable[[bytes], bytes]) -> MakeToken:
    def make(forge: Forge) -> str:
        return forge.token(claims=change(write_json(forge.claims())))

    return make


def _sign_times(*, issued_in: int, lifetime: int) -> MakeToken:
    def make(forge: Forge) -> str:
        issued_at = int(time.time()) + issued_in
        return forge.token(claims=forge.claims(iat=issued_at, exp=issued_at + lifetime))

    return make


CLAIMS: dict[str, MakeToken] = {
    **{name: _sign_claims(changes) for name, changes in _CHANGES.items()},
    **{name: _sign_moment(change) for name, change in _MOMENTS.items()},
    **{f"text: {name}": _sign_text(change) for name, change in _TEXTS.items()},
    "ended a second ago": _sign_times(issued_in=-61, lifetime=60),
    "ended long ago": _sign_times(issued_in=-(10**6), lifetime=60),
    "issued in ten minutes": _sign_times(issued_in=600, lifetime=60),
    "issued in a hundred years": _sign_times(issued_in=3 * 10**9, lifetime=60),
    "longer than an hour": _sign_times(issued_in=0, lifetime=3601),
    "ends as it begins": _sign_times(issued_in=0, lifetime=0),
    "ends before it begins": _sign_times(issued_in=20, lifetime=-10),
    "of a revoked API key": lambda forge: forge.token(claims=forge.claims(sub=forge.revoked_key_id)),
    "of a revoked token": lambda forge: forge.token(claims=forge.claims(jti=forge.revoked_token_id)),
}
