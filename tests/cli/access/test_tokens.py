"""`gluonserve tokens` as an operator uses it."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from app.cli.access.tokens import tokens
from app.wiring.opened import opened_audit, opened_tokens
from config.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"GLUONSERVE_HOME": str(tmp_path / "home")})


def run(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(tokens, arguments, obj=settings)


def list_ids(settings: Settings) -> list[str]:
    return [key["id"] for key in orjson.loads(run(settings, "signing-keys", "--json").output)]


def list_acts(settings: Settings) -> list[tuple[str, str, str | None]]:
    with opened_audit(settings) as log:
        return [(entry.action, entry.target, entry.detail) for entry in log.list()]


def test_before_the_first_token_there_is_nothing_to_list(settings: Settings) -> None:
    assert run(settings, "signing-keys").output.startswith("No token was made yet.")


def test_rotate_names_the_new_key_and_keeps_the_old_one(settings: Settings) -> None:
    first = run(settings, "rotate")
    second = run(settings, "rotate")

    newest, *older = list_ids(settings)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert second.output == (
        f"Tokens are signed with the key {newest} from now on. Tokens made before end at their own time.\n"
    )
    assert older
    assert run(settings, "signing-keys").output.splitlines()[1].startswith(newest)


def test_rotate_ends_all_tokens_when_asked_to(settings: Settings) -> None:
    run(settings, "rotate")
    result = run(settings, "rotate", "--end-tokens")

    (only,) = list_ids(settings)
    assert result.output == (
        f"Tokens are signed with the key {only} from now on. No token made before is accepted any more.\n"
    )
    assert list_acts(settings)[0] == ("rotate_token_key", "tokens", "all tokens ended")


def test_revoke_takes_the_id_of_a_token(settings: Settings) -> None:
    result = run(settings, "revoke", "A" * 22)

    assert (result.exit_code, result.output) == (0, f"The token {'A' * 22} is revoked.\n")
    assert list_acts(settings) == [("revoke_token", f"token {'A' * 22}", None)]


@pytest.mark.parametrize("text", ["", "A" * 21, "eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "gsk_aaaaaaaa"])
def test_revoke_refuses_what_is_no_id(settings: Settings, text: str) -> None:
    result = run(settings, "revoke", "--", text)

    assert result.exit_code == 2
    assert "22 letters" in result.output
    with opened_tokens(settings) as issuer:
        assert issuer.list_signing_keys() == ()
