"""Headers that ask to be verified in the attacker's way, signed with the right key or with the one that they name."""

from __future__ import annotations

from typing import Any

from tests.security.tokens.hostile.forge import Forge, MakeToken, encode_segment, write_json

_CHOSEN_KEY = b"k" * 32
_JWK = {"kty": "oct", "k": encode_segment(_CHOSEN_KEY), "alg": "HS256"}
_MEMBERS: dict[str, Any] = {
    "jwk": _JWK,
    "jku": "https://attacker.example/keys.json",
    "x5u": "file:///etc/passwd",
    "x5c": ["MIIB"],
    "x5t": "AAAA",
    "zip": "DEF",
    "cty": "JWT",
    "enc": "A256GCM",
    "epk": {},
    "b64": False,
    "nonce": "1",
    "unknown": "1",
}
_CRITICAL: dict[str, Any] = {
    "nothing": [],
    "exp": ["exp"],
    "unknown": ["unknown"],
    "no list": "exp",
    "null": None,
    "numbers": [1],
    "b64": ["b64"],
}
_KIDS: dict[str, Any] = {
    "null": None,
    "number": 1,
    "bool": True,
    "list": [],
    "object": {},
    "empty": "",
    "path": "../../../../../../dev/null",
    "absolute path": "/dev/null",
    "URL": "https://attacker.example/key",
    "SQL": "x' OR '1'='1",
    "SQL that chooses the key": "x' UNION SELECT 'kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk' --",
    "command": "key|/usr/bin/id",
    "format": "%s%s%s%n",
    "template": "{{7*7}}",
    "very long": "a" * 2000,
    "upper case": "ABCDEF0123456789",
    "digits beyond ASCII": "٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥",
    "right length, no hex": "zzzzzzzzzzzzzzzz",
}


def _sign_header(**changes: Any) -> MakeToken:
    def make(forge: Forge) -> str:
        return forge.token(forge.header(**changes))

    return make


def _name_key(kid: Any) -> MakeToken:
    def make(forge: Forge) -> str:
        header = forge.header(kid=kid)
        return forge.token(header, key=forge.key(kid) if isinstance(kid, str) and kid else _CHOSEN_KEY)

    return make


def _write_header(template: str) -> MakeToken:
    """A header written as it stands, with the id of the signing key for KID."""

    def make(forge: Forge) -> str:
        return forge.token(template.replace("KID", forge.signing_key_id).encode())

    return make


def _append_to_kid(suffix: str) -> MakeToken:
    def make(forge: Forge) -> str:
        return forge.token(forge.header(kid=forge.signing_key_id + suffix))

    return make


def _use_ended_key(forge: Forge) -> str:
    return forge.token(forge.header(kid=forge.ended_signing_key_id), key=forge.key(forge.ended_signing_key_id))


def _use_key_never_made(forge: Forge) -> str:
    return forge.token(forge.header(kid="0123456789abcdef"), key=forge.key("0123456789abcdef"))


def _bring_own_key(forge: Forge) -> str:
    return forge.token(forge.header(jwk=_JWK), key=_CHOSEN_KEY)


def _detach_claims(forge: Forge) -> str:
    header = encode_segment(write_json(forge.header(b64=False, crit=["b64"])))
    return f"{header}..{forge.segments[2]}"


HEADERS: dict[str, MakeToken] = {
    **{f"with {name}": _sign_header(**{name: value}) for name, value in _MEMBERS.items()},
    **{f"critical: {name}": _sign_header(crit=value) for name, value in _CRITICAL.items()},
    "critical b64 and claims apart": _detach_claims,
    "signed with its own jwk": _bring_own_key,
    **{f"kid: {name}": _name_key(kid) for name, kid in _KIDS.items()},
    "kid missing": _sign_header(_without="kid"),
    "kid and NUL": _append_to_kid("\0"),
    "kid and newline": _append_to_kid("\n"),
    "kid of a key that was ended": _use_ended_key,
    "kid of a key that was never made": _use_key_never_made,
    "typ missing": _sign_header(_without="typ"),
    "typ JWT": _sign_header(typ="JWT"),
    "typ of an identity token": _sign_header(typ="id+jwt"),
    "kid twice": _write_header('{"alg":"HS256","kid":"KID","kid":"KID","typ":"at+jwt"}'),
    "alg twice": _write_header('{"alg":"none","alg":"HS256","kid":"KID","typ":"at+jwt"}'),
    "other order": _write_header('{"typ":"at+jwt","kid":"KID","alg":"HS256"}'),
    "spaces": _write_header('{"alg": "HS256", "kid": "KID", "typ": "at+jwt"}'),
    "escapes": _write_header('{"\\u0061lg":"HS256","kid":"KID","typ":"at+jwt"}'),
    "byte order mark": _write_header('\ufeff{"alg":"HS256","kid":"KID","typ":"at+jwt"}'),
    "two documents": _write_header('{"alg":"HS256","kid":"KID","typ":"at+jwt"}{}'),
    "list": _write_header('["HS256"]'),
    "string": _write_header('"HS256"'),
    "null": _write_header("null"),
    "no JSON": _write_header("alg=HS256"),
    "as long as ours": _write_header("0" * 55),
}
