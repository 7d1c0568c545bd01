"""A model that was right when it was loaded and is wrong later answers nobody for long."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from app.errors import ModelNotReady
from app.release.store import ReleaseStore
from app.runtime.loading import LoadedRelease
from app.runtime.predictions import Executor, Predictions
from app.runtime.rows import TypedRow
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.golden_checks import GoldenChecks, GoldenResult, NoGoldenChecks, Withdraw
from app.runtime.switching.slots import ReleaseSlots
from tests.manifests import TRUST, copy_version
from tests.server import wait_until


class Breakable:
    """A real model that can be broken while it is in service."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.harm = ""
        self.asked: list[Sequence[TypedRow]] = []
        self.go_on = threading.Event()

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        self.asked.append(rows)
        answers = self.executor.predict(rows)
        if self.harm == "raises":
            raise RuntimeError("a row of a real person")
        if self.harm == "hangs":
            self.go_on.wait(60)
        if self.harm == "nonsense":
            return Predictions([None for _ in rows], None)
        if self.harm == "wrong" and answers.probabilities:
            first = dict(zip(answers.probabilities[0], reversed(answers.probabilities[0].values()), strict=True))
            return Predictions(answers.labels, [first])
        return answers


@pytest.fixture
def active(plan_store: ReleaseStore) -> ActiveRelease:
    """Version 1 answers."""
    active = ActiveRelease(ReleaseSlots(ReleaseStore(plan_store.path, trust=TRUST)))
    active.follow_pointer()
    active.load_missing()
    return active


@pytest.fixture
def model(active: ActiveRelease) -> Breakable:
    release = active.require()
    model = Breakable(release.executor)
    active.current = dataclasses.replace(release, executor=model)
    return model


def golden_of(release: LoadedRelease) -> Sequence[TypedRow]:
    assert release.golden is not None
    return release.golden.rows


def forbid_withdrawal(version: str, reason: str) -> None:
    raise AssertionError(f"{version}: {reason}")


def make_checks(active: ActiveRelease, *, withdraw: Withdraw = forbid_withdrawal) -> GoldenChecks:
    return GoldenChecks(active, interval_seconds=30, withdraw=withdraw, clock=lambda: 1_790_000_000.0)


def status_of(checks: GoldenChecks) -> str | None:
    return None if checks.result is None else checks.result.status


def test_before_the_first_row_nothing_is_known(active: ActiveRelease) -> None:
    assert make_checks(active).result == GoldenResult("pending", None, None)


def test_a_right_answer_passes_and_is_told_with_its_moment_and_its_time(active: ActiveRelease) -> None:
    checks = make_checks(active)
    checks.look()
    result = checks.result
    assert result is not None
    assert (result.status, result.at) == ("passed", 1_790_000_000.0)
    assert result.milliseconds is not None
    assert result.milliseconds > 0
    assert (checks.checks, checks.failures) == (1, 0)


def test_one_row_is_asked_at_a_time_and_all_of_them_in_turn(active: ActiveRelease, model: Breakable) -> None:
    checks, rows = make_checks(active), golden_of(active.require())
    for _ in range(len(rows) + 1):
        checks.look()
    assert model.asked == [[row] for row in rows] + [[rows[0]]]


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("wrong", "Version 1: golden row 0 has other probabilities than at publication"),
        ("raises", "Version 1: golden row 0 could not be predicted (RuntimeError)"),
        ("nonsense", "Version 1: the answers have another shape"),
    ],
)
def test_a_model_that_breaks_in_service_answers_nobody_any_more(
    active: ActiveRelease, model: Breakable, caplog: pytest.LogCaptureFixture, harm: str, told: str
) -> None:
    checks = make_checks(active)
    model.harm = harm
    checks.look()
    assert status_of(checks) == "failed"
    assert (checks.checks, checks.failures) == (1, 1)
    with pytest.raises(ModelNotReady):
        active.require()
    (error,) = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert error == f"{told}. It is taken out of service and loaded anew."
    assert "a row of a real person" not in caplog.text


def test_it_is_verified_and_loaded_anew_and_passes_again(active: ActiveRelease, model: Breakable) -> None:
    checks, broken = make_checks(active), active.require()
    model.harm = "wrong"
    checks.look()
    assert active.missing == "1"
    active.load_missing()
    assert active.require().manifest.version == "1"
    assert active.require() is not broken
    assert status_of(checks) == "failed"
    checks.look()
    assert status_of(checks) == "passed"


