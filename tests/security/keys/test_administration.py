"""What operators do with keys, and what the audit table keeps of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.errors import BadRequest, NotFound
from app.security.audit import AuditEntry, AuditLog
from app.security.keys.administration import KeyAdministration, KeyOrder
from app.security.keys.store import KeyStore
from app.security.permissions import PERMISSIONS, ROLES
from tests.security.builders import PEPPER, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def audit(engine: Engine, clock: Clock) -> AuditLog:
    return AuditLog(engine, clock=clock.utc)


@pytest.fixture
def administration(engine: Engine, clock: Clock, audit: AuditLog) -> KeyAdministration:
    return KeyAdministration(KeyStore(engine, PEPPER, clock=clock.utc), audit=audit)


def test_each_act_is_kept_with_who_did_it_and_what_changed(
    administration: KeyAdministration, audit: AuditLog, clock: Clock
) -> None:
    order = KeyOrder(owner="billing", roles=["web-backend"], permissions=["jobs"], networks=["10.0.0.0/8"])
    first = administration.create(order, by="cli:ann")
    second = administration.rotate(first.record.id, overlap=timedelta(hours=2), by="key:aaaaaaaa").new
    administration.revoke(first.record.id, by="cli:bob")

    described = administration.describe(first.record)
    at, target = clock.utc(), f"key:{first.record.id}"
    assert audit.list() == (
        AuditEntry(
            at=at, actor="cli:bob", action="revoke_key", target=target, before="active", after="revoked", outcome="done"
        ),
        AuditEntry(
            at=at,
            actor="key:aaaaaaaa",
            action="rotate_key",
            target=target,
            before=first.record.id,
            after=second.record.id,
            outcome="done",
            detail=f"{first.record.id} ends 2026-01-01T02:16:40Z",
        ),
        AuditEntry(
            at=at,
            actor="cli:ann",
            action="create_key",
            target=target,
            after="feedback, jobs, predict",
            outcome="done",
            detail=json.dumps(described),
        ),
    )


def test_the_audit_table_holds_no_secret(administration: KeyAdministration, audit: AuditLog) -> None:
    first = administration.create(KeyOrder(owner="billing", roles=["operator"]), by="cli:ann")
    second = administration.rotate(first.record.id, overlap=timedelta(0), by="cli:ann").new
    kept = repr(audit.list())
    assert first.record.id in kept
    assert not any(new.text[13:45] in kept for new in (first, second))


@pytest.mark.parametrize(
    "act",
    [
        lambda keys: keys.create(KeyOrder(owner="billing"), by="cli:ann"),
        lambda keys: keys.create(KeyOrder(owner="billing", roles=["root"]), by="cli:ann"),
        lambda keys: keys.create(KeyOrder(owner="billing", permissions=["root"]), by="cli:ann"),
        lambda keys: keys.create(KeyOrder(owner="", roles=["scorer"]), by="cli:ann"),
        lambda keys: keys.create(KeyOrder(owner="o", roles=["scorer"], rows_per_minute=0), by="cli:ann"),
        lambda keys: keys.create(KeyOrder(owner="o", roles=["scorer"], requests_per_minute=10**10), by="cli:ann"),
        lambda keys: keys.create(KeyOrder(owner="o", roles=["scorer"], networks=["here"]), by="cli:ann"),
        lambda keys: keys.revoke("zzzzzzzz", by="cli:ann"),
        lambda keys: keys.rotate("zzzzzzzz", overlap=timedelta(0), by="cli:ann"),
    ],
)
def test_a_refused_act_leaves_nothing(
    administration: KeyAdministration, audit: AuditLog, act: Callable[[KeyAdministration], object]
) -> None:
    with pytest.raises((BadRequest, NotFound)):
        act(administration)
    assert (administration.list(), audit.list()) == ((), ())


@pytest.mark.parametrize("role", ROLES)
def test_a_role_gives_the_permissions_that_it_stands_for(administration: KeyAdministration, role: str) -> None:
    key = administration.create(KeyOrder(owner="o", roles=[role]), by="cli:ann").record
    assert key.permissions == ROLES[role] != frozenset()
    assert key.permissions <= PERMISSIONS.keys()


def test_what_is_described_of_a_key(administration: KeyAdministration) -> None:
    key = administration.create(
        KeyOrder(
            owner="billing",
            roles=["scorer"],
            expires_in=timedelta(days=1),
            requests_per_minute=1,
            rows_per_minute=2,
            networks=["10.0.0.0/8", "::1"],
        ),
        by="cli:ann",
    ).record
    assert administration.describe(key) == {
        "id": key.id,
        "owner": "billing",
        "permissions": ["jobs"],
        "state": "active",
        "created_at": "2026-01-01T00:16:40Z",
        "expires_at": "2026-01-02T00:16:40Z",
        "revoked_at": None,
        "last_used_at": None,
        "replaced_by": None,
        "requests_per_minute": 1,
        "rows_per_minute": 2,
        "networks": ["10.0.0.0/8", "::1/128"],
    }


def read_files(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.iterdir())


def test_no_file_of_the_database_holds_a_secret_after_all_that_can_be_done(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    log = AuditLog(sqlite_engine)
    keys = KeyAdministration(KeyStore(sqlite_engine, PEPPER), audit=log)
    with sqlite_engine.connect():  # An open connection keeps the write-ahead log on disk.
        first = keys.create(KeyOrder(owner="billing", roles=["operator"]), by="cli:ann")
        second = keys.rotate(first.record.id, overlap=timedelta(hours=1), by="cli:ann").new
        keys.revoke(second.record.id, by="cli:ann")
        content = read_files(tmp_path)
        for new in (first, second):
            assert new.record.id.encode() in content
            assert new.text[13:45].encode() not in content
            assert new.text[45:].encode() not in content
        # The search finds what it looks for: a careless entry in the audit table.
        log.record(actor="cli:ann", action="create_key", target=f"key {first.text}", outcome="done")
        assert first.text[13:45].encode() in read_files(tmp_path)
