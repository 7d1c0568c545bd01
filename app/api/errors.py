"""Every error of every route becomes one problem document (RFC 9457): written here and nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.api.bodies.faults import describe_fault
from app.api.monitoring.observing import note_error, note_limit
from app.api.request_id import current_request_id
from app.api.responses import answer_json
from app.errors import FieldFault, RateLimited, ServiceError, StorageUnwritable, is_storage_fault

PROBLEM_MEDIA_TYPE = "application/problem+json"
ERROR_PAGE = "/docs/errors"
_CHALLENGE = 'ApiKey realm="gluonserve", header="X-API-Key"'
_CHALLENGES = {"invalid_token": 'Bearer realm="gluonserve", error="invalid_token"'}
_REFUSALS = {
    400: ("bad_request", "The request cannot be read", "The request could not be read."),
    404: ("not_found", "Not found", "There is nothing at this address."),
    405: ("method_not_allowed", "Method not allowed", "The Allow header lists the methods that this address takes."),
    413: ("too_large", "The request is too large", "The request is larger than the server accepts."),
}

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Problem:
    status: int
    code: str
    title: str
    detail: str
    faults: Sequence[FieldFault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def register_error_handlers(app: Flask) -> None:
    app.register_error_handler(ServiceError, answer_service_error)
    app.register_error_handler(HTTPException, _answer_http_exception)
    app.register_error_handler(Exception, _answer_unknown_exception)


def answer_problem(problem: Problem) -> Response:
    note_error(request.environ, problem.code)
    body: dict[str, object] = {
        "type": f"{ERROR_PAGE}#{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "error": problem.code,
        "request_id": current_request_id(),
    }
    if problem.faults:
        body["errors"] = [describe_fault(fault) for fault in problem.faults]
    return answer_json(body, status=problem.status, media_type=PROBLEM_MEDIA_TYPE, headers=problem.headers)


def answer_service_error(error: ServiceError) -> Response:
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log_failure(error)
    if isinstance(error, RateLimited):
        note_limit(request.environ, error.limit)
    return answer_problem(
        Problem(
            status=error.status,
            code=error.code,
            title=error.title,
            detail=error.detail,
            faults=error.faults,
            headers=_choose_headers(error),
        )
    )


def _answer_http_exception(error: HTTPException) -> Response | HTTPException:
    """Answer what Flask and Werkzeug refuse. Their own description is not shown: it may repeat an exception's text."""
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error
    code, title, detail = _REFUSALS.get(error.code, _describe_rare_status(error.code))
    headers = _choose_http_headers(error)
    return answer_problem(Problem(status=error.code, code=code, title=title, detail=detail, headers=headers))


def _answer_unknown_exception(error: Exception) -> Response:
    _log_failure(error)
    if is_storage_fault(error):
        return answer_service_error(StorageUnwritable())
    return answer_problem(
        Problem(
            status=500,
            code="internal_error",
            title="Internal error",
            detail="The server failed on this request. It logged the reason under this request id.",
        )
    )


def _log_failure(error: Exception) -> None:
    expected = isinstance(error, ServiceError) and error.status != HTTPStatus.INTERNAL_SERVER_ERROR
    if expected:
        # Why it is not available was logged once, when it became so; probes ask several times a second.
        _logger.debug("The request is refused: %s", error)
    else:
        _logger.error("The request failed.", exc_info=error)


def _choose_headers(error: ServiceError) -> dict[str, str]:
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = _CHALLENGES.get(error.code, _CHALLENGE)
    return headers


def _choose_http_headers(error: HTTPException) -> dict[str, str]:
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        return {"Allow": ", ".join(sorted(error.valid_methods))}
    return {}


def _describe_rare_status(status: int) -> tuple[str, str, str]:
    code = "bad_request" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal_error"
    title = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
    return code, title, f"The server refused this request with status {status}."
