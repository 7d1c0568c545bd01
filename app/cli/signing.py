"""`gluonserve keys signing` and `gluonserve models sign`: who vouches for releases."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli.output import print_json
from app.release.keyring import make_key_pair
from app.release.signing import PublicKey, SigningKeyUnusable
from app.wiring.store.opening import open_store, read_trust
from config.settings import Settings

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command("signing", epilog="Example: gluonserve keys signing")
@_as_json
@click.pass_obj
def make_signing_key(settings: Settings, as_json: bool) -> None:
    """Make the key that releases are signed with, and print its public half.

    A key that is there already is not overwritten. To replace one, move its file away first: what it has signed is
    opened as long as its public key is trusted.
    """
    trust = read_trust(settings)
    try:
        key = make_key_pair(settings.signing_key, trust).public_key
        trusted = [*trust.list_keys(), *([] if trust.key_file else [key])]
    except SigningKeyUnusable as fault:
        raise click.ClickException(str(fault)) from None
    if as_json:
        print_json(
            {
                "id": key.id,
                "public_key": key.text,
                "signing_key": str(settings.signing_key),
                "trusted_in": trust.key_file and str(trust.key_file),
            }
        )
    else:
        _introduce(key, settings.signing_key)
        _say_where_it_is_trusted(trust.key_file, ",".join(key.text for key in trusted))


@click.command(epilog="Example: gluonserve models sign 3")
@click.argument("version")
@click.pass_obj
def sign(settings: Settings, version: str) -> None:
    """Sign a version that is not signed yet, or sign it anew after the key was replaced.

    Its files are compared with its manifest first. They hold Python pickles, which run code when they are opened: sign
    only what you published yourself. A version that an unknown key has signed is refused.
    """
    store = open_store(settings, to_publish=True)
    manifest = store.sign(version)
    click.echo(f"{manifest.name} version {manifest.version} is signed.")


def _introduce(key: PublicKey, signing_key: Path) -> None:
    click.echo(f"Public key  {key.text}")
    click.echo(f"Id          {key.id}")
    click.echo(f"\nReleases published here are signed with {signing_key} from now on. Keep that file to yourself.")


def _say_where_it_is_trusted(key_file: Path | None, trusted: str) -> None:
    where = "here and on every other machine"
    if key_file:
        click.echo(f"They are opened here: the public key was added to {key_file}.")
        where = "on every other machine"
    click.echo(f"To have them opened {where}, set GLUONSERVE_TRUSTED_KEYS={trusted}")
