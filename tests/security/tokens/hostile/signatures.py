"""Signatures that are none, or made with a key or an algorithm that the attacker chose."""

from __future__ import annotations

import hmac
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.security.tokens.hostile.forge import Forge, MakeToken, encode_segment, write_json

_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_EC = ec.generate_private_key(ec.SECP256R1())
_ED = ed25519.Ed25519PrivateKey.generate()
_RSA_PEM = _RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
_WEAK_KEYS = {
    "no key": b"\0",
    "the word secret": b"secret",
    "a public RSA key": _RSA_PEM,
    "a chosen key of 32 bytes": b"k" * 32,
}


def _join(header: Any, claims: Any, signature: bytes) -> str:
    return ".".join(encode_segment(part) for part in (write_json(header), write_json(claims), signature))


def _sign_nothing(algorithm: Any) -> MakeToken:
    def make(forge: Forge) -> str:
        return _join(forge.header(alg=algorithm), forge.claims(), b"")

    return make


def _name_algorithm(algorithm: Any, digest: str = "sha256") -> MakeToken:
    """Signed with the right key, under another name."""

    def make(forge: Forge) -> str:
        return forge.token(forge.header(alg=algorithm), digest=digest)

    return make


def _choose_key(key: bytes, **header: Any) -> MakeToken:
    def make(forge: Forge) -> str:
        return forge.token(forge.header(**header), key=key)

    return make


def _sign_with_pair(algorithm: str) -> MakeToken:
    def make(forge: Forge) -> str:
        header, claims = forge.header(alg=algorithm), forge.claims()
        text = ".".join(encode_segment(write_json(part)) for part in (header, claims)).encode()
        return f"{text.decode()}.{encode_segment(_sign(algorithm, text))}"

    return make


def _sign(algorithm: str, text: bytes) -> bytes:
    if algorithm == "RS256":
        return _RSA.sign(text, padding.PKCS1v15(), hashes.SHA256())
    if algorithm == "PS256":
        return _RSA.sign(text, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    if algorithm == "EdDSA":
        return _ED.sign(text)
    signature = _EC.sign(text, ec.ECDSA(hashes.SHA256()))
    if algorithm == "ES256 in DER":
        return signature
    return b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(signature))


def _sign_with_public_text(forge: Forge) -> str:
    header, claims, _ = forge.segments
    text = f"{header}.{claims}".encode()
    return f"{header}.{claims}.{encode_segment(hmac.digest(text, text, 'sha256'))}"


def _change_claims(forge: Forge) -> str:
    header, _, signature = forge.segments
    return f"{header}.{encode_segment(write_json(forge.claims(permissions=['admin'])))}.{signature}"


def _swap_signing_keys(forge: Forge) -> str:
    """Names the key that signs now, signed with the one that was ended."""
    return forge.token(key=forge.key(forge.ended_signing_key_id))


SIGNATURES: dict[str, MakeToken] = {
    **{f"alg {name!r}": _sign_nothing(name) for name in ("none", "None", "NONE", "nOnE", "", "HS256")},
    **{
        f"right key, alg {name!r}": _name_algorithm(name)
        for name in (None, 0, True, ["HS256"], {"alg": "HS256"}, "hs256", "HS256 ", "HS256\0", "HMAC", "dir")
    },
    "right key, no alg": lambda forge: forge.token(forge.header(_without="alg")),
    "right key, HS384": _name_algorithm("HS384", "sha384"),
    "right key, HS512": _name_algorithm("HS512", "sha512"),
    "right key, SHA-384 under HS256": lambda forge: forge.token(digest="sha384"),
    **{f"HS256 with {name}": _choose_key(key) for name, key in _WEAK_KEYS.items()},
    "HS256 with the id of the signing key": lambda forge: forge.token(key=forge.signing_key_id.encode()),
    "HS256 with the id of the API key": lambda forge: forge.token(key=forge.key_id.encode()),
    "HS256 with the public text": _sign_with_public_text,
    "HS256 with the signature as key": lambda forge: forge.token(key=forge.segments[2].encode()),
    "HS256 with the key of another id": _swap_signing_keys,
    "RS256 as HS256 with the public key": _choose_key(_RSA_PEM, alg="RS256"),
    **{f"pair of keys, {name}": _sign_with_pair(name) for name in ("RS256", "PS256", "EdDSA", "ES256", "ES256 in DER")},
    "all zeros": lambda forge: ".".join([*forge.segments[:2], encode_segment(bytes(32))]),
    "of other claims": _change_claims,
}
