"""One worker's part in a trial, with real releases."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from app.release.candidate import read_candidate, write_candidate
from app.release.golden import read_golden_rows
from app.release.store import GOLDEN, ReleaseStore
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.slots import ReleaseSlots
from app.serving.prediction import PredictionService
from app.serving.rollout.activation import Activator
from app.serving.rollout.candidates import Candidates
from app.serving.rollout.comparison.ledger import read_counts
from app.serving.rollout.follower import TrialFollower
from app.serving.rollout.judging import RuleJudge
from app.serving.rollout.rules import Limit, ModeRules, PromotionRule, RolloutRules, WithdrawalRule
from app.serving.rollout.trials.trial import NoTrial
from tests.server import wait_until
from tests.serving.rollout.test_candidates import AuditRows
from tests.serving.rollout.trials.builders import make_pointer

SECONDS = 60
NO_RULES = ModeRules()
# Fires from the fifth request on, whatever the figures are.
WITHDRAW = ModeRules(withdraw=(WithdrawalRule(figure="error_share", above=-1.0, least_requests=5),))
PROMOTE = ModeRules(
    promote=PromotionRule(least_requests=5, least_hours=0, limits=(Limit(figure="error_share", at_most=1.0),))
)


class Worker:
    """A worker without its server."""

    def __init__(self, store: ReleaseStore, rules: ModeRules) -> None:
        self.store = store
        self.audit = AuditRows()
        self.slots = ReleaseSlots(store)
        self.prediction = PredictionService(ActiveRelease(self.slots), max_rows=1000)
        candidates = Candidates(
            store,
            activator=Activator(store, audit=self.audit),
            audit=self.audit,
            rules=RolloutRules(act=True, modes={"canary": rules, "shadow": rules}),
        )
        self.follower = TrialFollower(self.slots, self.prediction, candidates, judge=RuleJudge(candidates, store.path))
        self.slots.hold("1", "active")
        self.follower.start()
        self._row = read_golden_rows(store.directory("1") / GOLDEN).rows[0]

    def ask(self, caller: str = "ada") -> str:
        return self.prediction.predict([self._row], route_value=caller).manifest.version

    def has_trial(self) -> bool:
        return not isinstance(self.prediction.trial, NoTrial)

    def asks_until(self, holds: Callable[[], bool]) -> None:
        def is_so() -> bool:
            self.ask()
            return holds()

        wait_until(is_so, seconds=SECONDS)

    def acts(self) -> list[tuple[Any, ...]]:
        return [row for row in self.audit.rows if row[1] in ("withdraw", "promote")]


@pytest.fixture
def start(pair_store: ReleaseStore) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def start_worker(rules: ModeRules = NO_RULES) -> Worker:
        workers.append(Worker(pair_store, rules))
        return workers[-1]

    yield start_worker
    for worker in workers:
        worker.follower.close()


def test_a_canary_answers_from_when_it_is_loaded_until_it_is_withdrawn_and_is_let_go(
    start: Callable[..., Worker], pair_store: ReleaseStore
) -> None:
    worker = start()
    assert worker.ask() == "1"
    write_candidate(pair_store.path, make_pointer("2"))
    wait_until(lambda: worker.ask() == "2", seconds=SECONDS)
    assert worker.slots.list_held() == ["1", "2"]
    wait_until(lambda: read_counts(pair_store.path, "t1", base="1").candidate.requests > 0, seconds=SECONDS)
    (pair_store.path / "CANDIDATE").unlink()
    assert worker.ask() == "1"
    wait_until(lambda: not worker.has_trial(), seconds=SECONDS)
    assert worker.slots.list_held() == ["1"]


def test_a_canary_that_cannot_be_loaded_is_withdrawn_with_the_reason_and_changes_nothing(
    start: Callable[..., Worker], pair_store: ReleaseStore, caplog: pytest.LogCaptureFixture
) -> None:
    worker = start()
    (pair_store.directory("2") / "golden.json").write_text("[]")
    write_candidate(pair_store.path, make_pointer("2"))
    wait_until(lambda: bool(worker.acts()), seconds=SECONDS)
    assert worker.ask() == "1"
    assert read_candidate(pair_store.path) is None
    (act,) = worker.acts()
    assert act[0].startswith("worker:")
    assert act[1:] == ("withdraw", "2", None, "done")
    assert any("golden.json" in record.message for record in caplog.records)


def test_a_canary_that_is_found_to_be_wrong_is_withdrawn_and_no_other_version(
    start: Callable[..., Worker], pair_store: ReleaseStore
) -> None:
    worker = start()
    write_candidate(pair_store.path, make_pointer("2"))
    wait_until(lambda: worker.ask() == "2", seconds=SECONDS)
    worker.follower.withdraw("1", "Version 1: golden row 0 is answered otherwise than at publication.")
    assert worker.acts() == []
    worker.follower.withdraw("2", "Version 2: golden row 0 is answered otherwise than at publication.")
    assert worker.ask() == "1"
    assert [act[1:] for act in worker.acts()] == [("withdraw", "2", None, "done")]


def test_a_damaged_candidate_file_changes_nothing(start: Callable[..., Worker], pair_store: ReleaseStore) -> None:
    worker = start()
    (pair_store.path / "CANDIDATE").write_text("[")
    write_candidate(pair_store.path, make_pointer("2"))
    wait_until(lambda: worker.ask() == "2", seconds=SECONDS)


def test_a_rule_withdraws_a_candidate(start: Callable[..., Worker], pair_store: ReleaseStore) -> None:
    worker = start(WITHDRAW)
    write_candidate(pair_store.path, make_pointer("2"))
    worker.asks_until(lambda: bool(worker.acts()))
    assert worker.acts() == [("rules", "withdraw", "2", None, "done")]
    assert worker.ask() == "1"


def test_a_rule_promotes_a_candidate_and_one_worker_carries_it_out(
    start: Callable[..., Worker], pair_store: ReleaseStore
) -> None:
    workers = [start(PROMOTE), start(PROMOTE)]
    write_candidate(pair_store.path, make_pointer("2"))
    workers[1].asks_until(lambda: any(worker.acts() for worker in workers))
    assert [act for worker in workers for act in worker.acts()] == [("rules", "promote", "1", "2", "done")]
    pointer = pair_store.active()
    assert pointer is not None
    assert (pointer.version, pointer.previous) == ("2", "1")
    assert workers[0].ask("anybody") == "2"
    assert read_candidate(pair_store.path) is None


def test_a_shadow_answers_nobody_is_compared_and_leaves_no_process(
    start: Callable[..., Worker], pair_store: ReleaseStore
) -> None:
    worker = start()
    write_candidate(pair_store.path, make_pointer("2", mode="shadow"))
    versions = set()

    def is_compared() -> bool:
        versions.add(worker.ask())
        return read_counts(pair_store.path, "t1", base="1").differences.rows > 0

    wait_until(is_compared, seconds=SECONDS)
    assert versions == {"1"}
    assert worker.slots.list_held() == ["1"]
    children = psutil.Process(os.getpid()).children()
    shadows = [child for child in children if any("shadowing.process" in word for word in child.cmdline())]
    assert len(shadows) == 1
    worker.follower.close()
    assert not shadows[0].is_running()
    assert not worker.has_trial()
