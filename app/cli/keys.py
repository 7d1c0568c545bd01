"""`gluonserve keys`: who may call the service."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import click

from app.cli.output import print_json, print_table
from app.database import DatabaseError, create_tables, opened_database
from app.errors import BadRequest, ServiceError
from app.security.keys.store import ApiKey, KeyStore, NewKey
from app.security.permissions import PERMISSIONS, permits
from config.settings import Settings, require_secret

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_meanings = "; ".join(f"{name}: {meaning}" for name, meaning in PERMISSIONS.items())


@click.group(epilog="Example: gluonserve keys create --owner billing --permission predict")
def keys() -> None:
    """Create, list and revoke API keys; make the key that releases are signed with."""


@keys.command(epilog="Example: gluonserve keys create --owner billing --permission predict --permission model_info")
@click.option("--owner", required=True, help="Who uses the key: a person, a team or a system.")
@click.option(
    "--permission",
    "permissions",
    type=click.Choice(list(PERMISSIONS)),
    multiple=True,
    required=True,
    help=f"What the key may do; give it once per permission. {_meanings}.",
)
@click.option(
    "--expires-days", type=click.IntRange(1, 36_500), help="Days until the key ends by itself; never by default."
)
@click.option("--quiet", is_flag=True, help="Print the key and nothing else.")
@_as_json
@click.pass_obj
def create(
    settings: Settings,
    owner: str,
    permissions: tuple[str, ...],
    expires_days: int | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Create a key. It is shown once: only a hash of it is kept."""
    if quiet and as_json:
        raise click.UsageError("--quiet and --json exclude each other.")
    lifetime = None if expires_days is None else timedelta(days=expires_days)
    with _open_key_store(settings) as store:
        new = store.create(owner, permissions, lifetime)
    if quiet:
        click.echo(new.text)
    elif as_json:
        print_json({"key": new.text, **_describe(new.record)})
    else:
        _introduce(new, settings.bind)


@keys.command("list", epilog="Example: gluonserve keys list --json")
@_as_json
@click.pass_obj
def list_keys(settings: Settings, as_json: bool) -> None:
    """List all keys, oldest first, without their secrets."""
    with _open_key_store(settings) as store:
        rows = [{**_describe(record), "state": record.state_at(store.now())} for record in store.list()]
    if as_json:
        print_json(rows)
    elif rows:
        columns = ["id", "owner", "permissions", "state", "created_at", "expires_at"]
        print_table(columns, [[_to_text(row[column]) for column in columns] for row in rows])
    else:
        click.echo("There is no API key yet. Create one with: gluonserve keys create --owner NAME --permission predict")


@keys.command(epilog="Example: gluonserve keys revoke 3f9k2a7q")
@click.argument("id")
@click.pass_obj
def revoke(settings: Settings, id: str) -> None:
    """Revoke the key with this id for good; all servers refuse it within a second."""
    with _open_key_store(settings) as store:
        record = store.revoke(id)
    click.echo(f"API key {record.id} of {record.owner} is revoked.")


@contextmanager
def _open_key_store(settings: Settings) -> Iterator[KeyStore]:
    secret = require_secret(settings)
    try:
        with opened_database(settings.database_url) as engine:
            create_tables(engine)
            yield KeyStore(engine, secret)
    except BadRequest as fault:
        raise click.UsageError(fault.detail) from None
    except (DatabaseError, ServiceError) as fault:
        raise click.ClickException(str(fault)) from None


def _describe(record: ApiKey) -> dict[str, Any]:
    networks = [str(network) for network in record.networks]
    return {**vars(record), "permissions": sorted(record.permissions), "networks": networks}


def _introduce(new: NewKey, bind: str) -> None:
    click.echo(f"{new.text}\n")
    click.echo(f"Keep it now: it is shown only this once. Its id is {new.record.id}, its owner {new.record.owner}.")
    click.echo(f"Try it: {_example_call(new, bind)}")


def _example_call(new: NewKey, bind: str) -> str:
    address = "http://127.0.0.1:8000" if bind.startswith("unix:") else f"http://{bind}"
    call, granted = f"curl -H 'X-API-Key: {new.text}'", new.record.permissions
    if "predict" in granted:
        return f"""{call} -H 'Content-Type: application/json' -d '{{"data": [{{...}}]}}' {address}/predict"""
    return f"{call} {address}{_route_for(granted)}"


def _route_for(granted: Collection[str]) -> str:
    return "/model/info" if permits(granted, "model_info") else f"/{min(granted)}"


def _to_text(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return ", ".join(value) if isinstance(value, list) else str(value or "")
