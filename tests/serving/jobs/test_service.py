"""What callers may do with jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from app.errors import BadRequest, Conflict, Forbidden, NotFound, RateLimited, UnsupportedMediaType
from app.serving.formats.media_types import CSV
from app.serving.jobs.places import AllowedPlaces
from app.serving.jobs.service import JobOrder
from tests.serving.jobs.builders import KEY, TABLE, Installation, expect_result, install

ORDER = JobOrder(key_id=KEY, media_type=CSV, result_type=CSV)
UNTOLD = JobOrder(key_id=KEY, media_type=None, result_type=CSV)


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    return install(tmp_path, places=["memory://incoming/"])


def test_a_job_wakes_a_worker(here: Installation) -> None:
    assert here.woken.jobs == [here.submit().job.id, *here.woken.jobs[1:]]


def test_a_table_at_an_allowed_address_is_scored(here: Installation) -> None:
    fsspec.filesystem("memory").pipe("/incoming/rows.csv", TABLE)
    id = here.service.submit_address("memory://incoming/rows.csv", UNTOLD).job.id
    worker = here.make_worker()
    while worker.advance(id):
        pass
    assert here.read_result(id) == expect_result(id)


def test_an_address_has_to_tell_a_format_and_be_allowed(here: Installation) -> None:
    with pytest.raises(UnsupportedMediaType):
        here.service.submit_address("memory://incoming/rows.xls", UNTOLD)
    with pytest.raises(Forbidden):
        here.service.submit_address("memory://elsewhere/rows.csv", UNTOLD)
    assert here.woken.jobs == []


@pytest.mark.parametrize(
    "address",
    [
        "file:///data/../etc/passwd",
        "file:///database/rows.csv",
        "s3://bucket/in/../out/rows.csv",
        "s3://bucket/in/rows.csv::file:///etc/passwd",
        "simplecache::s3://bucket/in/rows.csv",
        "s3://bucket-of-others/in/rows.csv",
        "/data/rows.csv",
        "file:///data\0/rows.csv",
        "FILE:///data/rows.csv",
    ],
)
def test_an_address_that_leads_elsewhere_is_refused(address: str) -> None:
    with pytest.raises(Forbidden):
        AllowedPlaces(["file:///data", "s3://bucket/in/"]).require(address)


def test_a_link_that_leads_out_of_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_bytes(b"")
    (tmp_path / "secret.csv").write_bytes(b"")
    (tmp_path / "data" / "link.csv").symlink_to(tmp_path / "secret.csv")
    places = AllowedPlaces([f"file://{tmp_path}/data"])
    places.require(f"file://{tmp_path}/data/rows.csv")
    with pytest.raises(Forbidden):
        places.require(f"file://{tmp_path}/data/link.csv")


def test_a_job_is_seen_by_its_key_alone(here: Installation) -> None:
    id = here.submit().job.id
    for look in (here.service.find, here.service.end, here.service.find_result):
        with pytest.raises(NotFound):
            look(id, key_id="bbbbbbbb")
    with pytest.raises(NotFound):
        here.service.find("0" * 32, key_id=KEY)


def test_an_upload_that_ends_early_leaves_nothing(here: Installation) -> None:
    def break_off() -> Iterator[bytes]:
        yield b"visits\n"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        here.service.submit_table(break_off(), ORDER)
    with pytest.raises(BadRequest):
        here.service.submit_table(iter(()), ORDER)
    assert here.files.list_jobs() == []
    assert here.woken.jobs == []


def test_a_result_is_there_when_the_job_is_done(here: Installation) -> None:
    with pytest.raises(Conflict, match="it is queued"):
        here.read_result(here.submit().job.id)


def test_the_end_of_a_job_that_is_done_removes_it(here: Installation) -> None:
    id, worker = here.submit().job.id, here.make_worker()
    while worker.advance(id):
        pass
    assert here.service.end(id, key_id=KEY).state == "done"
    assert here.files.list_jobs() == []
    with pytest.raises(NotFound):
        here.find(id)


def test_a_key_may_have_so_many_jobs_under_way(tmp_path: Path) -> None:
    here = install(tmp_path, most_unfinished=2)
    here.submit()
    first = here.submit().job.id
    with pytest.raises(RateLimited):
        here.submit()
    here.service.end(first, key_id=KEY)
    here.submit()
