from __future__ import annotations

import logging
import timeit
from pathlib import Path

import pytest

from app.errors import InvalidRows
from app.release.candidate import CANDIDATE, remove_candidate, write_candidate
from app.release.pointer import read_stamp
from app.runtime.loading import LoadedRelease
from app.serving.answering import answer_rows
from app.serving.rollout.comparison.figures import compare
from app.serving.rollout.comparison.ledger import Counts, Ledger
from app.serving.rollout.routing import is_chosen
from app.serving.rollout.trials.canary import CanaryTrial
from app.serving.rollout.trials.trial import NoTrial
from tests.serving.rollout.trials.builders import (
    CITY,
    ROW,
    VISITS,
    BrokenExecutor,
    SayingExecutor,
    make_pointer,
    make_release,
)

ACTIVE = make_release("1")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path, "t1")


def begin(ledger: Ledger, store: Path, candidate: LoadedRelease, *, share: float = 1.0) -> CanaryTrial:
    pointer = make_pointer(candidate.manifest.version, share=share)
    write_candidate(store, pointer)
    path = str(store / CANDIDATE)
    stamp = read_stamp(path)
    assert stamp is not None
    return CanaryTrial(pointer, candidate, ledger, stamp_path=path, stamp=stamp)


def counts_of(ledger: Ledger) -> Counts:
    with ledger.lock:
        return ledger.counts_against("1")


def test_each_caller_is_answered_by_its_version_which_the_answer_names(ledger: Ledger, tmp_path: Path) -> None:
    trial = begin(ledger, tmp_path, make_release("2"), share=0.3)
    for number in range(500):
        caller = f"key-{number}"
        expected = "2" if is_chosen(caller, version="2", share=0.3) else "1"
        for _ in range(2):
            answer = trial.answer(ACTIVE, [ROW], caller)
            assert (answer.manifest.version, answer.labels) == (expected, [expected])
    counts = counts_of(ledger)
    assert counts.active.requests + counts.candidate.requests == 1000
    assert 200 < counts.candidate.requests < 400


def test_who_cannot_be_told_apart_is_answered_by_the_active_version(ledger: Ledger, tmp_path: Path) -> None:
    assert begin(ledger, tmp_path, make_release("2")).answer(ACTIVE, [ROW], None).manifest.version == "1"


def test_a_candidate_that_breaks_is_stood_in_for_counted_and_logged_once(
    ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trial = begin(ledger, tmp_path, make_release("2", BrokenExecutor()))
    for _ in range(3):
        answer = trial.answer(ACTIVE, [ROW], "ada")
        assert (answer.manifest.version, answer.labels) == ("1", ["1"])
    counts = counts_of(ledger)
    assert (counts.candidate.requests, counts.candidate.errors, counts.active.requests) == (3, 3, 0)
    (line,) = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert line.startswith("Candidate 2 could not answer a request (RuntimeError); version 1 answers in its place.")


def test_rows_that_only_the_active_version_takes_are_an_error_of_the_candidate(ledger: Ledger, tmp_path: Path) -> None:
    trial = begin(ledger, tmp_path, make_release("2", None, VISITS, CITY))
    assert trial.answer(ACTIVE, [ROW], "ada").manifest.version == "1"
    assert counts_of(ledger).candidate.errors == 1


def test_rows_that_no_version_takes_are_the_callers_fault(ledger: Ledger, tmp_path: Path) -> None:
    trial = begin(ledger, tmp_path, make_release("2"))
    with pytest.raises(InvalidRows):
        trial.answer(ACTIVE, [{"visits": "x"}], "ada")
    assert counts_of(ledger).candidate.requests == 0


def test_when_both_break_both_are_blamed(ledger: Ledger, tmp_path: Path) -> None:
    broken = make_release("1", BrokenExecutor())
    with pytest.raises(RuntimeError):
        begin(ledger, tmp_path, make_release("2", BrokenExecutor())).answer(broken, [ROW], "ada")
    with pytest.raises(RuntimeError):
        begin(ledger, tmp_path, make_release("2"), share=1e-9).answer(broken, [ROW], "ada")
    counts = counts_of(ledger)
    assert (counts.candidate.errors, counts.active.errors) == (1, 1)


def test_a_slow_candidate_shows_in_the_ratio_of_the_times(ledger: Ledger, tmp_path: Path) -> None:
    slow = begin(ledger, tmp_path, make_release("2", SayingExecutor("2", seconds=0.01)), share=0.5)
    active = make_release("1", SayingExecutor("1", seconds=0.001))
    for number in range(60):
        slow.answer(active, [ROW], f"key-{number}")
    figures = compare(counts_of(ledger), mode="canary").figures
    assert figures["p50_ratio"].value > 2
    assert figures["label_share_change"].value == 1.0


def test_from_the_withdrawal_on_nobody_is_sent_to_the_candidate(ledger: Ledger, tmp_path: Path) -> None:
    trial = begin(ledger, tmp_path, make_release("2"))
    assert trial.answer(ACTIVE, [ROW], "ada").manifest.version == "2"
    remove_candidate(tmp_path)
    assert trial.answer(ACTIVE, [ROW], "ada").manifest.version == "1"


def test_from_the_promotion_on_everybody_is_answered_by_it_and_nothing_is_compared(
    ledger: Ledger, tmp_path: Path
) -> None:
    candidate = make_release("2")
    trial = begin(ledger, tmp_path, candidate, share=1e-9)
    assert trial.answer(candidate, [ROW], "ada").manifest.version == "2"
    assert counts_of(ledger).active.requests == 0


def test_without_a_candidate_an_answer_costs_nothing_more() -> None:
    trial = NoTrial()
    plain = min(timeit.repeat(lambda: answer_rows(ACTIVE, [ROW]), number=200, repeat=15))
    asked = min(timeit.repeat(lambda: trial.answer(ACTIVE, [ROW], None), number=200, repeat=15))
    assert asked < 1.25 * plain
