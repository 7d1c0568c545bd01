"""What rules of alerts have done, and what keeps that from making things worse."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from app.database import create_tables, opened_database
from app.errors import Conflict, NotFound
from app.release.store import ReleaseStore
from app.release.verification import read_schema
from app.runtime.switching.rejections import REJECTED
from app.security.audit import AuditLog
from app.serving.rollout.activation import Activator
from app.serving.rollout.candidates import Candidates
from app.serving.rollout.reactions import AutomaticRollback, reject_feature, withdraw_candidate
from app.serving.rollout.rejections import FeatureRejections
from app.serving.rollout.rules import ModeRules, RolloutRules
from tests.manifests import TRUST, copy_version

RULES = RolloutRules(act=False, modes={"canary": ModeRules(), "shadow": ModeRules()})


@pytest.fixture
def store(plan_store: ReleaseStore) -> ReleaseStore:
    """Version 1 is active, 2 and 3 are like it."""
    copy_version(plan_store, "1", "2", "3")
    return ReleaseStore(plan_store.path, trust=TRUST)


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[AuditLog]:
    with opened_database(f"sqlite:///{tmp_path}/audit.db") as database:
        create_tables(database)
        yield AuditLog(database)


class Clock:
    now = datetime.now(timezone.utc)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rollback(store: ReleaseStore, audit: AuditLog, clock: Clock) -> AutomaticRollback:
    return AutomaticRollback(store, Activator(store, audit=audit), audit=audit, clock=clock)


def roll_back(rollback: AutomaticRollback, version: str | None = None) -> str:
    return rollback.roll_back(rule="error_share", version=version, reason="error_share is 5 %")


def point_at(store: ReleaseStore, *versions: str) -> None:
    for version in versions:
        store.point_at(version, by="cli:me")


def list_acts(audit: AuditLog) -> list[tuple[Any, ...]]:
    return [(one.actor, one.action, one.before, one.after, one.outcome) for one in reversed(audit.list())]


def name_active(store: ReleaseStore) -> str:
    pointer = store.active()
    assert pointer is not None
    return pointer.version


def test_the_previous_version_is_active_again_and_the_audit_table_says_by_what(
    store: ReleaseStore, audit: AuditLog, rollback: AutomaticRollback
) -> None:
    point_at(store, "2")

    assert roll_back(rollback, "2") == "version 1 is active again, in place of 2."
    assert name_active(store) == "1"
    assert list_acts(audit) == [("alert:error_share", "rollback", "2", "1", "done")]


def test_without_a_previous_version_nothing_is_done_and_that_is_audited(
    store: ReleaseStore, audit: AuditLog, rollback: AutomaticRollback
) -> None:
    with pytest.raises(Conflict, match="There is no previous version to go back to"):
        roll_back(rollback)

    assert name_active(store) == "1"
    assert list_acts(audit) == [("alert:error_share", "rollback", "1", None, "failed")]


def test_a_version_that_is_not_active_any_more_is_not_rolled_back(
    store: ReleaseStore, rollback: AutomaticRollback
) -> None:
    point_at(store, "2", "3")

    with pytest.raises(Conflict, match="Version 2 is not active any more"):
        roll_back(rollback, "2")
    assert name_active(store) == "3"


def test_it_never_goes_back_to_a_version_that_was_left_this_way(
    store: ReleaseStore, rollback: AutomaticRollback, clock: Clock
) -> None:
    point_at(store, "2")
    roll_back(rollback)
    clock.now += timedelta(days=30)

    with pytest.raises(Conflict, match="Version 2 was left by a rule of alerts itself"):
        roll_back(rollback)
    assert name_active(store) == "1"


def test_there_is_one_within_an_hour_whoever_watches(
    store: ReleaseStore, audit: AuditLog, rollback: AutomaticRollback, clock: Clock
) -> None:
    point_at(store, "2")
    roll_back(rollback)
    point_at(store, "3")
    another = AutomaticRollback(store, Activator(store, audit=audit), audit=audit, clock=clock)
    for moment in (clock.now + timedelta(minutes=59), clock.now - timedelta(days=400)):
        clock.now = moment
        with pytest.raises(Conflict, match="within the last hour"):
            roll_back(another)

    clock.now = datetime.now(timezone.utc) + timedelta(minutes=61)
    assert roll_back(another) == "version 1 is active again, in place of 3."


def test_a_version_that_was_activated_meanwhile_stays(store: ReleaseStore, audit: AuditLog) -> None:
    point_at(store, "2")

    with pytest.raises(Conflict, match="Version 2 has become the active one meanwhile"):
        Activator(store, audit=audit).rollback(by="alert:x", expected="1")
    assert name_active(store) == "2"


def test_a_trial_ends_if_it_is_the_one_that_was_meant(store: ReleaseStore, audit: AuditLog) -> None:
    candidates = Candidates(store, activator=Activator(store, audit=audit), audit=audit, rules=RULES)
    candidates.begin_canary("2", share=0.1, routed_by="key", by="cli:me")

    with pytest.raises(NotFound, match="Version 3 is not on trial"):
        withdraw_candidate(candidates, rule="drift", version="3", reason="drift")
    assert withdraw_candidate(candidates, rule="drift", version="2", reason="drift") == (
        "the trial of version 2 has ended."
    )
    assert list_acts(audit)[-1] == ("alert:drift", "withdraw", "2", None, "done")
    with pytest.raises(NotFound):
        withdraw_candidate(candidates, rule="drift", version=None, reason="drift")


def test_a_feature_is_rejected_and_accepted_again(store: ReleaseStore, audit: AuditLog) -> None:
    rejections = FeatureRejections(store, audit=audit)
    feature = name_feature(store)

    told = reject_feature(rejections, rule="drift", version="2", feature=feature, reason="psi is 0.4")
    reject_feature(rejections, rule="drift", version="2", feature=feature, reason="psi is 0.5")

    assert told.startswith(f"values of {feature} that training never saw are refused by version 2 until")
    (one,) = rejections.list()
    assert (one.version, one.feature, one.by, one.reason) == ("2", feature, "alert:drift", "psi is 0.5")
    rejections.accept(feature, by="cli:me")
    assert rejections.list() == ()
    assert list_acts(audit) == [
        ("alert:drift", "reject_feature", None, "2", "done"),
        ("alert:drift", "reject_feature", None, "2", "done"),
        ("cli:me", "accept_feature", "2", None, "done"),
    ]


def test_what_there_is_not_cannot_be_rejected(store: ReleaseStore, audit: AuditLog) -> None:
    rejections = FeatureRejections(store, audit=audit)

    with pytest.raises(NotFound, match="Version 1 has no feature 'nothing'"):
        rejections.reject("nothing", by="cli:me")
    with pytest.raises(NotFound, match="There is no version '9'"):
        rejections.reject(name_feature(store), version="9", by="cli:me")
    with pytest.raises(NotFound, match="Unseen values of 'nothing' are not refused"):
        rejections.accept("nothing", by="cli:me")
    with pytest.raises(Conflict, match="not that of a feature"):
        reject_feature(rejections, rule="drift", version=None, feature=None, reason="")


def test_a_damaged_file_is_begun_anew_by_an_operator(store: ReleaseStore, audit: AuditLog) -> None:
    rejections = FeatureRejections(store, audit=audit)
    (store.path / REJECTED).write_bytes(b"{")

    with pytest.raises(Conflict, match="gluonserve features accept --all"):
        rejections.list()
    rejections.accept_all(by="cli:me")
    assert rejections.list() == ()


def name_feature(store: ReleaseStore) -> str:
    return read_schema(store.directory("1")).features[0].name
