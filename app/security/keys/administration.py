"""What operators do with keys, by HTTP and from the command line alike: each act is kept in the audit table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.security.audit import AuditLog
from app.security.keys.store import ApiKey, KeyStore, NewKey
from app.security.permissions import permissions_of_roles


@dataclass(frozen=True, kw_only=True)
class KeyOrder:
    """A key as it is asked for, not checked yet: at least one role or permission makes it usable."""

    owner: str
    roles: Iterable[str] = ()
    permissions: Iterable[str] = ()
    expires_in: timedelta | None = None
    requests_per_minute: int | None = None
    rows_per_minute: int | None = None
    networks: Iterable[str] = ()


@dataclass(frozen=True)
class Rotation:
    """A key and the one made in its place."""

    old: ApiKey
    new: NewKey


class KeyAdministration:
    """Makes, lists and ends keys. `by` names who asks: `key:<id>` or `cli:<user>`.

    Every method raises KeysUnavailable when the database does not answer.
    """

    def __init__(self, store: KeyStore, *, audit: AuditLog) -> None:
        self._store = store
        self._audit = audit

    def list(self) -> tuple[ApiKey, ...]:
        """Return all keys, revoked and expired ones too, oldest first."""
        return self._store.list()

    def create(self, order: KeyOrder, *, by: str) -> NewKey:
        """Make a key; its text can be read in the answer and nowhere else.

        Raises:
            BadRequest: for what of the order is unusable.
        """
        new = self._store.create(
            order.owner,
            permissions_of_roles(order.roles) | frozenset(order.permissions),
            order.expires_in,
            requests_per_minute=order.requests_per_minute,
            rows_per_minute=order.rows_per_minute,
            networks=order.networks,
        )
        granted = ", ".join(sorted(new.record.permissions))
        self._note("create_key", new.record.id, by=by, after=granted, detail=json.dumps(self.describe(new.record)))
        return new

    def revoke(self, id: str, *, by: str) -> ApiKey:
        """End a key for good, in every worker within a second; a key revoked before keeps its time.

        Raises:
            NotFound: when there is no such key.
        """
        before = self._store.require(id).state_at(self._store.now())
        revoked = self._store.revoke(id)
        self._note("revoke_key", id, by=by, before=before, after="revoked")
        return revoked

    def rotate(self, id: str, *, overlap: timedelta, by: str) -> Rotation:
        """Make a key with the same terms and lifetime; the old one ends after the overlap.

        Raises:
            BadRequest: for an impossible overlap.
            NotFound: when there is no such key.
            Conflict: when the key is not active, or was rotated before.
        """
        old, new = self._store.rotate(id, overlap)
        ends = f"{old.id} ends {_write_time(old.expires_at)}"
        self._note("rotate_key", id, by=by, before=id, after=new.record.id, detail=ends)
        return Rotation(old, new)

    def describe(self, key: ApiKey) -> dict[str, Any]:
        """Return all that is known of a key, as JSON has it."""
        return {
            "id": key.id,
            "owner": key.owner,
            "permissions": sorted(key.permissions),
            "state": key.state_at(self._store.now()),
            "created_at": _write_time(key.created_at),
            "expires_at": _write_time(key.expires_at),
            "revoked_at": _write_time(key.revoked_at),
            "last_used_at": _write_time(key.last_used_at),
            "replaced_by": key.replaced_by,
            "requests_per_minute": key.requests_per_minute,
            "rows_per_minute": key.rows_per_minute,
            "networks": [str(network) for network in key.networks],
        }

    def _note(
        self,
        action: str,
        id: str,
        *,
        by: str,
        before: str | None = None,
        after: str | None = None,
        detail: str | None = None,
    ) -> None:
        self._audit.record(
            actor=by, action=action, target=f"key:{id}", before=before, after=after, outcome="done", detail=detail
        )


def _write_time(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
