"""`gluonserve keys`: who may call the service."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import click

from app.cli.activation import name_operator
from app.cli.output import print_json, print_table
from app.cli.signing import make_signing_key
from app.errors import BadRequest, DatabaseError, ServiceError
from app.security.keys.administration import KeyAdministration, KeyOrder
from app.security.keys.networks import Network
from app.security.keys.store import MAX_OVERLAP, ApiKey, NewKey
from app.security.keys.terms import MAX_LIFETIME, MAX_PER_MINUTE
from app.security.permissions import PERMISSIONS, ROLES, permits
from app.wiring.opened import opened_keys
from config.settings import Settings

_MEANINGS = "; ".join(f"{name}: {meaning}" for name, meaning in PERMISSIONS.items())
_ROLE_MEANINGS = "; ".join(f"{name}: {', '.join(sorted(granted))}" for name, granted in ROLES.items())

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_quiet = click.option("--quiet", is_flag=True, help="Print the key and nothing else.")


def _limit_option(name: str, what: str) -> Callable[[Any], Any]:
    help = f"Most {what} in a minute; by default what the installation allows every key."
    return click.option(name, type=click.IntRange(1, MAX_PER_MINUTE), help=help)


@click.group(epilog="Example: gluonserve keys create --owner billing --role web-backend")
def keys() -> None:
    """Create, list, rotate and revoke API keys; make the key that releases are signed with."""


keys.add_command(make_signing_key)


@keys.command(epilog="Example: gluonserve keys create --owner billing --role web-backend --network 10.0.0.0/8")
@click.option("--owner", required=True, help="Who uses the key: a person, a team or a system.")
@click.option(
    "--role",
    "roles",
    type=click.Choice(list(ROLES)),
    multiple=True,
    help=f"A name for the permissions of a typical caller. {_ROLE_MEANINGS}.",
)
@click.option(
    "--permission",
    "permissions",
    type=click.Choice(list(PERMISSIONS)),
    multiple=True,
    help=f"What the key may do; give it once per permission. {_MEANINGS}.",
)
@click.option(
    "--expires-days",
    type=click.IntRange(1, MAX_LIFETIME.days),
    help="Days until the key ends by itself; never by default.",
)
@_limit_option("--requests-per-minute", "requests")
@_limit_option("--rows-per-minute", "rows of all requests together")
@click.option(
    "--network",
    "networks",
    multiple=True,
    metavar="CIDR",
    help="Where the key may be used from, such as 10.0.0.0/8 or 2001:db8::1; give it once per network. "
    "From anywhere by default.",
)
@_quiet
@_as_json
@click.pass_obj
def create(settings: Settings, /, expires_days: int | None, quiet: bool, as_json: bool, **terms: Any) -> None:
    """Create a key. It is shown once: only a hash of it is kept."""
    _check_output(quiet=quiet, as_json=as_json)
    if not terms["roles"] and not terms["permissions"]:
        raise click.UsageError("Say what the key may do: --role or --permission.")
    order = KeyOrder(expires_in=None if expires_days is None else timedelta(days=expires_days), **terms)
    with _keys_of(settings) as administration:
        new = administration.create(order, by=name_operator())
        described = {"key": new.text, **administration.describe(new.record)}
    if quiet:
        click.echo(new.text)
    elif as_json:
        print_json(described)
    else:
        _introduce(new, settings.bind)


@keys.command("list", epilog="Example: gluonserve keys list --json")
@_as_json
@click.pass_obj
def list_keys(settings: Settings, as_json: bool) -> None:
    """List all keys, oldest first, without their secrets."""
    with _keys_of(settings) as administration:
        listed = administration.list()
        described = [administration.describe(key) for key in listed]
    if as_json:
        print_json(described)
    elif described:
        _print_keys(listed, [str(row["state"]) for row in described])
    else:
        click.echo("There is no API key yet. Create one with: gluonserve keys create --owner NAME --permission predict")


@keys.command(epilog="Example: gluonserve keys revoke 3f9k2a7q")
@click.argument("id")
@click.pass_obj
def revoke(settings: Settings, id: str) -> None:
    """Revoke the key with this id for good; all servers refuse it within a second."""
    with _keys_of(settings) as administration:
        record = administration.revoke(id, by=name_operator())
    click.echo(f"API key {record.id} of {record.owner} is revoked.")


@keys.command(epilog="Example: gluonserve keys rotate 3f9k2a7q --overlap-hours 48")
@click.argument("id")
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, MAX_OVERLAP.days * 24),
    default=24,
    show_default=True,
    help="Hours for which the old key goes on, so that its holders have time to change.",
)
@_quiet
@_as_json
@click.pass_obj
def rotate(settings: Settings, id: str, overlap_hours: int, quiet: bool, as_json: bool) -> None:
    """Replace the key with this id by a new one with the same permissions, limits, networks and lifetime."""
    _check_output(quiet=quiet, as_json=as_json)
    with _keys_of(settings) as administration:
        rotation = administration.rotate(id, overlap=timedelta(hours=overlap_hours), by=name_operator())
        old, new = (administration.describe(key) for key in (rotation.old, rotation.new.record))
    if quiet:
        click.echo(rotation.new.text)
    elif as_json:
        print_json({"key": rotation.new.text, **new, "replaces": old})
    else:
        _introduce(rotation.new, settings.bind)
        click.echo(f"The key {rotation.old.id} that it replaces ends {_to_text(rotation.old.expires_at)}.")


@contextmanager
def _keys_of(settings: Settings) -> Iterator[KeyAdministration]:
    try:
        with opened_keys(settings) as administration:
            yield administration
    except BadRequest as fault:
        raise click.UsageError(fault.detail) from None
    except (DatabaseError, ServiceError) as fault:
        raise click.ClickException(str(fault)) from None


def _check_output(*, quiet: bool, as_json: bool) -> None:
    if quiet and as_json:
        raise click.UsageError("--quiet and --json exclude each other.")


def _print_keys(listed: Collection[ApiKey], states: Collection[str]) -> None:
    columns = ["id", "owner", "permissions", "state", "created", "expires", "last used", "a minute", "networks"]
    print_table(
        columns,
        [
            [
                key.id,
                key.owner,
                ", ".join(sorted(key.permissions)),
                state,
                *(_to_text(moment) for moment in (key.created_at, key.expires_at, key.last_used_at)),
                _describe_limits(key),
                _describe_networks(key.networks),
            ]
            for key, state in zip(listed, states, strict=True)
        ],
    )


def _describe_limits(key: ApiKey) -> str:
    limits = ((key.requests_per_minute, "requests"), (key.rows_per_minute, "rows"))
    return ", ".join(f"{limit} {what}" for limit, what in limits if limit is not None)


def _describe_networks(networks: Collection[Network]) -> str:
    return ", ".join(str(network) for network in networks)


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


def _to_text(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
