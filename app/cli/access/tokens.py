"""`gluonserve tokens`: ending tokens before their time. They are made by HTTP, with an API key."""

from __future__ import annotations

from datetime import datetime

import click

from app.cli.activation import name_operator
from app.cli.output import print_json, print_table
from app.security.tokens.claims import is_token_id
from app.wiring.opened import opened_tokens
from config.settings import Settings


@click.group(epilog="Example: gluonserve tokens rotate")
def tokens() -> None:
    """Revoke tokens of POST /auth/token, and change the key that signs them."""


@tokens.command(epilog="Example: gluonserve tokens rotate --end-tokens")
@click.option("--end-tokens", is_flag=True, help="End all tokens now; their holders have to ask for new ones.")
@click.pass_obj
def rotate(settings: Settings, end_tokens: bool) -> None:
    """Sign tokens with a new key from now on. Those that were made before live as long as they would have."""
    with opened_tokens(settings) as issuer:
        new = issuer.rotate(end_tokens=end_tokens, by=name_operator())
    fate = "No token made before is accepted any more." if end_tokens else "Tokens made before end at their own time."
    click.echo(f"Tokens are signed with the key {new.id} from now on. {fate}")


@tokens.command("signing-keys", epilog="Example: gluonserve tokens signing-keys --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_signing_keys(settings: Settings, as_json: bool) -> None:
    """List the signing keys whose tokens are accepted, newest first. None of them is kept: only their ids are."""
    with opened_tokens(settings) as issuer:
        keys = issuer.list_signing_keys()
    if as_json:
        print_json([vars(key) for key in keys])
    elif keys:
        columns = ["id", "created_at", "ends_at"]
        print_table(columns, [[key.id, _to_text(key.created_at), _to_text(key.ends_at)] for key in keys])
    else:
        click.echo("No token was made yet. The first POST /auth/token makes a signing key.")


@tokens.command(epilog="Example: gluonserve tokens revoke 5Yb2mM1tQ0uWc9vXk3fLhA")
@click.argument("token_id")
@click.pass_obj
def revoke(settings: Settings, token_id: str) -> None:
    """Revoke the token with this id, whosever it is; all servers refuse it within a second."""
    if not is_token_id(token_id):
        raise click.UsageError("The id of a token has 22 letters, digits, - or _: the token_id of POST /auth/token.")
    with opened_tokens(settings) as issuer:
        issuer.revoke(token_id, key_id=None, by=name_operator())
    click.echo(f"The token {token_id} is revoked.")


def _to_text(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
