"""Jobs are done in steps, by any number of workers, whatever becomes of each of them."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.errors import Conflict, KeysUnavailable
from app.serving.formats.media_types import CSV, PARQUET
from app.serving.formats.tables import open_table
from app.serving.jobs.job import Step
from app.serving.jobs.store import CLAIM_SECONDS, MOST_ATTEMPTS
from app.serving.jobs.worker import JobWorker
from app.serving.scoring.scorer import PartRefusal
from tests.serving.jobs.builders import KEY, TABLE, Installation, expect_result, install, load_version


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    return install(tmp_path)


def work_to_the_end(worker: JobWorker, id: str) -> int:
    steps = 0
    while worker.advance(id):
        steps += 1
    return steps


def test_a_job_is_cut_scored_part_by_part_and_joined(here: Installation) -> None:
    job = here.submit()
    assert (job.state, job.share) == ("queued", None)
    assert work_to_the_end(here.make_worker(), job.job.id) == 5
    done = here.find(job.job.id)
    assert (done.state, done.job.rows, done.rows_done, done.share) == ("done", 25, 25, 1.0)
    assert here.read_result(job.job.id) == expect_result(job.job.id)


def test_its_progress_is_told_by_the_rows_that_are_done(here: Installation) -> None:
    id, worker = here.submit().job.id, here.make_worker()
    worker.advance(id)
    here.clock.pass_seconds(1)
    worker.advance(id)
    here.clock.pass_seconds(4)
    progress = here.find(id)
    assert (progress.state, progress.rows_done, progress.share) == ("running", 10, 0.4)
    assert progress.rows_per_second == 2.5


def test_a_result_may_be_parquet(here: Installation) -> None:
    id = here.submit(result_type=PARQUET).job.id
    work_to_the_end(here.make_worker(), id)
    with open_table(io.BytesIO(here.read_result(id)), PARQUET, chunk_rows=100) as table:
        (rows,) = table
    assert rows[24] == {"prediction_id": f"{id[:24]}-24", "prediction": 48.0}


def test_a_table_without_rows_gets_a_result_without_rows(here: Installation) -> None:
    id = here.submit(b"visits\n").job.id
    work_to_the_end(here.make_worker(), id)
    assert here.read_result(id) == b"prediction_id,prediction\n"
    assert here.find(id).share == 1.0


def test_workers_share_the_parts_of_a_job(here: Installation) -> None:
    id = here.submit().job.id
    workers = [here.make_worker(f"boot/1 {number} 1") for number in (1, 2)]
    steps = [0, 0]
    while here.find(id).state != "done":
        for number, worker in enumerate(workers):
            steps[number] += worker.advance(id)
    assert sorted(steps) == [2, 3]
    assert here.read_result(id) == expect_result(id)


class Killed(BaseException):
    """Nothing of a worker runs after it."""


def list_moments() -> Iterator[tuple[str, str]]:
    """Whose method a worker is in when it is killed, before or after the method has done its work."""
    for name in ("claim", "write_parts", "finish_cut", "write_part_result", "finish_score", "finish_join"):
        yield from ((name, when) for when in ("before", "after"))


@pytest.mark.parametrize(("name", "when"), list(list_moments()))
def test_a_job_whose_worker_is_killed_at_any_moment_goes_on_with_another(
    here: Installation, monkeypatch: pytest.MonkeyPatch, name: str, when: str
) -> None:
    id = here.submit().job.id
    owner: Any = here.store if hasattr(here.store, name) else here.files
    real = getattr(owner, name)

    def die(*arguments: Any) -> Any:
        if when == "after":
            real(*arguments)
        raise Killed

    monkeypatch.setattr(owner, name, die)
    with pytest.raises(Killed):
        work_to_the_end(here.make_worker("boot/1 1 1"), id)
    monkeypatch.undo()
    here.clock.pass_seconds(CLAIM_SECONDS + 1)
    work_to_the_end(here.make_worker("boot/1 2 1"), id)
    assert here.find(id).state == "done"
    assert here.read_result(id) == expect_result(id)


def test_two_workers_that_do_the_same_step_leave_one_result(here: Installation) -> None:
    """One is held up for so long that its claim runs out, and ends its step after all."""
    id = here.submit().job.id
    slow, quick = here.make_worker("boot/1 1 1"), here.make_worker("boot/1 2 1")
    choice = random.Random(5)
    while here.find(id).state != "done":
        held_up = here.store.claim(id, "boot/1 1 1")
        here.clock.pass_seconds(CLAIM_SECONDS + 1)
        quick.advance(id)
        job = here.store.find(id)
        if held_up is not None and job is not None and job.outcome is None and choice.random() < 0.7:
            slow._do(job, held_up)
    assert here.read_result(id) == expect_result(id)


def test_what_workers_had_claimed_that_have_gone_is_free_at_once(here: Installation) -> None:
    id = here.submit().job.id
    assert here.store.claim(id, "boot/1 1 1") == Step(id, "cut", 0)
    assert here.store.claim(id, "boot/1 2 1") is None
    here.store.give_back(lambda owner: owner == "boot/1 1 1")
    assert here.store.claim(id, "boot/1 2 1") == Step(id, "cut", 0)


def test_a_claim_that_is_renewed_does_not_run_out(here: Installation) -> None:
    id = here.submit().job.id
    here.store.claim(id, "boot/1 1 1")
    here.clock.pass_seconds(CLAIM_SECONDS - 1)
    here.store.renew("boot/1 1 1")
    here.clock.pass_seconds(CLAIM_SECONDS - 1)
    assert here.store.claim(id, "boot/1 2 1") is None
    here.clock.pass_seconds(2)
    assert here.store.claim(id, "boot/1 2 1") is not None


def test_a_claim_of_the_future_is_of_before_the_clock_was_set_back(here: Installation) -> None:
    id = here.submit().job.id
    here.store.claim(id, "boot/1 1 1")
    here.clock.pass_seconds(-2 * 3600)
    assert here.store.claim(id, "boot/1 2 1") is not None


def test_who_renews_its_claim_keeps_it_when_the_clock_was_set_back(here: Installation) -> None:
    id = here.submit().job.id
    here.store.claim(id, "boot/1 1 1")
    here.clock.pass_seconds(-2 * 3600)
    here.store.renew("boot/1 1 1")
    assert here.store.claim(id, "boot/1 2 1") is None


def test_a_step_that_ends_every_worker_ends_its_job(here: Installation) -> None:
    id = here.submit().job.id
    for _ in range(MOST_ATTEMPTS):
        assert here.store.claim(id, "boot/1 1 1") is not None
        here.clock.pass_seconds(CLAIM_SECONDS + 1)
    assert here.store.claim(id, "boot/1 1 1") is None
    ended = here.find(id)
    assert ended.state == "failed"
    assert ended.job.refusal is not None
    assert ended.job.refusal.code == "job_failed"


def test_rows_that_do_not_fit_end_the_job_with_their_places(here: Installation) -> None:
    id = here.submit(TABLE.replace(b"\n12\n", b"\nmany\n")).job.id
    assert not all(here.make_worker().advance(id) for _ in range(5))
    failed = here.find(id)
    assert failed.state == "failed"
    assert failed.job.refusal is not None
    assert failed.job.refusal.code == "invalid_rows"
    assert [(fault.row, fault.field) for fault in failed.job.refusal.faults] == [(12, "visits")]
    assert here.files.list_jobs() == []


def test_a_table_that_cannot_be_cut_ends_the_job(here: Installation) -> None:
    id = here.submit(b'visits\n"1\n').job.id
    work_to_the_end(here.make_worker(), id)
    refusal = PartRefusal("invalid_table", "Line 2 is not CSV: a quote is open or in the wrong place.")
    assert here.find(id).job.refusal == refusal


def test_a_table_that_becomes_larger_than_it_may_ends_the_job(here: Installation) -> None:
    id = here.submit().job.id
    work_to_the_end(here.make_worker(most_bytes=30), id)
    refusal = here.find(id).job.refusal
    assert refusal is not None
    assert refusal.code == "too_large"


def test_a_full_disk_leaves_the_step_to_be_done_again(
    here: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    id, worker = here.submit().job.id, here.make_worker()
    worker.advance(id)
    with monkeypatch.context() as patched:
        patched.setattr(here.files, "write_part_result", refuse)
        assert worker.advance(id) is False
    assert "score 0 failed and will be done again" in caplog.text
    here.clock.pass_seconds(CLAIM_SECONDS + 1)
    work_to_the_end(worker, id)
    assert here.read_result(id) == expect_result(id)


def test_a_job_that_is_cancelled_meanwhile_ends_quietly(here: Installation, caplog: pytest.LogCaptureFixture) -> None:
    id, worker = here.submit().job.id, here.make_worker()
    worker.advance(id)
    step = here.store.claim(id, "boot/1 1 1")
    job = here.store.find(id)
    assert step is not None
    assert job is not None
    assert here.service.end(id, key_id="aaaaaaaa").state == "cancelled"
    with pytest.raises(FileNotFoundError):
        worker._do(job, step)
    assert worker.advance(id) is False
    assert caplog.text == ""
    with pytest.raises(Conflict, match="it is cancelled"):
        here.read_result(id)


def test_a_job_whose_key_is_revoked_fails_at_its_next_step(here: Installation) -> None:
    id, worker = here.submit().job.id, here.make_worker()
    worker.advance(id)
    worker.advance(id)
    here.revoked.add(KEY)
    assert worker.advance(id) is False
    failed = here.find(id)
    assert (failed.state, failed.rows_done) == ("failed", 10)
    assert failed.job.refusal == PartRefusal("key_revoked", "The API key that handed the job in was revoked.")
    assert here.files.list_jobs() == []


def test_keys_that_cannot_be_looked_up_leave_the_step_to_be_done_again(here: Installation) -> None:
    def fall_silent(_key_id: str) -> bool:
        raise KeysUnavailable("API keys cannot be checked at the moment.")

    id = here.submit().job.id
    silent = JobWorker(
        here.store, here.files, load_version, is_revoked=fall_silent, owner="boot/1 1 1", most_bytes=1_000_000
    )
    assert silent.advance(id) is False
    here.clock.pass_seconds(CLAIM_SECONDS + 1)
    work_to_the_end(here.make_worker(), id)
    assert here.read_result(id) == expect_result(id)


def test_warnings_of_all_parts_are_counted_together(here: Installation) -> None:
    id = here.submit(TABLE.replace(b"\n3\n", b"\n91\n").replace(b"\n24\n", b"\n92\n")).job.id
    work_to_the_end(here.make_worker(), id)
    assert here.find(id).job.warnings == {"out_of_range": 2}


def test_the_media_type_of_the_result_is_kept(here: Installation) -> None:
    assert here.submit().job.result_type == CSV
