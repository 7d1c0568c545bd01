"""Every hostile token gets one and the same 401, and the list of them finds verifiers that let some in."""

from __future__ import annotations

import json
import warnings
from typing import Any

import jwt
import pytest
from werkzeug.test import TestResponse

from tests.api.builders import ROW
from tests.security.tokens.conftest import Attacked
from tests.security.tokens.hostile import HOSTILE, Forge

# Some of what PyJWT lets in when it is given the key, the algorithm and the audience, and nothing else.
IN_BY_DEFAULT = {
    "claims: without exp",
    "claims: without iss",
    "claims: without jti",
    "claims: exp 1e30",
    "claims: exp in text",
    "claims: iat true",
    "claims: iss of somebody else",
    "claims: aud in a list with others",
    "claims: longer than an hour",
    "claims: permissions with a wildcard",
    "claims: text: permissions twice, the last wins",
    "claims: of a revoked token",
    "header: alg twice",
    "header: kid: path",
    "header: kid of a key that was ended",
    "header: with jwk",
    "header: typ of an identity token",
    "shape: padded signature",
    "shape: 1 MB of claims rightly signed",
}


def send(attacked: Attacked, token: str) -> TestResponse:
    return attacked.client.post(
        "/predict", json={"data": [ROW]}, headers={"Authorization": f"Bearer {token}", "X-Request-ID": "r1"}
    )


def is_let_in_by_default(forge: Forge, token: str) -> bool:
    """A verifier as it is written without reading on."""
    try:
        kid = jwt.get_unverified_header(token)["kid"]
        jwt.decode(token, forge.key(kid), algorithms=["HS256"], audience="gluonserve")
    except (jwt.PyJWTError, KeyError, TypeError, UnicodeError):
        return False
    return True


def is_let_in_by_believing_the_token(forge: Forge, token: str) -> bool:
    """A verifier that takes the algorithm, and the key where it brings one, from the token itself."""
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
        if str(header.get("alg")).lower() in ("none", ""):
            jwt.decode(token, options={"verify_signature": False})
        else:
            key = jwt.PyJWK(header["jwk"]).key if "jwk" in header else forge.key(str(header["kid"]))
            jwt.decode(token, key, algorithms=[header["alg"]], options={"verify_aud": False, "verify_exp": False})
    except (jwt.PyJWTError, KeyError, TypeError, UnicodeError, ValueError):
        return False
    return True


def test_the_good_token_that_the_hostile_ones_differ_from_is_let_in(attacked: Attacked) -> None:
    assert send(attacked, attacked.forge.good).status_code == 200
    assert send(attacked, attacked.forge.token()).status_code == 200, "the forge writes as the server does"


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 60


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_token_is_refused_like_every_other(attacked: Attacked, name: str) -> None:
    answer = send(attacked, HOSTILE[name](attacked.forge))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="gluonserve", error="invalid_token"'
    assert json.loads(answer.text) == {
        "type": "/docs/errors#invalid_token",
        "title": "No valid credential",
        "status": 401,
        "detail": "The token is not valid.",
        "error": "invalid_token",
        "request_id": "r1",
    }


def test_after_all_of_them_the_good_token_is_let_in_still(attacked: Attacked) -> None:
    for make in HOSTILE.values():
        send(attacked, make(attacked.forge))

    assert send(attacked, attacked.forge.good).status_code == 200


def test_the_list_finds_what_a_verifier_by_default_lets_in(attacked: Attacked) -> None:
    let_in = {name for name, make in HOSTILE.items() if is_let_in_by_default(attacked.forge, make(attacked.forge))}

    assert let_in >= IN_BY_DEFAULT


def test_the_list_finds_what_a_verifier_that_believes_tokens_lets_in(attacked: Attacked) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
        let_in = {
            name
            for name, make in HOSTILE.items()
            if is_let_in_by_believing_the_token(attacked.forge, make(attacked.forge))
        }

    assert {"signature: alg 'none'", "header: signed with its own jwk", "signature: right key, HS512"} <= let_in
