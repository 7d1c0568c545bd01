from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from app.database import create_tables, opened_database
from app.errors import Unavailable
from app.security.audit import AuditEntry, AuditLog

NOW = datetime(2026, 11, 23, 4, 19, 3, tzinfo=timezone.utc)


def test_acts_are_listed_with_everything_that_was_told_newest_first(tmp_path: Path) -> None:
    moments = iter([NOW, NOW + timedelta(seconds=1), NOW + timedelta(seconds=2)])
    with opened_database(f"sqlite:///{tmp_path}/audit.db") as database:
        create_tables(database)
        audit = AuditLog(database, clock=lambda: next(moments))
        audit.record(actor="cli:ann", action="activate", target="model", after="2", outcome="started")
        audit.record(
            actor="cli:ann",
            action="activate",
            target="model",
            before="1",
            after="2",
            outcome="failed",
            detail="x" * 9000,
        )
        audit.record(actor="key:abc", action="revoke", target="key:def", outcome="done")
        listed = audit.list(most=2)
    assert listed == (
        AuditEntry(at=NOW + timedelta(seconds=2), actor="key:abc", action="revoke", target="key:def", outcome="done"),
        AuditEntry(
            at=NOW + timedelta(seconds=1),
            actor="cli:ann",
            action="activate",
            target="model",
            before="1",
            after="2",
            outcome="failed",
            detail="x" * 2000,
        ),
    )


def test_an_act_that_cannot_be_kept_is_logged_whole_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened_database(f"sqlite:///{tmp_path}/empty.db") as database:
        audit = AuditLog(database)
        audit.record(actor="key:abc", action="rollback", target="model", before="2", after="1", outcome="done")
        with pytest.raises(Unavailable):
            audit.list()
    assert audit.lost == 1
    assert "actor='key:abc', action='rollback', target='model', before='2', after='1'" in caplog.text
