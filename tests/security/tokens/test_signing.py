"""Texts of tokens: what is signed is read again, and nothing else is."""

from __future__ import annotations

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.security.permissions import PERMISSIONS
from app.security.tokens.signing import InvalidToken, SignedToken, make_signing_key_id
from tests.security.tokens.builders import make_claims, make_signer


def test_what_is_signed_is_read_again() -> None:
    claims, key_id = make_claims(permissions=tuple(sorted(PERMISSIONS))), make_signing_key_id()

    assert make_signer().read(make_signer().sign(claims, key_id)) == SignedToken(claims, key_id)


def test_any_library_can_read_what_a_token_says() -> None:
    claims = make_claims()
    text = make_signer().sign(claims, "0123456789abcdef")

    assert jwt.get_unverified_header(text) == {"alg": "HS256", "kid": "0123456789abcdef", "typ": "at+jwt"}
    assert jwt.decode(text, options={"verify_signature": False}) == {
        "iss": "gluonserve",
        "aud": "gluonserve",
        "sub": claims.key_id,
        "iat": claims.issued_at,
        "exp": claims.expires_at,
        "jti": claims.id,
        "permissions": ["predict"],
    }


def test_a_token_of_another_installation_is_none() -> None:
    text = make_signer("another-secret-of-at-least-32-characters").sign(make_claims(), make_signing_key_id())

    with pytest.raises(InvalidToken):
        make_signer().read(text)


def test_each_signing_key_signs_otherwise() -> None:
    claims = make_claims()
    signatures = {make_signer().sign(claims, make_signing_key_id()).rpartition(".")[2] for _ in range(20)}

    assert len(signatures) == 20


def test_a_token_with_any_one_character_changed_is_none() -> None:
    text = make_signer().sign(make_claims(), make_signing_key_id())
    for position, character in enumerate(text):
        changed = text[:position] + ("A" if character != "A" else "B") + text[position + 1 :]
        with pytest.raises(InvalidToken):
            make_signer().read(changed)


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{74}\.[A-Za-z0-9_-]{1,200}\.[A-Za-z0-9_-]{43}"))
def test_any_text_is_refused_in_the_same_way(text: str) -> None:
    with pytest.raises(InvalidToken):
        make_signer().read(text)
