"""What is done every minute."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from app.database import open_database
from app.serving.jobs.store import JobStore
from app.serving.jobs.upkeep import JobUpkeep
from tests.serving.jobs.builders import Installation, install


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    return install(tmp_path)


def sweep(here: Installation, has_gone: Callable[[str], bool] = lambda _: False) -> None:
    here.woken.jobs.clear()
    keep = timedelta(hours=1)
    JobUpkeep(here.store, here.files, here.woken, keep=keep, has_gone=has_gone, now=here.clock).sweep()


def test_jobs_that_wait_are_told_of_anew_and_others_are_not(here: Installation) -> None:
    waits, is_done, is_worked_on = (here.submit().job.id for _ in range(3))
    while here.make_worker().advance(is_done):
        pass
    here.store.claim(is_worked_on, "boot/1 1 1")
    sweep(here)
    assert here.woken.jobs == [waits]


def test_jobs_of_workers_that_have_gone_go_on(here: Installation) -> None:
    id = here.submit().job.id
    here.store.claim(id, "boot/1 1 1")
    sweep(here, has_gone=lambda owner: owner == "boot/1 1 1")
    assert here.woken.jobs == [id]


def test_jobs_end_for_good_some_time_after_their_end(here: Installation) -> None:
    id, goes_on = here.submit().job.id, here.submit().job.id
    while here.make_worker().advance(id):
        pass
    here.clock.pass_seconds(3500)
    sweep(here)
    assert here.find(id).state == "done"
    here.clock.pass_seconds(200)
    sweep(here)
    assert here.store.find(id) is None
    assert here.files.list_jobs() == [goes_on]


def test_files_that_nobody_needs_are_removed_when_nothing_was_written_for_long(here: Installation) -> None:
    kept = here.submit().job.id
    here.files.receive("of-a-crash", iter([b"visits\n"]))
    sweep(here)
    assert here.files.list_jobs() == sorted([kept, "of-a-crash"])
    long_ago = time.time() - 7200
    for path in (here.files.input(id) for id in (kept, "of-a-crash")):
        os.utime(path, (long_ago, long_ago))
        os.utime(path.parent, (long_ago, long_ago))
    sweep(here)
    assert here.files.list_jobs() == [kept]


def test_a_database_that_does_not_answer_is_no_reason_to_end(
    here: Installation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    without_tables = JobStore(open_database(f"sqlite:///{tmp_path}/other.db"))
    keep = timedelta(hours=1)
    JobUpkeep(without_tables, here.files, here.woken, keep=keep, has_gone=lambda _: False).sweep()
    assert "Jobs were not looked after." in caplog.text