@pytest.mark.parametrize("is_damaged", [False, True])
def test_requests_wait_while_it_is_loaded_anew(active: ActiveRelease, model: Breakable, is_damaged: bool) -> None:
    if is_damaged:
        (active.slots.store.directory("1") / "golden.json").write_bytes(b"")
    model.harm = "wrong"
    make_checks(active).look()
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(active.begin)
        assert not wait((begun,), 0.1).done
        active.load_missing()
        assert isinstance(begun.exception(10), ModelNotReady if is_damaged else type(None))
    assert (active.current is None) == is_damaged


def test_where_it_cannot_be_loaded_anew_that_is_tried_at_each_look(
    active: ActiveRelease, model: Breakable, caplog: pytest.LogCaptureFixture
) -> None:
    golden = active.slots.store.directory("1") / "golden.json"
    content = golden.read_bytes()
    golden.write_bytes(b"")
    checks = make_checks(active)
    model.harm = "wrong"
    for _ in range(2):
        checks.look()
        assert active.missing == "1"
        active.load_missing()
        assert active.current is None
    assert sum(record.message.startswith("No model is served. ") for record in caplog.records) == 2
    golden.write_bytes(content)
    checks.look()
    active.load_missing()
    assert active.require().manifest.version == "1"


def test_a_version_that_was_activated_meanwhile_is_not_held_up(active: ActiveRelease, model: Breakable) -> None:
    copy_version(active.slots.store, "1", "2")
    checks = make_checks(active)
    active.slots.store.point_at("2", by="tests")
    assert active.require().manifest.version == "1"
    model.harm = "wrong"
    checks.look()
    assert active.missing == "2"
    active.load_missing()
    assert active.require().manifest.version == "2"
    checks.look()
    assert active.missing is None


def test_a_candidate_that_is_wrong_is_withdrawn_and_the_active_version_goes_on(active: ActiveRelease) -> None:
    copy_version(active.slots.store, "1", "2")
    withdrawn: list[tuple[str, str]] = []
    checks = make_checks(active, withdraw=lambda version, reason: withdrawn.append((version, reason)))
    active.slots.hold("2", "candidate")
    checks.look()
    assert (checks.checks, withdrawn) == (2, [])
    break_candidate(active)
    checks.look()
    assert withdrawn == [("2", "Version 2: golden row 1 has other probabilities than at publication.")]
    assert (status_of(checks), active.require().manifest.version) == ("passed", "1")
    assert (checks.checks, checks.failures) == (4, 1)


def break_candidate(active: ActiveRelease) -> None:
    candidate = active.slots.find("candidate")
    assert candidate is not None
    model = Breakable(candidate.executor)
    model.harm = "wrong"
    # As memory that changes: the release is the same object.
    object.__setattr__(candidate, "executor", model)


def test_a_row_that_is_never_answered_counts_as_failed(active: ActiveRelease, model: Breakable) -> None:
    now, passed = 1_790_000_000.0, 0.0
    checks = GoldenChecks(
        active, interval_seconds=30, withdraw=forbid_withdrawal, clock=lambda: now, passing=lambda: passed
    )
    model.harm = "hangs"
    looking = threading.Thread(target=checks.look, daemon=True)
    looking.start()
    wait_until(lambda: bool(model.asked), seconds=10)
    assert checks.result == GoldenResult("pending")
    now += 7200
    assert checks.result == GoldenResult("pending")
    passed += 31
    assert checks.result == GoldenResult("failed", 1_790_000_030.0, None)
    model.go_on.set()
    looking.join(10)
    assert status_of(checks) == "passed"


def test_the_thread_looks_by_itself_and_ends(active: ActiveRelease, model: Breakable) -> None:
    checks = GoldenChecks(active, interval_seconds=0.02, withdraw=forbid_withdrawal)
    checks.start()
    wait_until(lambda: len(model.asked) > 2, seconds=10)
    checks.close()
    asked = len(model.asked)
    assert not checks._thread.is_alive()
    assert len(model.asked) == asked


def test_switched_off_there_is_no_result() -> None:
    assert NoGoldenChecks().result is None
