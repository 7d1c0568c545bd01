"""Tables that are scored in the background, as the page tells of them."""

from __future__ import annotations

from collections.abc import Callable

from flask.testing import FlaskClient

from app.api.dashboard.findings import MOST_JOBS
from app.serving.formats.media_types import CSV
from app.serving.jobs.job import JobProgress
from app.serving.jobs.service import JobOrder
from app.serving.jobs.store import JobStore
from app.serving.scoring.scorer import PartRefusal
from app.wiring.services import Services
from tests.charts.page_reader import PageReader

CAPTION = "Jobs, the newest first"


def submit(services: Services, key_id: str = "aaaaaaaa") -> JobProgress:
    order = JobOrder(key_id=key_id, media_type=CSV, result_type=CSV)
    return services.jobs.submit_table(iter([b"tenure\n1\n"]), order)


def test_jobs_of_all_keys_are_shown_with_how_they_are(services: Services, read_page: Callable[..., PageReader]) -> None:
    store = JobStore(services.database)
    failed, waits = submit(services), submit(services, "bbbbbbbb")
    store.fail(failed.job.id, PartRefusal("invalid_table", "Line 2 is not <b>CSV</b>."))

    rows = [[cell.strip() for cell in row] for row in read_page().tables[CAPTION]]

    assert [(row[0], row[1], *row[3:]) for row in rows[-2:]] == [
        (waits.job.id[:8], "queued", "bbbbbbbb", "3", "0", "–", "–", "–"),
        (failed.job.id[:8], "failed", "aaaaaaaa", "3", "0", "–", "–", "Line 2 is not <b>CSV</b>."),
    ]


def test_of_many_jobs_the_newest_are_shown(services: Services, read_page: Callable[..., PageReader]) -> None:
    newest = [submit(services).job.id[:8] for _ in range(MOST_JOBS + 2)][::-1]
    rows = read_page().tables[CAPTION]
    assert [row[0].strip() for row in rows[-MOST_JOBS:]] == newest[:MOST_JOBS]


def test_where_there_are_none_the_page_says_how_to_begin(
    admin: FlaskClient, read_page: Callable[..., PageReader]
) -> None:
    assert "There are no jobs." in read_page().words
    assert admin.get("/dashboard").text.count('id="jobs"') == 1
