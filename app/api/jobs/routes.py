"""GET and POST /jobs, GET and DELETE /jobs/<id>, GET /jobs/<id>/result."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, g, request, send_file

from app.api.bodies.faults import describe_fault
from app.api.bodies.pieces import iterate_body
from app.api.bodies.reading import is_json, load_json
from app.api.guard import require_auth
from app.api.jobs.paging import PAGE_SCHEMAS, read_page, write_position
from app.api.jobs.schemas import (
    RESULT_PARAMETER,
    RESULT_SCHEMA,
    RESULT_TYPES,
    USUAL_RESULT,
    JobAnswer,
    JobRequest,
    JobsAnswer,
)
from app.api.openapi.operation import describe
from app.api.responses import answer_json
from app.api.services import current_services
from app.errors import BadRequest, UnsupportedMediaType
from app.security.permissions import permits
from app.serving.formats.media_types import TABLES, find_table_format
from app.serving.jobs.job import JobProgress
from app.serving.jobs.service import JobOrder
from app.serving.scoring.scorer import PartRefusal

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")

_REQUEST = JobRequest()
_ANSWER = JobAnswer()


@blueprint.get("")
@describe("List jobs", answers={200: JobsAnswer}, errors=(400,), arguments=PAGE_SCHEMAS)
@require_auth("jobs")
def list_jobs() -> Response:
    """The newest first: those that the key has handed in; with the permission `admin` besides, those of all keys."""
    wanted = read_page(request.args)
    page = current_services().jobs.list_newest(key_id=_name_seen_key(), before=wanted.before, most=wanted.limit)
    next_page = None if page.last is None else write_position(page.last)
    return answer_json({"jobs": [_describe(progress) for progress in page.jobs], "next": next_page})


@blueprint.post("")
@describe(
    "Score a table in the background",
    accepts=JobRequest,
    takes_tables=True,
    arguments={RESULT_PARAMETER: RESULT_SCHEMA},
    answers={202: JobAnswer},
)
@require_auth("jobs")
def create_job() -> Response:
    """The body is the table itself, perhaps compressed, or a JSON document that tells where it lies."""
    jobs = current_services().jobs
    if is_json():
        uri: str = load_json(_REQUEST)["uri"]
        progress = jobs.submit_address(uri, _read_order(None))
    else:
        progress = jobs.submit_table(iterate_body(current_app.config["JOB_BYTES"]), _read_order(_read_table_format()))
    return answer_json(_describe(progress), status=202, headers={"Location": f"/jobs/{progress.job.id}"})


@blueprint.get("/<id>")
@describe("Look at a job", answers={200: JobAnswer}, errors=(404,))
@require_auth("jobs")
def show_job(id: str) -> Response:
    """Only the key that has handed it in sees it, and whoever has the permission `admin` besides."""
    return answer_json(_describe(current_services().jobs.find(id, key_id=_name_seen_key())))


@blueprint.delete("/<id>")
@describe("End a job", answers={200: JobAnswer}, errors=(404,))
@require_auth("jobs")
def end_job(id: str) -> Response:
    """One that goes on is cancelled. Of one that has ended, the result and all else is removed."""
    return answer_json(_describe(current_services().jobs.end(id, key_id=_name_seen_key())))


@blueprint.get("/<id>/result")
@describe("Fetch the result of a job", answers={200: "text/csv"}, errors=(404, 409))
@require_auth("jobs")
def fetch_result(id: str) -> Response:
    """In the format that was asked for, one row for each row of the table and in their order.

    Only the key that has handed the job in gets it.
    """
    path, job = current_services().jobs.find_result(id, key_id=_name_key())
    ending = next(ending for ending, media_type in RESULT_TYPES.items() if media_type == job.result_type)
    return send_file(path, mimetype=job.result_type, as_attachment=True, download_name=f"{job.id}.{ending}")


def _name_key() -> str:
    """A token is as good as the key that it was made with."""
    key: str = g.caller.key.id
    return key


def _name_seen_key() -> str | None:
    """Whose jobs the caller sees: None for those of all keys."""
    return None if permits(g.caller.permissions, "admin") else _name_key()


def _read_order(media_type: str | None) -> JobOrder:
    asked = request.args.get(RESULT_PARAMETER, USUAL_RESULT)
    if asked not in RESULT_TYPES:
        raise BadRequest(f"A result is one of {', '.join(RESULT_TYPES)}.", code="unknown_result_format")
    return JobOrder(key_id=_name_key(), media_type=media_type, result_type=RESULT_TYPES[asked])


def _read_table_format() -> str:
    found = find_table_format(request.mimetype)
    if found is None:
        raise UnsupportedMediaType(
            f"A table is sent as one of {', '.join(TABLES)}; application/json tells where it lies."
        )
    return found


def _describe(progress: JobProgress) -> Any:
    job, rate = progress.job, progress.rows_per_second
    return _ANSWER.dump(
        {
            "id": job.id,
            "key_id": job.key_id,
            "state": progress.state,
            "version": job.version,
            "created_at": _write_time(job.created_at),
            "ended_at": job.ended_at and _write_time(job.ended_at),
            "rows": job.rows,
            "rows_done": progress.rows_done,
            "progress": progress.share,
            "rows_per_second": rate and round(rate, 1),
            "warnings": job.warnings,
            "failure": job.refusal and _describe_refusal(job.refusal),
        }
    )


def _describe_refusal(refusal: PartRefusal) -> dict[str, Any]:
    errors = [describe_fault(fault) for fault in refusal.faults]
    return {"error": refusal.code, "detail": refusal.detail, "errors": errors}


def _write_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
