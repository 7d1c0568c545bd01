"""The same jobs on PostgreSQL, where workers really run at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from app.database import job_counts, opened_database
from app.serving.formats.media_types import CSV
from app.serving.jobs.service import JobOrder
from tests.postgres_server import PostgresServer
from tests.serving.jobs.builders import KEY, ROWS, Installation, expect_result, install

JOBS, WORKERS = 4, 4


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Engine]:
    with opened_database(postgres.make_database()) as engine:
        yield engine


@pytest.fixture
def here(tmp_path: Path, database: Engine) -> Installation:
    return install(tmp_path, database=database)


def test_workers_at_the_same_time_do_all_jobs_and_count_each_row_once(here: Installation, database: Engine) -> None:
    ids = [here.submit().job.id for _ in range(JOBS)]

    def work(number: int) -> None:
        worker = here.make_worker(f"boot/1 {number} 1")
        while any(worker.advance(id) for id in ids):
            pass

    while any(here.find(id).state != "done" for id in ids):
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(work, range(WORKERS)))
    assert [here.read_result(id) for id in ids] == [expect_result(id) for id in ids]
    with database.connect() as connection:
        counted = {row.name: row.total for row in connection.execute(select(job_counts))}
    assert counted == {"done": JOBS, "rows": JOBS * ROWS}


def test_jobs_are_listed_looked_at_and_ended(here: Installation) -> None:
    others = JobOrder(key_id="bbbbbbbb", media_type=CSV, result_type=CSV)
    theirs = here.service.submit_table(iter([b"visits\n1\n"]), others).job.id
    ids = [here.submit().job.id for _ in range(3)]
    first = here.service.list_newest(key_id=KEY, most=2)
    second = here.service.list_newest(key_id=KEY, before=first.last, most=2)
    assert [progress.job.id for progress in (*first.jobs, *second.jobs)] == ids[::-1]
    assert second.last is None
    assert here.service.list_newest(key_id=None, most=10).jobs[-1].job.id == theirs
    assert here.service.end(theirs, key_id=None).state == "cancelled"
    assert here.make_worker().advance(theirs) is False


def test_what_workers_had_claimed_that_have_gone_is_free_at_once(here: Installation) -> None:
    id = here.submit().job.id
    assert here.store.claim(id, "boot/1 1 1") is not None
    assert here.store.list_waiting() == []
    here.store.give_back(lambda owner: owner == "boot/1 1 1")
    assert here.store.list_waiting() == [id]
