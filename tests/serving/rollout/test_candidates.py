"""Trials from beginning to end, with real releases in a real store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from app.errors import BadRequest, Conflict, NotFound, ReleaseRefused
from app.release.candidate import CANDIDATE, CandidatePointer, read_candidate, write_candidate
from app.release.store import ReleaseStore
from app.serving.rollout.activation import Activator
from app.serving.rollout.candidates import Candidates
from app.serving.rollout.comparison.ledger import Ledger
from app.serving.rollout.rules import ModeRules, RolloutRules, Verdict, WithdrawalRule

NOW = datetime(2026, 11, 23, 4, 19, 3, tzinfo=timezone.utc)
RULES = ModeRules(withdraw=(WithdrawalRule(figure="error_share", above=0.01, least_requests=2),))


@dataclass
class AuditRows:
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    details: list[str | None] = field(default_factory=list)

    def record(self, **act: Any) -> None:
        self.rows.append((act["actor"], act["action"], act.get("before"), act.get("after"), act["outcome"]))
        self.details.append(act.get("detail"))


@pytest.fixture
def audit() -> AuditRows:
    return AuditRows()


@pytest.fixture
def candidates(pair_store: ReleaseStore, audit: AuditRows) -> Candidates:
    return Candidates(
        pair_store,
        activator=Activator(pair_store, audit=audit),
        audit=audit,
        rules=RolloutRules(act=False, modes={"canary": RULES, "shadow": RULES}),
        clock=lambda: NOW,
    )


def put_on_trial(store: ReleaseStore) -> CandidatePointer:
    """As `begin` does, without the seconds of the trial process."""
    pointer = CandidatePointer(
        version="2",
        mode="canary",
        share=0.05,
        by="key",
        since="2026-11-23T04:19:03.000Z",
        who="cli:ada",
        trial="t1",
    )
    write_candidate(store.path, pointer)
    return pointer


def begin(candidates: Candidates, version: str = "2", **changes: Any) -> Any:
    return candidates.begin_canary(version, **{"share": 0.05, "routed_by": "key", "by": "cli:ada", **changes})


def test_a_trial_is_written_down_audited_and_begun_anew_for_another_share(
    candidates: Candidates, pair_store: ReleaseStore, audit: AuditRows
) -> None:
    first = begin(candidates)
    assert read_candidate(pair_store.path) == first
    assert (first.version, first.mode, first.share, first.by, first.who) == ("2", "canary", 0.05, "key", "cli:ada")
    assert first.since == "2026-11-23T04:19:03.000Z"
    second = begin(candidates, share=0.2, routed_by="X-Customer")
    assert second == replace(first, share=0.2, by="X-Customer", trial=second.trial)
    assert second.trial != first.trial
    assert audit.rows == [("cli:ada", "canary", None, "2", "done")] * 2


@pytest.mark.parametrize(
    ("changes", "fault", "code"),
    [
        ({"version": "7"}, NotFound, "version_not_found"),
        ({"version": "1"}, Conflict, "already_active"),
        ({"share": 0.0}, BadRequest, "invalid_share"),
        ({"share": 1.01}, BadRequest, "invalid_share"),
        ({"routed_by": "X Customer"}, BadRequest, "invalid_routing"),
    ],
)
def test_what_cannot_be_tried_is_refused_and_nothing_is_on_trial(
    candidates: Candidates, changes: dict[str, Any], fault: type[Exception], code: str
) -> None:
    with pytest.raises(fault) as refused:
        begin(candidates, **changes)
    assert getattr(refused.value, "code", None) == code
    assert candidates.find() is None


def test_a_damaged_version_is_refused_before_it_is_on_trial(
    candidates: Candidates, pair_store: ReleaseStore, audit: AuditRows
) -> None:
    (pair_store.directory("2") / "golden.json").write_text("[]")
    with pytest.raises(ReleaseRefused, match=r"golden\.json") as refused:
        begin(candidates)
    assert candidates.find() is None
    assert [row[1:] for row in audit.rows] == [("canary", None, "2", "failed")]
    assert audit.details == [refused.value.detail]


def test_without_an_active_version_there_is_nothing_to_compare_with(
    candidates: Candidates, pair_store: ReleaseStore
) -> None:
    (pair_store.path / "ACTIVE").unlink()
    with pytest.raises(Conflict) as refused:
        begin(candidates)
    assert refused.value.code == "nothing_active"


def test_there_is_one_candidate_at_a_time(candidates: Candidates, pair_store: ReleaseStore) -> None:
    put_on_trial(pair_store)
    (pair_store.path / "3").mkdir()
    with pytest.raises(Conflict) as refused:
        begin(candidates, "3")
    assert (refused.value.code, refused.value.detail) == (
        "candidate_on_trial",
        "Version 2 is on trial; promote it or withdraw it first.",
    )


def test_a_withdrawn_candidate_is_gone_and_its_figures_are_in_the_audit_table(
    pair_store: ReleaseStore, candidates: Candidates, audit: AuditRows
) -> None:
    begun = put_on_trial(pair_store)
    ledger = Ledger(pair_store.path, begun.trial)
    with ledger.lock:
        ledger.counts_against("1").candidate.add_error()
    ledger.write()
    assert candidates.withdraw(by="cli:ada", reason="it is late") == begun
    assert candidates.find() is None
    assert audit.rows[-1] == ("cli:ada", "withdraw", "2", None, "done")
    assert audit.details[-1] == "it is late; 1 requests, 1 errors, error_share 1"
    with pytest.raises(NotFound) as refused:
        candidates.withdraw(by="cli:ada")
    assert refused.value.code == "no_candidate"
    assert not (pair_store.path / CANDIDATE).exists()


def test_only_the_trial_that_is_meant_is_ended(candidates: Candidates, pair_store: ReleaseStore) -> None:
    put_on_trial(pair_store)
    for act in (candidates.withdraw, candidates.promote):
        with pytest.raises(NotFound):
            act(by="rules", trial="another")
    assert candidates.find() is not None


def test_a_damaged_candidate_can_be_removed(candidates: Candidates, pair_store: ReleaseStore) -> None:
    (pair_store.path / CANDIDATE).write_text("{")
    with pytest.raises(Conflict, match="gluonserve models withdraw"):
        candidates.find()
    assert candidates.withdraw(by="cli:ada") is None
    assert candidates.find() is None


def test_a_promoted_candidate_is_the_active_version_and_on_trial_no_more(
    candidates: Candidates, pair_store: ReleaseStore, audit: AuditRows
) -> None:
    put_on_trial(pair_store)
    activation = candidates.promote(by="cli:ada")
    assert (activation.version, activation.previous) == ("2", "1")
    assert candidates.find() is None
    pointer = pair_store.active()
    assert pointer is not None
    assert pointer.version == "2"
    assert [row[1] for row in audit.rows] == ["activate", "activate", "promote"]


def test_a_candidate_that_is_activated_otherwise_is_on_trial_no_more_after_a_rollback_either(
    candidates: Candidates, pair_store: ReleaseStore, audit: AuditRows
) -> None:
    put_on_trial(pair_store)
    activator = Activator(pair_store, audit=audit)
    activator.activate("2", by="cli:ada")
    assert candidates.find() is None
    activator.rollback(by="cli:ada")
    assert candidates.find() is None


def test_a_candidate_that_cannot_be_activated_stays_on_trial(candidates: Candidates, pair_store: ReleaseStore) -> None:
    put_on_trial(pair_store)
    (pair_store.directory("2") / "golden.json").write_text("[]")
    with pytest.raises(ReleaseRefused):
        candidates.promote(by="cli:ada")
    assert candidates.require().active == "1"


def test_a_record_joins_the_counts_and_says_what_the_rules_ask_for(
    candidates: Candidates, pair_store: ReleaseStore
) -> None:
    begun = put_on_trial(pair_store)
    ledger = Ledger(pair_store.path, begun.trial)
    with ledger.lock:
        for _ in range(2):
            ledger.counts_against("1").candidate.add_error()
    ledger.write()
    record = candidates.require()
    assert (record.active, record.hours, record.comparison.candidate.errors) == ("1", 0.0, 2)
    assert record.verdict == Verdict("withdraw", "error_share is 1 (0.3424 to 1), above 0.01, in 2 requests")


def test_what_an_earlier_trial_counted_is_removed(
    candidates: Candidates, pair_store: ReleaseStore, make_later: Callable[[timedelta], Candidates]
) -> None:
    begun = put_on_trial(pair_store)
    ledger = Ledger(pair_store.path, begun.trial)
    with ledger.lock:
        ledger.counts_against("1").candidate.add_error()
    ledger.write()
    begin(candidates, share=0.5)
    record = make_later(timedelta(hours=2)).require()
    assert (record.hours, record.comparison.candidate.requests) == (2.0, 0)
    assert list((pair_store.path / ".rollout").glob("trial-*")) == []


@pytest.fixture
def make_later(pair_store: ReleaseStore, audit: AuditRows) -> Callable[[timedelta], Candidates]:
    return lambda delay: Candidates(
        pair_store,
        activator=Activator(pair_store, audit=audit),
        audit=audit,
        rules=RolloutRules(act=False, modes={"canary": RULES, "shadow": RULES}),
        clock=lambda: NOW + delay,
    )
