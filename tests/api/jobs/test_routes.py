"""POST /jobs, GET and DELETE /jobs/<id>, GET /jobs/<id>/result, as a caller uses them."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.serving.formats.media_types import CSV, JSON_LINES, PARQUET, TABLES
from app.serving.formats.tables import open_table
from app.serving.jobs.files import JobFiles
from app.serving.jobs.store import JobStore
from app.serving.jobs.worker import JobWorker
from app.wiring.services import Services, build_services
from config.settings import Settings
from tests.api.builders import ROW, make_key, make_loaded_release, make_settings
from tests.serving.scoring.builders import write_table

TABLE = write_table([ROW] * 12, CSV)


@pytest.fixture
def scorer(app: Flask, settings: Settings, services: Services) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_X_API_KEY"] = make_key(services, settings, "jobs").text
    return client


def submit(client: FlaskClient, table: bytes = TABLE, media_type: str = CSV, **headers: Any) -> TestResponse:
    return client.post("/jobs", data=table, content_type=media_type, **headers)


def work(services: Services, settings: Settings, id: str) -> None:
    """What a worker does."""
    store, files = JobStore(services.database), JobFiles(settings.jobs_path)
    worker = JobWorker(
        store,
        files,
        lambda _: make_loaded_release(),
        is_revoked=lambda _: False,
        owner="boot/1 1 1",
        most_bytes=1_000_000,
        rows_of_part=5,
    )
    while worker.advance(id):
        pass


def test_a_table_is_handed_in_watched_and_fetched(scorer: FlaskClient, services: Services, settings: Settings) -> None:
    handed_in = submit(scorer)
    job = handed_in.get_json()
    assert handed_in.status_code == 202
    assert handed_in.headers["Location"] == f"/jobs/{job['id']}"
    created_at = job.pop("created_at")
    assert created_at.endswith("Z")
    assert job == {
        "id": job["id"],
        "key_id": scorer.environ_base["HTTP_X_API_KEY"][4:12],
        "state": "queued",
        "version": "3",
        "ended_at": None,
        "rows": None,
        "rows_done": 0,
        "progress": None,
        "rows_per_second": None,
        "warnings": None,
        "failure": None,
    }
    work(services, settings, job["id"])
    done = scorer.get(f"/jobs/{job['id']}").get_json()
    assert (done["state"], done["rows"], done["rows_done"], done["progress"]) == ("done", 12, 12, 1.0)
    assert done["warnings"] == {}
    result = scorer.get(f"/jobs/{job['id']}/result")
    assert result.mimetype == CSV
    assert result.headers["Content-Disposition"] == f"attachment; filename={job['id']}.csv"
    head, *rows = result.text.splitlines()
    assert head == "prediction_id,prediction,probability_No,probability_Yes"
    assert rows == [f"{job['id'][:24]}-{number},Yes,0.27,0.73" for number in range(12)]


@pytest.mark.parametrize("media_type", TABLES)
def test_tables_come_in_every_format(
    scorer: FlaskClient, services: Services, settings: Settings, media_type: str
) -> None:
    id = submit(scorer, write_table([ROW] * 12, media_type), media_type).get_json()["id"]
    work(services, settings, id)
    assert scorer.get(f"/jobs/{id}").get_json()["rows_done"] == 12


@pytest.mark.parametrize(("asked", "media_type"), [("jsonl", JSON_LINES), ("parquet", PARQUET)])
def test_results_are_given_in_the_format_that_was_asked_for(
    scorer: FlaskClient, services: Services, settings: Settings, asked: str, media_type: str
) -> None:
    id = scorer.post("/jobs", data=TABLE, content_type=CSV, query_string={"result": asked}).get_json()["id"]
    work(services, settings, id)
    result = scorer.get(f"/jobs/{id}/result")
    assert result.mimetype == media_type
    with open_table(io.BytesIO(result.data), media_type, chunk_rows=100) as table:
        (rows,) = table
    named = {"prediction_id": f"{id[:24]}-11", "prediction": "Yes"}
    assert rows[11] == {**named, "probability_No": 0.27, "probability_Yes": 0.73}


def test_a_table_may_be_compressed(scorer: FlaskClient, services: Services, settings: Settings) -> None:
    id = submit(scorer, gzip.compress(TABLE), headers={"Content-Encoding": "gzip"}).get_json()["id"]
    work(services, settings, id)
    assert scorer.get(f"/jobs/{id}").get_json()["rows"] == 12


def test_a_table_may_lie_in_an_allowed_place(tmp_path: Path) -> None:
    settings = make_settings(tmp_path / "home", job_places=(f"file://{tmp_path}/data",))
    services = build_services(settings)
    services.active.current = make_loaded_release()
    client = create_app(settings, services).test_client()
    client.environ_base["HTTP_X_API_KEY"] = make_key(services, settings, "jobs").text
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_bytes(TABLE)
    id = client.post("/jobs", json={"uri": f"file://{tmp_path}/data/rows.csv"}).get_json()["id"]
    work(services, settings, id)
    assert client.get(f"/jobs/{id}").get_json()["state"] == "done"
    services.close()


def test_addresses_are_not_read_where_no_place_is_allowed(scorer: FlaskClient) -> None:
    refused = scorer.post("/jobs", json={"uri": "file:///etc/passwd.csv"})
    assert (refused.status_code, refused.get_json()["error"]) == (403, "place_not_allowed")


def test_rows_that_do_not_fit_are_told_by_the_job(scorer: FlaskClient, services: Services, settings: Settings) -> None:
    table = write_table([*[ROW] * 7, {**ROW, "tenure": "many"}], CSV)
    id = submit(scorer, table).get_json()["id"]
    work(services, settings, id)
    failed = scorer.get(f"/jobs/{id}").get_json()
    assert failed["state"] == "failed"
    assert failed["failure"]["error"] == "invalid_rows"
    assert [(fault["row"], fault["field"]) for fault in failed["failure"]["errors"]] == [(7, "tenure")]
    answer = scorer.get(f"/jobs/{id}/result")
    assert (answer.status_code, answer.get_json()["error"]) == (409, "job_not_done")


def test_a_job_is_cancelled_and_then_removed(scorer: FlaskClient) -> None:
    id = submit(scorer).get_json()["id"]
    assert scorer.delete(f"/jobs/{id}").get_json()["state"] == "cancelled"
    assert scorer.delete(f"/jobs/{id}").status_code == 200
    assert scorer.get(f"/jobs/{id}").get_json()["error"] == "job_not_found"


def test_another_key_does_not_see_the_job(
    app: Flask, scorer: FlaskClient, services: Services, settings: Settings
) -> None:
    id = submit(scorer).get_json()["id"]
    key = make_key(services, settings, "jobs").text
    other = app.test_client()
    for method, path in (("GET", f"/jobs/{id}"), ("GET", f"/jobs/{id}/result"), ("DELETE", f"/jobs/{id}")):
        answer = other.open(path, method=method, headers={"X-API-Key": key})
        assert (answer.status_code, answer.get_json()["error"]) == (404, "job_not_found")
    assert other.get("/jobs", headers={"X-API-Key": key}).get_json() == {"jobs": [], "next": None}
    assert scorer.get(f"/jobs/{id}").status_code == 200


def test_an_operator_sees_and_ends_the_jobs_of_all_keys_but_gets_no_results(
    app: Flask, scorer: FlaskClient, services: Services, settings: Settings
) -> None:
    id = submit(scorer).get_json()["id"]
    work(services, settings, id)
    operator = app.test_client()
    operator.environ_base["HTTP_X_API_KEY"] = make_key(services, settings, "jobs", "admin").text
    listed = operator.get("/jobs").get_json()
    assert listed == {"jobs": [scorer.get(f"/jobs/{id}").get_json()], "next": None}
    assert operator.get(f"/jobs/{id}").get_json() == listed["jobs"][0]
    assert operator.get(f"/jobs/{id}/result").get_json()["error"] == "job_not_found"
    assert operator.delete(f"/jobs/{id}").get_json()["state"] == "done"
    assert scorer.get("/jobs").get_json() == {"jobs": [], "next": None}


def test_jobs_are_listed_page_by_page_newest_first(scorer: FlaskClient) -> None:
    ids = [submit(scorer).get_json()["id"] for _ in range(5)]
    pages: list[list[str]] = []
    before: dict[str, str] = {}
    while not pages or before:
        page = scorer.get("/jobs", query_string={"limit": "2", **before}).get_json()
        pages.append([job["id"] for job in page["jobs"]])
        before = {"before": page["next"]} if page["next"] else {}
    assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]


@pytest.mark.parametrize(
    "wanted",
    [{"limit": "0"}, {"limit": "101"}, {"limit": "-1"}, {"limit": "ten"}, {"limit": "²"}, {"before": "1"}]
    + [{"before": f"{moment}-{'a' * 32}"} for moment in ("", "-1", "9" * 17, "1e3")],
)
def test_a_page_that_nobody_has_told_of_is_refused(scorer: FlaskClient, wanted: dict[str, str]) -> None:
    refused = scorer.get("/jobs", query_string=wanted)
    assert (refused.status_code, refused.get_json()["error"]) == (400, "invalid_page")


@pytest.mark.parametrize(
    ("options", "status", "error"),
    [
        ({"data": b"", "content_type": CSV}, 400, "bad_request"),
        ({"data": b"x", "content_type": "application/pdf"}, 415, "unsupported_media_type"),
        ({"data": TABLE, "content_type": CSV, "query_string": {"result": "xls"}}, 400, "unknown_result_format"),
        ({"json": {"url": "s3://bucket/rows.csv"}}, 422, "invalid_body"),
        ({"data": b"x" * 1_000_001, "content_type": CSV}, 413, "too_large"),
    ],
)
def test_what_cannot_be_a_job_is_refused_and_leaves_nothing(
    tmp_path: Path, options: dict[str, Any], status: int, error: str
) -> None:
    settings = make_settings(tmp_path, job_max_mb=1)
    services = build_services(settings)
    services.active.current = make_loaded_release()
    client = create_app(settings, services).test_client()
    client.environ_base["HTTP_X_API_KEY"] = make_key(services, settings, "jobs").text
    answer = client.post("/jobs", **options)
    assert (answer.status_code, answer.get_json()["error"]) == (status, error)
    assert JobFiles(settings.jobs_path).list_jobs() == []
    services.close()


def test_without_an_active_version_there_are_no_jobs(scorer: FlaskClient, services: Services) -> None:
    services.active.current = None
    answer = submit(scorer)
    assert (answer.status_code, answer.get_json()["error"]) == (503, "model_not_ready")


def test_the_document_describes_tables_and_the_choice_of_a_format(anonymous: FlaskClient) -> None:
    operation = orjson.loads(anonymous.get("/openapi.json").data)["paths"]["/jobs"]["post"]
    assert set(operation["requestBody"]["content"]) == {"application/json", *TABLES}
    (parameter,) = operation["parameters"]
    assert (parameter["name"], parameter["in"]) == ("result", "query")
    assert set(operation["responses"]["202"]["content"]) == {"application/json"}
