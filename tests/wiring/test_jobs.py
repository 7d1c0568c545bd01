"""Whose jobs are not done any more."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

from app.database import create_tables, opened_database
from app.security.keys.store import KeyStore
from app.wiring.jobs import is_revoked


def test_a_key_that_was_revoked_is_told_from_one_that_only_ended(tmp_path: Path) -> None:
    moment = datetime(2026, 11, 30, tzinfo=timezone.utc)
    with opened_database(f"sqlite:///{tmp_path}/keys.db") as database:
        create_tables(database)
        keys = KeyStore(database, "p" * 32, clock=lambda: moment)
        active, revoked, rotated = (keys.create("tests", ["jobs"]).record.id for _ in range(3))
        expired = keys.create("tests", ["jobs"], timedelta(days=1)).record.id
        keys.revoke(revoked)
        keys.rotate(rotated, timedelta(0))
        moment += timedelta(days=2)
        found = {id: is_revoked(keys, id) for id in (active, revoked, rotated, expired, "unknown0")}
    assert found == {active: False, revoked: True, rotated: False, expired: False, "unknown0": True}
